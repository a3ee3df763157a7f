# SPDX-License-Identifier: Apache-2.0
# Linting: format, layers, sizes, clang-tidy, cppcheck. Everything found is an error.

C_FILES := $(sort $(shell git ls-files 'src/*.[ch]' 'tests/*.[ch]' 'tools/*.c' 2>/dev/null))
CLANG_FORMAT ?= clang-format-14
CLANG_TIDY ?= clang-tidy-14

.PHONY: lint
lint: $(BUILD)/compile_commands.json $(BUILD)/generated/syscall_table.h ## Format, layers, sizes, clang-tidy, cppcheck
	@$(CLANG_FORMAT) --dry-run -Werror $(C_FILES)
	@tools/lint/layers src
	@tools/lint/sizes $(C_FILES)
	@tools/lint/tables docs/security.md docs/oci-conformance.md
	@tools/lint/tidy $(CLANG_TIDY) $(BUILD) $(filter src/%.c,$(C_FILES))
	@cppcheck --enable=warning,performance,portability --error-exitcode=1 -q -j2 --std=c11 \
		-D_GNU_SOURCE -D__x86_64__ -DBERTH_VERSION='""' -Isrc -I$(BUILD)/generated \
		--inline-suppr --suppressions-list=tools/lint/cppcheck.txt src
	@$(PYTEST) -q tests/lint
	@echo 'lint: clean'

.PHONY: format
format: ## Rewrite the C files as .clang-format says
	$(CLANG_FORMAT) -i $(C_FILES)

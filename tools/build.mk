# SPDX-License-Identifier: Apache-2.0
# Building: programs are static and linked with musl; header dependencies come from -MMD.

MUSL_CC ?= musl-gcc
HOST_CC ?= gcc
CLANG ?= clang
WARNINGS := -Wall -Wextra -Wshadow -Wformat=2 -Wstrict-prototypes -Wmissing-prototypes -Wvla \
	-Wimplicit-fallthrough -Werror
CPPFLAGS_ALL := -D_GNU_SOURCE -Isrc -I$(BUILD)/generated -DBERTH_VERSION='"$(VERSION)"'
CFLAGS ?= -O2 -g
HARDEN := -fstack-protector-strong -fno-strict-aliasing
CFLAGS_ALL := -std=gnu17 $(WARNINGS) $(CFLAGS) $(HARDEN) -ffunction-sections -fdata-sections
# musl-gcc looks only at its own headers: let it find the kernel's and jsmn.h after them.
MUSL_FLAGS := -idirafter /usr/include -idirafter /usr/include/$(shell uname -m)-linux-gnu

LIB_DIRS := base kernel namespace cgroup security rootfs oci runtime engine \
	$(patsubst src/%/,%,$(sort $(wildcard src/engine/*/))) view view/top
LIB_SRC := $(sort $(foreach d,$(LIB_DIRS),$(wildcard src/$d/*.c)))
LIB_OBJ := $(LIB_SRC:src/%.c=$(BUILD)/obj/%.o)
# What needs heavy libraries: only berth-image (and the tests) link it, with glibc.
IMAGE_SRC := $(sort $(wildcard src/image/*.c))
IMAGE_LIBS := -lcurl -lcrypto -larchive -lisal -lz -lzstd

# One folder a program below src/bin. All but berth-image are static and linked with musl.
BIN_NAMES := $(notdir $(patsubst %/main.c,%,$(wildcard src/bin/*/main.c)))
MUSL_NAMES := $(filter-out berth-image,$(BIN_NAMES))
BIN_SRC := $(sort $(foreach n,$(BIN_NAMES),$(wildcard src/bin/$n/*.c)))
ALL_SRC := $(LIB_SRC) $(IMAGE_SRC) $(BIN_SRC)
PROGRAMS := $(BIN_NAMES:%=$(BUILD)/%)
# Data files of the engine; in build/ they lie beside the programs, which look there too.
SHARED = $(BUILD)/busybox.tar $(BUILD)/seccomp.json

# Made by the programs themselves, from their tables of commands and options.
MANUAL := $(BUILD)/man/berth.1
COMPLETION := $(BUILD)/completion/berth.bash $(BUILD)/completion/_berth $(BUILD)/completion/berth.fish

.DEFAULT_GOAL := all
.PHONY: all
all: $(PROGRAMS) $(SHARED) $(MANUAL) $(COMPLETION) $(BUILD)/compile_commands.json ## Every program and the built-in image, into build/

# What `berth run busybox` runs where no registry was ever seen.
$(BUILD)/busybox.tar: tools/builtin-image
	@mkdir -p $(@D)
	@echo '  image	$@'
	@$< $@

$(BUILD)/seccomp.json: share/seccomp.json
	@mkdir -p $(@D)
	@cp $< $@

# One tree of objects for each way of compiling: $(1) folder, $(2) compiler, $(3) flags.
define objects
$$(BUILD)/$(1)/%.o: src/%.c | $$(BUILD)/generated/syscall_table.h
	@mkdir -p $$(@D)
	@echo '  $(2)	$$@'
	@$(2) $$(CPPFLAGS_ALL) $(3) -MMD -MP -c $$< -o $$@
endef
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
$(eval $(call objects,obj,$(MUSL_CC),$$(CFLAGS_ALL) $$(MUSL_FLAGS)))
$(eval $(call objects,gcc,$(HOST_CC),$$(CFLAGS_ALL) -fPIE))
$(eval $(call objects,clang,$(CLANG),$$(CFLAGS_ALL)))
$(eval $(call objects,asan,$(HOST_CC),$$(CFLAGS_ALL) -O1 $$(SANITIZE)))
$(eval $(call objects,fuzz,$(CLANG),$$(CFLAGS_ALL) -O1 $$(SANITIZE) -fsanitize=fuzzer-no-link))
$(eval $(call objects,coverage,$(HOST_CC),$$(CFLAGS_ALL) -O0 --coverage))

# The tables of system calls come from libseccomp-dev, by a program of the building machine.
$(BUILD)/generated/syscall_table.h: tools/gen-syscalls.c
	@mkdir -p $(@D)
	$(HOST_CC) -std=gnu17 -O1 -Wall -Wextra $< -lseccomp -o $(@D)/gen-syscalls
	$(@D)/gen-syscalls > $@.new
	mv $@.new $@

# Only a new version recompiles the files that hold it.
$(BUILD)/generated/version: FORCE
	@mkdir -p $(@D)
	@echo '$(VERSION)' | cmp -s - $@ || echo '$(VERSION)' > $@
.PHONY: FORCE
FORCE:
$(foreach v,obj asan gcc clang coverage fuzz,$(BUILD)/$v/runtime/features.o $(BIN_NAMES:%=$(BUILD)/$v/bin/%/main.o) $(BUILD)/$v/bin/berth/frame.o): $(BUILD)/generated/version

LINK_FLAGS := -static -Wl,--gc-sections -Wl,-z,relro,-z,now
# Stripped, since some copy themselves to memory at a start; the symbols lie beside them.
define musl_program
$$(BUILD)/$(1): $$(patsubst src/%.c,$$(BUILD)/obj/%.o,$$(wildcard src/bin/$(1)/*.c)) $$(LIB_OBJ)
	@echo "  link	$$@"
	@$$(MUSL_CC) $$(LINK_FLAGS) $$(filter %.o,$$^) -o $$@.debug
	@strip -o $$@ $$@.debug
endef
$(foreach n,$(MUSL_NAMES),$(eval $(call musl_program,$n)))

# The frame of commands, pages and completion from the tables of each program.
IMAGE_SHARES := src/bin/berth/frame.c src/bin/berth/manual.c src/bin/berth/complete.c
$(BUILD)/berth-image: $(patsubst src/%.c,$(BUILD)/gcc/%.o,$(wildcard src/bin/berth-image/*.c) $(IMAGE_SHARES) $(IMAGE_SRC) $(LIB_SRC))
	@echo "  link	$@"
	@$(HOST_CC) -pie -Wl,--gc-sections -Wl,-z,relro,-z,now $(filter %.o,$^) $(IMAGE_LIBS) -lm -o $@.debug
	@strip -o $@ $@.debug

$(MANUAL): $(BUILD)/berth $(BUILD)/berth-image
	@rm -rf $(@D)
	@$(BUILD)/berth man $(@D)
	@$(BUILD)/berth-image man $(@D)

$(BUILD)/completion/berth.bash: SHELL_NAME := bash
$(BUILD)/completion/_berth: SHELL_NAME := zsh
$(BUILD)/completion/berth.fish: SHELL_NAME := fish
$(COMPLETION): $(BUILD)/berth
	@mkdir -p $(@D)
	@$< completion $(SHELL_NAME) > $@

# Programs with ASan and UBSan, linked with glibc: for chasing a bug by hand.
define sanitized_program
$$(BUILD)/sanitize/$(1): $$(patsubst src/%.c,$$(BUILD)/asan/%.o,$$(wildcard src/bin/$(1)/*.c) $$(if $$(filter berth-image,$(1)),$$(IMAGE_SHARES)) $$(IMAGE_SRC) $$(LIB_SRC))
	@mkdir -p $$(@D)
	@$$(HOST_CC) $$(SANITIZE) $$(filter %.o,$$^) $$(IMAGE_LIBS) -lm -o $$@
endef
$(foreach n,$(BIN_NAMES),$(eval $(call sanitized_program,$n)))

.PHONY: sanitize
sanitize: $(PROGRAMS:$(BUILD)/%=$(BUILD)/sanitize/%) ## Programs with ASan and UBSan, into build/sanitize/

.PHONY: compilers
compilers: $(foreach v,gcc clang,$(ALL_SRC:src/%.c=$(BUILD)/$v/%.o)) ## Compile everything with glibc by gcc and by clang

# clang-tidy and editors read it; clangd finds it in build/ by itself.
$(BUILD)/compile_commands.json: tools/compile-commands $(MAKEFILE_LIST) $(sort $(dir $(ALL_SRC)))
	@mkdir -p $(@D)
	@$< '$(CLANG) $(CPPFLAGS_ALL) $(CFLAGS_ALL)' $(ALL_SRC) > $@

.PHONY: run
run: ## Install what is missing, build, and run a container under limits, seen from both sides
	tools/install-deps build run
	+@$(MAKE) --no-print-directory all
	tools/demo $(BUILD)/berth

.PHONY: install
install: $(PROGRAMS) $(SHARED) $(MANUAL) $(COMPLETION) ## Copy the programs to $(DESTDIR)$(PREFIX)/bin, their data, manual and completion to share/
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/berth
	install -m 755 $(PROGRAMS) $(DESTDIR)$(PREFIX)/bin
	install -m 644 $(SHARED) $(DESTDIR)$(PREFIX)/share/berth
	install -d $(DESTDIR)$(PREFIX)/share/man/man1
	install -m 644 $(BUILD)/man/*.1 $(DESTDIR)$(PREFIX)/share/man/man1
	@for kind in system user; do \
		install -d $(DESTDIR)$(PREFIX)/lib/systemd/$$kind; \
		sed 's|@BINDIR@|$(PREFIX)/bin|' share/systemd/berth-restart.$$kind.service \
			> $(DESTDIR)$(PREFIX)/lib/systemd/$$kind/berth-restart.service; \
	done
	install -D -m 644 $(BUILD)/completion/berth.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/berth
	install -D -m 644 $(BUILD)/completion/_berth $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_berth
	install -D -m 644 $(BUILD)/completion/berth.fish $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/berth.fish

.PHONY: clean
clean: ## Remove build/
	rm -rf $(BUILD)

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

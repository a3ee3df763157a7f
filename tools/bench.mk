# SPDX-License-Identifier: Apache-2.0
# The bench: our runtime beside its peers and beside the floor, in one table.

BENCH_FLAGS := -std=gnu17 -D_GNU_SOURCE $(WARNINGS) -O2 $(MUSL_FLAGS) -static

$(BUILD)/bench/%: tests/bench/%.c
	@mkdir -p $(@D)
	$(MUSL_CC) $(BENCH_FLAGS) $< -o $@

# BENCH="--quick" or "--rows run,exec -n 50" are handed on.
.PHONY: bench
bench: $(BUILD)/berth-runtime $(BUILD)/bench/floor $(BUILD)/bench/launch
	/usr/bin/python3 tests/bench/run.py --build $(BUILD) $(BENCH)

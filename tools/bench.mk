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

# The engine beside Podman: BENCH="--rows run,exec -n 50", "--image FILE" for the load of a large image.
.PHONY: bench-engine
bench-engine: $(PROGRAMS) $(BUILD)/busybox.tar $(BUILD)/seccomp.json $(BUILD)/bench/launch ## The engine beside Podman
	/usr/bin/python3 tests/bench/engine.py --build $(BUILD) $(BENCH)

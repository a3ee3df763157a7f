# SPDX-License-Identifier: Apache-2.0
# Testing: unit (ASan and UBSan), fuzz, integration on this machine and on cgroup v2 in a microvm.

UNIT_SRC := $(sort $(wildcard tests/unit/test_*.c))
UNIT := $(UNIT_SRC:tests/unit/%.c=$(BUILD)/unit/%)
FUZZ_SRC := $(sort $(wildcard tests/fuzz/fuzz_*.c))
FUZZ := $(FUZZ_SRC:tests/fuzz/%.c=$(BUILD)/fuzz-bin/%)
# Seconds for each fuzz target.
FUZZ_TIME ?= 30
# What pytest runs, and with which arguments: make integration T="tests/integration/test_hooks.py -k slow -x"
T ?= tests/integration tests/regress tests/engine

.PHONY: check
check: ## Everything that must pass: installs what is missing, then builds, lints and tests
	tools/install-deps all
	+@MAKE='$(MAKE)' tools/check

# Each unit test is a program of its own with the whole library in it.
$(BUILD)/unit/test_%: tests/unit/test_%.c $(patsubst src/%.c,$(BUILD)/asan/%.o,$(LIB_SRC) $(IMAGE_SRC))
	@mkdir -p $(@D)
	@echo '  unit	$@'
	@$(HOST_CC) $(CPPFLAGS_ALL) -std=gnu17 $(WARNINGS) -g -O1 $(SANITIZE) -MMD -MP $(filter %.c %.o,$^) \
		-lcmocka -lseccomp $(IMAGE_LIBS) -lm -o $@

.PHONY: unit
unit: $(UNIT) ## Unit tests with ASan and UBSan
	@tools/unit $(UNIT)

$(BUILD)/fuzz-bin/fuzz_%: tests/fuzz/fuzz_%.c $(patsubst src/%.c,$(BUILD)/fuzz/%.o,$(LIB_SRC) $(IMAGE_SRC))
	@mkdir -p $(@D)
	@echo '  fuzz	$@'
	@$(CLANG) $(CPPFLAGS_ALL) -std=gnu17 $(WARNINGS) -g -O1 $(SANITIZE) -fsanitize=fuzzer $(filter %.c %.o,$^) $(IMAGE_LIBS) -lm -o $@

.PHONY: fuzz
fuzz: $(FUZZ) ## Fuzz targets, FUZZ_TIME=30 seconds each, from the corpus in tests/fuzz/corpus
	@tools/fuzz $(FUZZ_TIME) $(FUZZ)

$(BUILD)/probe: tests/integration/probe.c
	@mkdir -p $(@D)
	$(MUSL_CC) -std=gnu17 -D_GNU_SOURCE $(WARNINGS) -O1 $(MUSL_FLAGS) -static $< -o $@

$(BUILD)/attack: tests/regress/attack.c
	@mkdir -p $(@D)
	$(MUSL_CC) -std=gnu17 -D_GNU_SOURCE $(WARNINGS) -O1 $(MUSL_FLAGS) -static $< -o $@

# Lets a system call of another program fail: what tools/fault-inject drives.
$(BUILD)/inject: tests/faults/inject.c $(BUILD)/obj/security/syscalls.o
	@mkdir -p $(@D)
	$(MUSL_CC) $(CPPFLAGS_ALL) -std=gnu17 $(WARNINGS) -O1 $(MUSL_FLAGS) -static $^ -o $@

# The runtime with groups of resctrl that are plain folders: no machine of the tests has the real ones.
$(BUILD)/resctrl_fake.o: tests/integration/resctrl_fake.c
	@mkdir -p $(@D)
	@$(MUSL_CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) $(MUSL_FLAGS) -c $< -o $@

$(BUILD)/berth-runtime-resctrl: $(patsubst src/%.c,$(BUILD)/obj/%.o,$(filter-out src/kernel/resctrl.c,$(LIB_SRC)) $(wildcard src/bin/berth-runtime/*.c)) $(BUILD)/resctrl_fake.o
	@$(MUSL_CC) $(LINK_FLAGS) $^ -o $@

# What tests run beside the programs or inside containers.
TEST_TOOLS := $(BUILD)/probe $(BUILD)/attack $(BUILD)/berth-runtime-resctrl
.PHONY: test-tools
test-tools: $(TEST_TOOLS) $(BUILD)/inject

# On cgroup v2 the same, but of the engine only what groups have a part in: the processor is an emulated one.
VM_T ?= tests/integration tests/regress tests/engine/test_run.py tests/engine/test_change.py tests/engine/test_pools.py tests/engine/test_update_atomic.py tests/engine/test_limits.py tests/engine/test_ns.py tests/engine/test_why.py

PYTEST := $(PYTHON) -B -m pytest -p no:cacheprovider
.PHONY: integration
integration: $(PROGRAMS) $(TEST_TOOLS) ## Tests in containers on this machine (root): T="FILE -k NAME" picks
	$(PYTEST) $(T)

# Points for each command and lane in make check; the emulated processor is slow.
FAULTS_SAMPLE ?= 45
FAULTS_VM_SAMPLE ?= 20
.PHONY: faults
faults: $(PROGRAMS) $(BUILD)/inject ## The runtime with a system call that fails or is its last: points picked by chance
	tools/fault-inject --sample $(FAULTS_SAMPLE) $(FAULTS)

.PHONY: check-faults
check-faults: $(PROGRAMS) $(TEST_TOOLS) $(BUILD)/inject ## Every system call, on this machine, and a sample on cgroup v2: FAULTS="run exec" picks
	tools/fault-inject $(FAULTS)
	tools/microvm --timeout 5400 run -- tools/fault-inject --sample $(FAULTS_VM_SAMPLE) $(FAULTS)

# Bounded in count and time.
SOAK ?= --alive 1000 --churn 2000 --jobs 16 --execs 10000 --seconds 1800
.PHONY: soak
soak: $(PROGRAMS) $(TEST_TOOLS) ## Many containers at once, many one after another, many execs: SOAK="--alive 100 ..."
	tools/soak $(SOAK)

.PHONY: clients
clients: $(PROGRAMS) ## containerd, Podman and Docker with the runtime in runc's place (root)
	$(PYTEST) tests/clients

.PHONY: vm
vm: $(PROGRAMS) $(TEST_TOOLS) ## The same tests on a pure cgroup v2 kernel in a microvm
	tools/microvm run -- $(PYTEST) $(VM_T)

.PHONY: vm-ramfs
vm-ramfs: $(PROGRAMS) $(TEST_TOOLS) ## Life cycle where / is a ramfs, which pivot_root refuses
	tools/microvm --ramfs run -- $(PYTEST) tests/integration/test_harness.py tests/integration/test_cli.py

.PHONY: vm-systemd
vm-systemd: $(PROGRAMS) $(TEST_TOOLS) ## Groups as units, where process 1 is systemd
	tools/microvm --systemd run -- $(PYTEST) tests/integration/test_systemd.py

COVERAGE := $(UNIT_SRC:tests/unit/%.c=$(BUILD)/coverage-bin/%)
$(BUILD)/coverage-bin/test_%: tests/unit/test_%.c $(patsubst src/%.c,$(BUILD)/coverage/%.o,$(LIB_SRC) $(IMAGE_SRC))
	@mkdir -p $(@D)
	@$(HOST_CC) $(CPPFLAGS_ALL) -std=gnu17 -g --coverage $(filter %.c %.o,$^) -lcmocka -lseccomp $(IMAGE_LIBS) -lm -o $@

.PHONY: coverage
coverage: $(COVERAGE) ## Lines covered by the unit tests, file by file
	@find $(BUILD)/coverage -name '*.gcda' -delete
	@tools/unit $(COVERAGE)
	@tools/coverage $(BUILD)/coverage

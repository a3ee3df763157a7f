# SPDX-License-Identifier: Apache-2.0
# Building: programs are static and linked with musl; header dependencies come from -MMD.

MUSL_CC ?= musl-gcc
WARNINGS := -Wall -Wextra -Wshadow -Wformat=2 -Wstrict-prototypes -Wmissing-prototypes -Wvla \
	-Wimplicit-fallthrough -Werror
CPPFLAGS_ALL := -D_GNU_SOURCE -Isrc -I$(BUILD)/generated -DBERTH_VERSION='"$(VERSION)"'
CFLAGS ?= -O2 -g
HARDEN := -fstack-protector-strong -fno-strict-aliasing
CFLAGS_ALL := -std=gnu17 $(WARNINGS) $(CFLAGS) $(HARDEN) -ffunction-sections -fdata-sections
# musl-gcc looks only at its own headers: let it find the kernel's and jsmn.h after them.
MUSL_FLAGS := -idirafter /usr/include -idirafter /usr/include/$(shell uname -m)-linux-gnu

LIB_DIRS := base kernel namespace cgroup security rootfs oci runtime
LIB_SRC := $(sort $(foreach d,$(LIB_DIRS),$(wildcard src/$d/*.c)))
RUNTIME_SRC := $(sort $(wildcard src/bin/berth-runtime/*.c))
PROGRAMS := $(BUILD)/berth-runtime

LIB_OBJ := $(LIB_SRC:src/%.c=$(BUILD)/obj/%.o)
RUNTIME_OBJ := $(RUNTIME_SRC:src/%.c=$(BUILD)/obj/%.o)

.PHONY: all
all: $(PROGRAMS)

.DEFAULT_GOAL := all

$(BUILD)/obj/%.o: src/%.c
	@mkdir -p $(@D)
	@$(MUSL_CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) $(MUSL_FLAGS) -MMD -MP -c $< -o $@

# The tables of system calls come from libseccomp-dev, by a program of the building machine.
HOST_CC ?= gcc
$(BUILD)/generated/syscall_table.h: tools/gen-syscalls.c
	@mkdir -p $(@D)
	$(HOST_CC) -std=gnu17 -O1 -Wall -Wextra $< -lseccomp -o $(@D)/gen-syscalls
	$(@D)/gen-syscalls > $@.new
	mv $@.new $@

$(BUILD)/obj/security/syscalls.o: | $(BUILD)/generated/syscall_table.h

$(BUILD)/berth-runtime: $(RUNTIME_OBJ) $(LIB_OBJ)
	$(MUSL_CC) -static -Wl,--gc-sections -Wl,-z,relro,-z,now $^ -o $@

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)

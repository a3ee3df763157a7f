/* SPDX-License-Identifier: Apache-2.0 */
/* System calls by name on every architecture of the specification. */

/*
 * Theory of operation
 *
 * The tables come from tools/gen-syscalls at build time: one blob of sorted names, a hash of 16-bit
 * slots over them (FNV-1a, open addressing) and a column of 16-bit numbers for each architecture.
 * Architectures of two byte orders share a column.
 */
#include "security/syscalls.h"

#include <errno.h>
#include <linux/audit.h>
#include <string.h>

#include "base/auto.h"
#include "security/seccomp.h"
#include "syscall_table.h"

#ifndef EM_LOONGARCH
#define EM_LOONGARCH 258
#endif
#ifndef AUDIT_ARCH_LOONGARCH64
#define AUDIT_ARCH_LOONGARCH64 (EM_LOONGARCH | __AUDIT_ARCH_64BIT | __AUDIT_ARCH_LE)
#endif
#ifndef SYSCALL_COLUMN_LOONGARCH64
/* Both use the generic table; riscv64 only adds two calls of its own. */
#define SYSCALL_COLUMN_LOONGARCH64 SYSCALL_COLUMN_RISCV64
#define SYSCALL_MUX_LOONGARCH64 0
#endif
#ifndef SYSCALL_COLUMN_M68K
#define SYSCALL_COLUMN_M68K (-1)
#define SYSCALL_MUX_M68K 0
#endif
#ifndef SYSCALL_COLUMN_SH
#define SYSCALL_COLUMN_SH (-1)
#define SYSCALL_MUX_SH 0
#endif

#define ARM_PRIVATE 0x0f0000

_Static_assert(ARRAY_LEN(syscall_offsets) == SYSCALL_NAMES, "an offset for each name");
_Static_assert(sizeof(syscall_names) < 0xffff, "offsets have 16 bits");

const size_t syscall_name_count = SYSCALL_NAMES;

#define ARCH(name, audit_, column_, base_, is_64_, is_be_)                         \
	{                                                                          \
		.oci_name = "SCMP_ARCH_" name, .audit = (audit_), .base = (base_), \
		.column = SYSCALL_COLUMN_##column_, .mux = SYSCALL_MUX_##column_,  \
		.is_64 = (is_64_), .is_big_endian = (is_be_),                      \
	}

static const struct syscall_arch arches[] = {
	ARCH("X86", AUDIT_ARCH_I386, X86, 0, false, false),
	ARCH("X86_64", AUDIT_ARCH_X86_64, X86_64, 0, true, false),
	ARCH("X32", AUDIT_ARCH_X86_64, X32, 0x40000000, false, false),
	ARCH("ARM", AUDIT_ARCH_ARM, ARM, 0, false, false),
	ARCH("AARCH64", AUDIT_ARCH_AARCH64, AARCH64, 0, true, false),
	ARCH("MIPS", AUDIT_ARCH_MIPS, MIPS, 4000, false, true),
	ARCH("MIPS64", AUDIT_ARCH_MIPS64, MIPS64, 5000, true, true),
	ARCH("MIPS64N32", AUDIT_ARCH_MIPS64N32, MIPS64N32, 6000, false, true),
	ARCH("MIPSEL", AUDIT_ARCH_MIPSEL, MIPS, 4000, false, false),
	ARCH("MIPSEL64", AUDIT_ARCH_MIPSEL64, MIPS64, 5000, true, false),
	ARCH("MIPSEL64N32", AUDIT_ARCH_MIPSEL64N32, MIPS64N32, 6000, false, false),
	ARCH("PPC", AUDIT_ARCH_PPC, PPC, 0, false, true),
	ARCH("PPC64", AUDIT_ARCH_PPC64, PPC64, 0, true, true),
	ARCH("PPC64LE", AUDIT_ARCH_PPC64LE, PPC64, 0, true, false),
	ARCH("S390", AUDIT_ARCH_S390, S390, 0, false, true),
	ARCH("S390X", AUDIT_ARCH_S390X, S390X, 0, true, true),
	ARCH("PARISC", AUDIT_ARCH_PARISC, PARISC, 0, false, true),
	ARCH("PARISC64", AUDIT_ARCH_PARISC64, PARISC64, 0, true, true),
	ARCH("RISCV64", AUDIT_ARCH_RISCV64, RISCV64, 0, true, false),
	ARCH("LOONGARCH64", AUDIT_ARCH_LOONGARCH64, LOONGARCH64, 0, true, false),
	ARCH("M68K", AUDIT_ARCH_M68K, M68K, 0, false, true),
	ARCH("SH", AUDIT_ARCH_SHEL, SH, 0, false, false),
	ARCH("SHEB", AUDIT_ARCH_SH, SH, 0, false, true),
};

_Static_assert(ARRAY_LEN(arches) == 23, "the architectures of the specification 1.3");

/* The hash must be the one of tools/gen-syscalls. */
int syscall_name_index(const char *name)
{
	uint32_t h = 2166136261u;
	unsigned slot;

	for (const char *p = name; *p; p++)
		h = (h ^ (unsigned char)*p) * 16777619u;
	h ^= h >> 16;
	while ((slot = syscall_slots[h % SYSCALL_SLOTS]) != SYSCALL_NONE) {
		if (!strcmp(syscall_name(slot), name))
			return (int)slot;
		h++;
	}
	return -ENOENT;
}

const char *syscall_name(size_t index)
{
	return syscall_names + syscall_offsets[index];
}

unsigned syscall_relative(const struct syscall_arch *arch, size_t index)
{
	return arch->column < 0 ? SYSCALL_NONE : syscall_numbers[arch->column][index];
}

uint32_t syscall_absolute(const struct syscall_arch *arch, unsigned relative)
{
	return relative < SYSCALL_PRIVATE ? arch->base + relative
					  : ARM_PRIVATE + relative - SYSCALL_PRIVATE;
}

bool syscall_find_mux(size_t index, struct syscall_mux *ret)
{
	size_t low = 0, high = ARRAY_LEN(syscall_mux);

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (syscall_mux[mid].name == index) {
			*ret = (struct syscall_mux){.call = syscall_mux[mid].call,
						    .is_ipc = syscall_mux[mid].is_ipc};
			return true;
		}
		if (syscall_mux[mid].name < index)
			low = mid + 1;
		else
			high = mid;
	}
	return false;
}

size_t syscall_mux_index(bool is_ipc)
{
	return is_ipc ? SYSCALL_IPC : SYSCALL_SOCKETCALL;
}

const struct syscall_arch *syscall_arch_by_name(const char *oci_name)
{
	for (size_t i = 0; i < ARRAY_LEN(arches); i++)
		if (!strcmp(arches[i].oci_name, oci_name))
			return &arches[i];
	return NULL;
}

const struct syscall_arch *syscall_arch_at(size_t i)
{
	return i < ARRAY_LEN(arches) ? &arches[i] : NULL;
}

const struct syscall_arch *syscall_arch_by_audit(uint32_t audit)
{
	for (size_t i = 0; i < ARRAY_LEN(arches); i++)
		if (arches[i].audit == audit)
			return &arches[i];
	return NULL;
}

int seccomp_syscall_number(unsigned arch, const char *name)
{
	const struct syscall_arch *a = syscall_arch_by_audit(arch);
	int index = syscall_name_index(name);
	unsigned relative;

	if (!a || index < 0)
		return -ENOSYS;
	relative = syscall_relative(a, (size_t)index);
	return relative == SYSCALL_NONE ? -ENOSYS : (int)syscall_absolute(a, relative);
}

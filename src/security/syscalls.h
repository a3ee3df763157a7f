/* SPDX-License-Identifier: Apache-2.0 */
/* System calls by name on every architecture of the specification. */
#ifndef BERTH_SECURITY_SYSCALLS_H
#define BERTH_SECURITY_SYSCALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Numbers in tables are relative to the base of the architecture; from SYSCALL_PRIVATE on they mean
 * arm's private calls. Nothing is SYSCALL_LIMIT or above but SYSCALL_NONE. */
#define SYSCALL_PRIVATE 1000
#define SYSCALL_LIMIT 1016
#define SYSCALL_NONE 0xffff

/* Which of the multiplexing calls an architecture has. */
#define SYSCALL_MUX_SOCKETCALL 1
#define SYSCALL_MUX_IPC 2

struct syscall_arch {
	const char *oci_name; /* "SCMP_ARCH_X86_64" */
	uint32_t audit;       /* AUDIT_ARCH_*; x32 has that of x86_64 */
	uint32_t base;        /* of its numbers */
	int16_t column;       /* of the table, or -1: the library that made the table has none */
	uint8_t mux;          /* SYSCALL_MUX_* */
	bool is_64, is_big_endian;
};

/* How an old 32-bit call reaches the kernel: socketcall(call, ...) or ipc(call, ...). */
struct syscall_mux {
	unsigned call;
	bool is_ipc;
};

/* The number of names; indices of names are below it. */
extern const size_t syscall_name_count;

/* The index of a name, or -ENOENT. */
int syscall_name_index(const char *name);

const char *syscall_name(size_t index);

/* The number of the call relative to the base of the architecture, or SYSCALL_NONE. */
unsigned syscall_relative(const struct syscall_arch *arch, size_t index);

/* The kernel's number for a relative one. */
uint32_t syscall_absolute(const struct syscall_arch *arch, unsigned relative);

/* Whether the call went through socketcall or ipc in its first life. */
bool syscall_find_mux(size_t index, struct syscall_mux *ret);

/* The indices of the names "socketcall" and "ipc". */
size_t syscall_mux_index(bool is_ipc);

const struct syscall_arch *syscall_arch_by_name(const char *oci_name);
const struct syscall_arch *syscall_arch_by_audit(uint32_t audit);

/* The i-th architecture of the specification, NULL past the last: for the features document. */
const struct syscall_arch *syscall_arch_at(size_t i);

#endif

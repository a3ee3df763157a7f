/* SPDX-License-Identifier: Apache-2.0 */
/* seccomp: from the rules of config.json to a BPF program shaped as a tree of syscall ranges. */
#ifndef BERTH_SECURITY_SECCOMP_H
#define BERTH_SECURITY_SECCOMP_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>

#include "oci/spec.h"

struct arena;
struct err;
struct json_writer;

struct seccomp_program {
	struct sock_filter *filter; /* in the arena */
	size_t n;                   /* 0: no seccomp asked for */
	unsigned flags;             /* SECCOMP_FILTER_FLAG_* */
	bool has_notify;            /* a listener descriptor comes out of the load */
};

/* Pure. native_arch: AUDIT_ARCH_* of the machine (always part of the program). Errors: unknown
 * action, operator, flag or architecture, argument index over 5, errno on an action without one,
 * NOTIFY as default action or on the calls that the hand-over itself needs, ... Unknown system call
 * names are skipped, as runc and crun do (a profile is written for many kernels). */
int seccomp_compile(const struct oci_seccomp *s, unsigned native_arch, struct arena *a,
		    struct seccomp_program *ret, struct err *e);
void seccomp_print(const struct seccomp_program *p, struct json_writer *w);

/* Loads the program into the caller. Returns the listener's descriptor (O_CLOEXEC), 0 where there is
 * none, or -errno. Needs no_new_privs or CAP_SYS_ADMIN. SPEC_ALLOW and the others as in the flags. */
int seccomp_load(const struct seccomp_program *p, struct err *e);

/* The kernel's number of a call on the native architecture, or -ENOSYS. */
int seccomp_syscall_number(unsigned arch, const char *name);

#endif

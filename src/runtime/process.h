/* SPDX-License-Identifier: Apache-2.0 */
/* How a process inside a container gets what config.json says of it: the same for create and exec. */
#ifndef BERTH_RUNTIME_PROCESS_H
#define BERTH_RUNTIME_PROCESS_H

#include "oci/spec.h"
#include "security/seccomp.h"
#include "security/security.h"

struct process_plan {
	const struct oci_process *process;
	const struct oci_linux *linux_; /* personality, memory policy, seccomp */
	struct caps_plan caps;
	struct seccomp_program seccomp;
	const char *keyring;      /* NULL: keep the caller's session keyring */
	unsigned preserve_fds;    /* descriptors 3 .. 2 + preserve_fds stay open */
	bool makes_cwd;           /* a missing working directory is made (create) */
	const char **args, **env; /* NULL-terminated; env has one free place for HOME */
	size_t env_n;
};

/* Pure. Checks and compiles everything about the process; -ENOTSUP for a label without its LSM. */
int process_plan_make(const struct oci_process *process, const struct oci_linux *linux_,
		      const char *mount_label, struct arena *a, struct process_plan *ret,
		      struct err *e);

/* In the child, in its namespaces and below its root, with all rights still there: keyring, limits,
 * scheduling, label, working directory, and the search for the program (ret_program: in the arena). */
int process_prepare(const struct process_plan *p, struct arena *a, const char **ret_program,
		    struct err *e);

/* In the child, last of all: gives up rights, loads seccomp and executes. Returns only on failure.
 * socket: where a seccomp listener is handed over. can_setgroups: see user_apply. */
int process_exec(const struct process_plan *p, const char *program, bool can_setgroups, int socket,
		 struct err *e);

#endif

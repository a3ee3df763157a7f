/* SPDX-License-Identifier: Apache-2.0 */
/* What a process may do: capabilities, labels, limits, keyring and the rest, each planned, then set. */
#ifndef BERTH_SECURITY_SECURITY_H
#define BERTH_SECURITY_SECURITY_H

#include <stdbool.h>
#include <stdint.h>

#include "oci/spec.h"

struct arena;
struct err;
struct json_writer;

/* ---- caps.c: five sets as bit masks -------------------------------------------------------------- */

struct caps_plan {
	bool is_set; /* false: leave the sets alone */
	uint64_t bounding, effective, permitted, inheritable, ambient;
};

/* Pure. "CAP_CHOWN" in any case; unknown names are warned about and dropped, as the specification
 * wants of what cannot be granted. An absent object (!c->is_set) gives five empty sets, as runc and crun
 * read it: a process has what it was given and nothing else. */
int caps_plan_make(const struct oci_capabilities *c, struct caps_plan *ret, struct err *e);
/* Before the ids change: the bounding set, and keepcaps. What the caller itself lacks is dropped with
 * a warning. */
int caps_drop_bounding(const struct caps_plan *p, struct err *e);
/* After the ids changed: effective, permitted, inheritable, ambient. */
int caps_apply(const struct caps_plan *p, struct err *e);
const char *caps_name(unsigned cap); /* "CAP_CHOWN", NULL beyond the last */
unsigned caps_last(void);            /* the last capability that the names table has */
bool caps_have(unsigned cap);        /* is it in the caller's effective set */

/* ---- user.c: ids ---------------------------------------------------------------------------------- */

/* setgroups, setresgid, setresuid, umask, in the order that needs no right twice. can_setgroups is
 * false in a rootless user namespace with setgroups denied: asking for groups is an error then. */
int user_apply(const struct oci_user *u, bool can_setgroups, struct err *e);

/* ---- rlimit.c, oom.c, personality.c, sched.c, keyring.c, lsm.c ------------------------------------ */

/* Pure: names known, no doubles, soft <= hard. */
int rlimits_check(const struct oci_process *p, struct err *e);
/* Sets them on the caller. Raising a hard limit without CAP_SYS_RESOURCE: an error that says so. */
int rlimits_apply(const struct oci_process *p, struct err *e);

/* Writes /proc/self/oom_score_adj through proc_fd (a handle from outside does as well). Lowering
 * without CAP_SYS_RESOURCE: a clear error. Order: before the ids change in any way (user_apply; with a
 * user namespace: ns_prepare), since that makes /proc/self the property of the host's root. */
int oom_score_apply(int64_t value, int proc_fd, struct err *e);

int personality_check(const struct oci_linux *l, struct err *e);
int personality_apply(const struct oci_linux *l, struct err *e);

/* process.scheduler, process.ioPriority, linux.memoryPolicy, and CPU lists of execCPUAffinity. */
int scheduler_check(const struct oci_process *p, struct err *e);
int scheduler_apply(const struct oci_process *p, struct err *e);
int io_priority_check(const struct oci_process *p, struct err *e);
int io_priority_apply(const struct oci_process *p, struct err *e);
int memory_policy_check(const struct oci_linux *l, struct err *e);
int memory_policy_apply(const struct oci_linux *l, struct err *e);
int cpu_affinity_apply(const char *list, struct err *e); /* "0-3,7" on the caller */

/* Joins a new session keyring named NAME; a kernel without keyrings (ENOSYS) is fine. */
int keyring_join(const char *name, struct err *e);

/* AppArmor and SELinux: what the kernel has, and the label for the next exec. Asking for a label that
 * the kernel cannot give is an error (-ENOTSUP) found by lsm_check, before anything is made. */
bool lsm_has_apparmor(void);
bool lsm_has_selinux(void);
int lsm_check(const struct oci_process *p, const char *mount_label, struct err *e);
int lsm_set_exec_label(const struct oci_process *p, int proc_fd, struct err *e);

#endif

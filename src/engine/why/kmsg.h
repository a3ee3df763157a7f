/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's log: who was killed for want of memory, and which system calls a filter refused. */
#ifndef BERTH_ENGINE_WHY_KMSG_H
#define BERTH_ENGINE_WHY_KMSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;

/* "oom-kill:constraint=...,oom_memcg=...,task_memcg=...,task=...,pid=..." and the "Killed process" line behind it
 * (mm/oom_kill.c, dump_oom_summary and __oom_kill_process). */
struct kmsg_oom {
	int64_t time_ns;          /* CLOCK_REALTIME */
	const char *limit_group;  /* whose limit ran out; "/": no group's, the machine's */
	const char *victim_group; /* where the victim was */
	const char *task;
	int64_t pid, kb; /* kb: what it had in memory; 0: not told */
};

/* "audit: type=1326 ... pid= comm= exe= sig= arch= syscall= code=" (kernel/auditsc.c, audit_seccomp). */
struct kmsg_denial {
	int64_t time_ns, pid, sig, call, arch, code;
	const char *comm;
};

/* "audit: type=1400 ... apparmor=\"DENIED\" operation= profile= ... pid= comm= capname=": a security module said no. */
struct kmsg_refusal {
	int64_t time_ns, pid;
	const char *comm, *profile;
	const char *what; /* "capability net_admin", "open /etc/shadow" */
};

struct kmsg_log {
	bool is_readable;
	struct {
		struct kmsg_oom *v;
		size_t n;
	} ooms;
	struct {
		struct kmsg_denial *v;
		size_t n;
	} denials;
	struct {
		struct kmsg_refusal *v;
		size_t n;
	} refusals;
};

/* Reads /dev/kmsg, from since_ns on. What cannot be read leaves is_readable false. */
void kmsg_read(int64_t since_ns, struct arena *a, struct kmsg_log *ret);

/* Adds what one record ("6,123,456789,-;TEXT\n...") tells. offset_ns: what to add to its time for CLOCK_REALTIME. */
void kmsg_add(const char *record, int64_t offset_ns, int64_t since_ns, struct arena *a,
	      struct kmsg_log *to);

/* Is the path that group, or below it? */
bool kmsg_is_below(const char *path, const char *group);

#endif

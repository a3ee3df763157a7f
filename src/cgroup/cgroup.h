/* SPDX-License-Identifier: Apache-2.0 */
/* Control groups of one container, whichever versions the machine mounts. */
#ifndef BERTH_CGROUP_CGROUP_H
#define BERTH_CGROUP_CGROUP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "oci/spec.h"

struct arena;
struct err;
struct json_writer;

/*
 * Theory of operation
 *
 * A machine has hierarchies: on v2 one, on v1 one for each group of controllers, on hybrid both. A
 * `layout` is what was found; a `plan` is, for one container, the path of its group in each
 * hierarchy in use and the ordered list of (hierarchy, file, value) to write; a `cgroup` is the
 * groups opened. Each controller's file (cpu.c, memory.c, ...) turns its part of oci_resources into
 * writes, v1 and v2 side by side. Only v1.c, v2.c, hybrid.c and none.c know how a group is made,
 * entered, frozen, killed, removed.
 */

enum cgroup_mode { CGROUP_NONE, CGROUP_V1, CGROUP_HYBRID, CGROUP_V2 };

enum cgroup_controller {
	CG_CPU,
	CG_CPUACCT,
	CG_CPUSET,
	CG_MEMORY,
	CG_IO, /* blkio on v1 */
	CG_PIDS,
	CG_DEVICES, /* v1 only; an eBPF program on v2 */
	CG_FREEZER, /* v1 only */
	CG_HUGETLB,
	CG_NET_CLS,
	CG_NET_PRIO,
	CG_RDMA,
	CG_MISC,
	CG_PERF_EVENT,
	CG_CONTROLLER_COUNT,
};

enum { CGROUP_HIERARCHY_MAX = 16 };

struct cgroup_hierarchy {
	bool is_v2;
	const char *name;     /* directory name: "cpu,cpuacct", "memory", "" on pure v2 */
	const char *mount;    /* "/sys/fs/cgroup/memory" */
	const char *own;      /* the caller's own group below mount, from /proc/self/cgroup */
	uint32_t controllers; /* bits 1 << enum cgroup_controller */
};

/* A unit of systemd that holds the groups, where systemd manages them; name NULL: they are made by file. */
struct cgroup_unit {
	const char *name;  /* "berth-ID.scope" */
	const char *slice; /* "system.slice"; of a slice unit: the one above it, or "" */
	bool is_user;      /* of the calling user's manager */
};

struct cgroup_layout {
	enum cgroup_mode mode;
	unsigned n;
	struct cgroup_hierarchy hierarchy[CGROUP_HIERARCHY_MAX];
	int8_t of[CG_CONTROLLER_COUNT]; /* hierarchy of each controller, -1: missing on this machine
					 */
	const char *systemd_root; /* cgroup_ask_systemd: units are below this; NULL: not asked */
	bool is_systemd_user;
};

/* Finds out by statfs and /proc/self/cgroup (mountinfo only where the usual places are empty). */
int cgroup_detect(struct arena *a, struct cgroup_layout *ret, struct err *e);

/* --systemd-cgroup: from now on plans make units of the system's manager (or the calling user's). Asks only a
 * user's manager where its own group is. */
int cgroup_ask_systemd(struct cgroup_layout *layout, bool is_user, struct arena *a, struct err *e);

struct cgroup_write {
	uint8_t hierarchy;
	const char *file, *value;
	const char *property; /* what asked for it: "linux.resources.memory.limit" */
	bool is_optional; /* a kernel that lacks the file is no error (rsvd limits, swap of a kernel
			     without) */
	bool is_alternative; /* only where the write before it found no file (io.bfq.weight,
				io.weight) */
	uint8_t together; /* != 0: neighbours with one number depend on each other; any order that
			     works */
};

struct cgroup_plan {
	const struct cgroup_layout *layout;
	const char *path;     /* the group as asked for: "/berth/ID" */
	bool is_relative;     /* path is below the caller's own group of each hierarchy */
	bool is_default_path; /* cgroupsPath was absent */
	const char *group_path[CGROUP_HIERARCHY_MAX]; /* the group below each mount */
	uint32_t used;        /* bits: hierarchies in which a group is made */
	uint32_t controllers; /* bits: v2 controllers to enable where the machine has them ... */
	uint32_t needed;      /* ... and those without which a limit cannot be set */
	SLICE(struct oci_device_rule)
	device_rules; /* v2: for the eBPF program, the last match wins */
	SLICE(struct cgroup_write) writes;
	const struct oci_resources *resources;
	bool is_rootless;
	struct maybe_u64 owner_uid; /* v2 delegation: chown the group to the container's root */
	struct cgroup_unit unit;
	const struct oci_pairs *annotations; /* with unit: org.systemd.property.* */
};

/* Pure but for the layout. id gives the path where cgroupsPath is absent. Errors: a limit whose
 * controller is missing (told by name), values out of range, `unified` on v1, ... Rootless without
 * a usable group and no limits asked: mode NONE behaviour, used == 0. */
int cgroup_plan_make(const struct cgroup_layout *layout, const struct oci_spec *spec,
		     const char *id, bool is_rootless, struct arena *a, struct cgroup_plan *ret,
		     struct err *e);
void cgroup_plan_print(const struct cgroup_plan *p, struct json_writer *w);

/* The groups of one container, opened. Zero fds are never valid: unused ones are -EBADF. Every
 * hierarchy of the machine has an entry, so that cgroup_update can make a group later where none
 * was needed so far; dir_fd tells whether there is one. mount and path live as long as the plan's
 * (or saved list's) arena. */
struct cgroup {
	unsigned n;
	struct {
		bool is_v2;
		uint32_t controllers;
		const char *mount, *path; /* whole path is mount + path */
		int dir_fd;               /* O_PATH | O_DIRECTORY */
		int tasks_fd; /* v1: O_WRONLY on `tasks`, opened by cgroup_create; else -EBADF */
	} group[CGROUP_HIERARCHY_MAX];
	struct cgroup_unit unit;
	pid_t keeper; /* holds the unit until cgroup_settle; 0: none */
};

/* Makes the groups, checks that they were not there frozen or non-empty (-EBUSY), and applies the
 * writes and the device rules. On failure nothing that it made is left. */
int cgroup_create(const struct cgroup_plan *p, struct cgroup *ret, struct err *e);

/* The v2 directory for CLONE_INTO_CGROUP, or -EBADF (none; or cgroup_attach is the way in). */
int cgroup_clone_fd(const struct cgroup *c);

/* While the child waits: an ordinary user may not move a process from his session into a unit of his manager
 * (cgroup-v2.rst, "Delegation Containment"), so systemd is asked to. Nothing to do for all others. */
int cgroup_attach(const struct cgroup *c, pid_t pid, struct err *e);

/* Once the container's first process is in its groups (or nothing will be). */
void cgroup_settle(struct cgroup *c);

/* In a single-threaded child, before anything else: enters each v1 group by writing 0 into `tasks`.
 */
int cgroup_enter_self(const struct cgroup *c, struct err *e);

/* For exec and later commands. save writes one JSON value (an array of
 * {mount,path,v2,controllers}), load opens the same groups again; a group that is gone is left out.
 * `sub` (may be NULL): a group below the container's own, as `exec --cgroup` names it; opened with
 * tasks fds. */
void cgroup_save(const struct cgroup *c, struct json_writer *w);
struct cgroup_saved {
	struct {
		bool v2;
		uint64_t controllers;
		const char *mount, *path;
	} * v;
	size_t n;
	struct cgroup_unit unit;
};
int cgroup_open(const struct cgroup_saved *saved, struct cgroup *ret, struct err *e);
/* Opens what the freezer needs and nothing else: every listing asks it of every container. Returns 1, 0 (also
 * for a group that is gone or cannot be frozen) or -errno. */
int cgroup_is_frozen(const struct cgroup_saved *saved);
int cgroup_open_for_exec(const struct cgroup_saved *saved, const char *sub, struct arena *a,
			 struct cgroup *ret, struct err *e);
void cgroup_close(struct cgroup *c); /* closes descriptors only */

int cgroup_freeze(const struct cgroup *c, struct err *e); /* returns when frozen; poll, no sleep */
int cgroup_thaw(const struct cgroup *c, struct err *e);
int cgroup_pids(const struct cgroup *c, struct arena *a, pid_t **ret, size_t *ret_n, struct err *e);
/* Signals every process of the group (cgroup.kill for SIGKILL on v2; freeze, signal, thaw on v1).
 */
int cgroup_kill(const struct cgroup *c, int signo, struct err *e);
/* Kills what is left, waits for emptiness (poll on cgroup.events or pidfds) and removes the groups,
 * sub-groups first. A group already gone is fine. */
int cgroup_destroy(const struct cgroup *c, struct err *e);

/* Changes limits in place: all or none (old values are put back where a later write fails). Makes
 * and enters v1 groups that were not in use so far. */
int cgroup_update(const struct cgroup *c, const struct oci_resources *r, struct err *e);

/* What an update would write, without writing it: the files' present texts (NULL: no such file yet) and the new
 * ones, in the arena. */
struct cgroup_change {
	const char *mount, *path, *file, *property, *old, *value;
};
int cgroup_update_plan(const struct cgroup *c, const struct oci_resources *r, struct arena *a,
		       struct cgroup_change **ret, size_t *ret_n, struct err *e);

/* cgroup_update that can be taken back later by cgroup_undo, for changes of several groups that belong together. A
 * v1 group made by it stays, with its parent's values. */
struct cgroup_undo {
	const struct cgroup_write *v;
	const char **olds;
	size_t n;
};
int cgroup_update_undoable(const struct cgroup *c, const struct oci_resources *r, struct arena *a,
			   struct cgroup_undo *ret, struct err *e);
void cgroup_undo(const struct cgroup *c, const struct cgroup_undo *u);

/* Writes the figures as the "data" object of runc's `events --stats` (types/events.go of runc). */
int cgroup_stats_print(const struct cgroup *c, struct json_writer *w, struct err *e);

/* Out-of-memory kills so far in this group (memory.events oom_kill / memory.oom_control), or
 * -errno; and a descriptor to poll for the next one (*ret_events: the poll(2) events to ask for).
 */
int64_t cgroup_oom_kills(const struct cgroup *c);
/* After POLLPRI a v2 descriptor must be read from offset 0, after POLLIN a v1 one (8 bytes), to be
 * armed again. */
int cgroup_oom_fd(const struct cgroup *c, short *ret_events, struct err *e);

#endif

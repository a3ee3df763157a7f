/* SPDX-License-Identifier: Apache-2.0 */
/* The eight namespaces: what is planned for each, and how each is made, joined and prepared. */
#ifndef BERTH_NAMESPACE_NAMESPACE_H
#define BERTH_NAMESPACE_NAMESPACE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "oci/spec.h"

struct err;
struct json_writer;

enum ns_type {
	NS_USER, /* first: the others belong to it, and are joined after it */
	NS_MOUNT,
	NS_PID,
	NS_NET,
	NS_IPC,
	NS_UTS,
	NS_CGROUP,
	NS_TIME,
	NS_TYPE_COUNT,
};

enum ns_action { NS_INHERIT, NS_CREATE, NS_JOIN };

/* What is fixed about a kind: a table in namespace.c, one row from each of pid.c, net.c, ... */
struct ns_kind {
	const char *oci_name;  /* "network" */
	const char *proc_name; /* "net": /proc/self/ns/net */
	uint64_t clone_flag;   /* CLONE_NEWNET */
};

extern const struct ns_kind *const ns_kinds[NS_TYPE_COUNT];

/* The order in which ns_join is to be called: user first, mount last. */
extern const enum ns_type ns_join_order[NS_TYPE_COUNT];

struct ns_plan {
	enum ns_action action[NS_TYPE_COUNT];
	const char *path[NS_TYPE_COUNT]; /* for NS_JOIN */
	struct oci_id_maps uid_maps, gid_maps;
	struct oci_time_offset monotonic, boottime;
	const char *hostname, *domainname; /* NULL: leave */
	struct oci_pairs sysctl;
	const struct oci_net_device *net_devices; /* to move into the network namespace */
	size_t n_net_devices;
	bool is_rootless; /* the maps go through newuidmap or the single-id fallback */
};

/* Pure. Errors: unknown or double type, relative path, hostname or domainname without uts, sysctl
 * that belongs to no namespace of the plan or whose name is not well formed, maps without user
 * namespace, user namespace created without maps or without the ids of the process, time offsets without a new time namespace, ... */
int ns_plan_make(const struct oci_spec *spec, bool is_rootless, struct ns_plan *ret, struct err *e);
void ns_plan_print(const struct ns_plan *p, struct json_writer *w);

/* Opens every joined path and checks its type (NS_GET_NSTYPE), and that it is not the caller's own
 * mount namespace, nor another of its own that a sysctl of the plan would change. fds[i] is -EBADF
 * where nothing is joined; the caller closes. Returns 0 or -errno, with nothing left open. */
int ns_open(const struct ns_plan *p, int fds[NS_TYPE_COUNT], struct err *e);

/* The CLONE_NEW* flags that one clone3 may take: every created namespace but cgroup (made after the
 * group is joined) and time with offsets (they must be written before anyone enters). */
uint64_t ns_clone_flags(const struct ns_plan *p);

/* True where a process in between is needed: a joined user namespace that shall own created ones, a
 * created one beside others that are joined before it, or a joined pid namespace that the caller
 * cannot leave again (can_return: it holds ns_own_pid's descriptor). */
bool ns_needs_stage(const struct ns_plan *p, bool can_return);

/* For who joins a pid namespace: a descriptor of the caller's own, by which it may return, or -EPERM where it may not
 * (a process of another user namespace than that of its pid namespace). */
int ns_own_pid(void);

/* True where fd is the namespace of this kind that the caller is in already. */
bool ns_is_own(const struct ns_kind *kind, int fd);

/* setns(2) of one kind (0 where the plan does not join it); a joined time namespace takes effect at once in a single-threaded process,
 * pid only for children. Returns 0 or -errno. */
int ns_join(const struct ns_plan *p, enum ns_type type, const int fds[NS_TYPE_COUNT],
	    struct err *e);

/* In the parent: writes setgroups, gid_map, uid_map of a child in a new user namespace (directly,
 * by newuidmap/newgidmap, or one id with a notice in the log). Returns 0 or -errno. */
int ns_user_write_maps(const struct ns_plan *p, pid_t child, struct err *e);

/* In the child: false where setgroups(2) is denied, as it is after the fallback to one id. */
bool ns_user_can_setgroups(int proc_fd);

/* In the child, once its maps are written: what belongs to the created (or joined, where the
 * specification says so) namespaces: time offsets and entering that namespace, loopback up, host and
 * domain name; at last it becomes root (0, 0) in the created or joined user namespace, or, where
 * that one maps no root, the first that the plan maps, since its sysctls and files ask for that. After that /proc/self is not writable for it
 * any more: call oom_score_apply before. The cgroup namespace has its own call since it waits for the
 * group. */
int ns_prepare(const struct ns_plan *p, struct err *e);
int ns_cgroup_create(const struct ns_plan *p, struct err *e);

/* In the parent, once the child is in its network namespace: moves the plan's devices there, gives them their
 * permanent global addresses again and brings them up. Returns 0 or -errno. */
int ns_net_devices_move(const struct ns_plan *p, pid_t child, struct err *e);

/* In the child, all namespaces being in place: writes the sysctls through proc_fd. */
int ns_write_sysctls(const struct ns_plan *p, int proc_fd, struct err *e);

#endif

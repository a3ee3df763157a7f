/* SPDX-License-Identifier: Apache-2.0 */
/* The map of namespaces: containers of any engine and plain processes, and who shares what with whom. */
#ifndef BERTH_ENGINE_NAMESPACES_MAP_H
#define BERTH_ENGINE_NAMESPACES_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;

/*
 * Theory of operation
 *
 * A scan (scan.h) is what /proc tells of every process. Processes that live in the control group of a container
 * are that container's; its path names the engine and the id. All others are told apart by their namespaces
 * alone: those that have all in common with the first process of the machine are "the host", the rest is
 * grouped by the set of namespaces and named after its first process. The map is a pure function of the scan.
 */

enum ns_map_kind {
	NS_MAP_CGROUP,
	NS_MAP_IPC,
	NS_MAP_MNT,
	NS_MAP_NET,
	NS_MAP_PID,
	NS_MAP_TIME,
	NS_MAP_USER,
	NS_MAP_UTS,
	NS_MAP_KINDS,
};
extern const char *const ns_map_kind_names[NS_MAP_KINDS]; /* as in /proc/PID/ns */

struct ns_process {
	int64_t pid;
	const char *command;           /* comm */
	const char *cgroup;            /* /proc/PID/cgroup; may be NULL */
	uint64_t inode[NS_MAP_KINDS];  /* 0: may not be read */
	const char *uid_map, *gid_map; /* as in /proc; may be NULL */
};

/* A container that we know by name. */
struct ns_known {
	const char *id, *name;
	int64_t pid; /* its first process */
};

struct ns_scan {
	struct ns_process *v; /* by pid, smallest first */
	size_t n;
	const struct ns_known *known;
	size_t n_known;
};

struct ns_group {
	const char *name; /* of the container; else "host", or "COMMAND (PID)" */
	const char *
		engine; /* "berth", "docker", "podman", "containerd", "cri-o", "container"; "": no container */
	const char *id; /* whole, or "" */
	const struct ns_process *first;
	size_t processes;
	bool has_no_group; /* a container of an ordinary user, without control group */
	bool is_host;      /* all namespaces are the host's, and it is no container */
	bool is_hidden[NS_MAP_KINDS];
	bool is_hosts[NS_MAP_KINDS]; /* shared with the host */
	/* shared with these other groups (indexes), the host's apart */
	size_t *with[NS_MAP_KINDS];
	size_t n_with[NS_MAP_KINDS];
};

struct ns_map {
	struct ns_group *v; /* the host first, then containers, then others, each by pid */
	size_t n;
	size_t hidden; /* processes whose namespaces may not be read */
};

void ns_map_make(const struct ns_scan *scan, struct arena *a, struct ns_map *ret);

/* The container that a /proc/PID/cgroup text names: its engine, or NULL for none; *ret_id in the arena. */
const char *ns_map_container(const char *cgroup, struct arena *a, const char **ret_id);

/* "own", "host", "?", or "box, other": what a group's namespace is. In the arena. */
const char *ns_map_text(const struct ns_map *m, const struct ns_group *g, enum ns_map_kind k,
			struct arena *a);

/* "all" (every id is its own), "0:100000:65536", or "" where not known; several ranges with ", ". */
const char *ns_map_ids(const char *map, struct arena *a);

#endif

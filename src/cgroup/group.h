/* SPDX-License-Identifier: Apache-2.0 */
/* Inside cgroup/: what the two kinds of hierarchy must be able to do, and paths of groups. */
#ifndef BERTH_CGROUP_GROUP_H
#define BERTH_CGROUP_GROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "cgroup/cgroup.h"

enum {
	GROUP_PATH_MAX = 4096,
	GROUP_WAIT_MS = 10000,     /* how long dying processes may take before it is an error */
	GROUP_FILE_MAX = 16 << 20, /* a list of pids longer than this is no list of pids */
};

/*
 * What one kind of hierarchy does its own way. dir_fd is the group's directory, path its whole path
 * for messages. All return >= 0 or -errno and fill e.
 */
struct group_ops {
	/* Makes the group (missing parents too). *ret_made is the number of directories made, which
	 * are the last of the path. controllers: v2: bits to enable; needed: those that must work.
	 */
	int (*make)(const char *mount, const char *path, uint32_t controllers, uint32_t needed,
		    unsigned *ret_made, struct err *e);
	/* Refuses a group that cannot take a new process: frozen, or of the wrong type. */
	int (*check)(int dir_fd, const char *path, struct err *e);
	int (*freeze)(int dir_fd, bool is_on, const char *path, struct err *e);
	int (*is_frozen)(int dir_fd);
	int (*kill)(int dir_fd, int signo, const char *path, struct err *e);
	/* Waits until no process is in the group or below it. */
	int (*wait_empty)(int dir_fd, const char *path, struct err *e);
};

extern const struct group_ops group_ops_v1, group_ops_v2, group_ops_none;

const struct group_ops *group_ops_of(const struct cgroup *c, unsigned i);

/* The group through which the whole container is frozen, killed and waited for, or -1: none. */
int group_leader(const struct cgroup *c);

/* "MOUNT" + "/PATH" into buf. Returns 0 or -ENAMETOOLONG. */
int group_path(char *buf, size_t size, const char *mount, const char *path);

/* mkdir -p below mount; *ret_made counts the directories that were not there. */
int group_make_dirs(const char *mount, const char *path, unsigned *ret_made, struct err *e);

/* Removes the last n directories of path, deepest first; stops at the first that is in use. */
void group_remove_dirs(const char *mount, const char *path, unsigned n);

/* The processes of a group and of all groups below it, appended to the malloc'd list. */
struct pid_list {
	pid_t *v;
	size_t n, size;
};
int group_list_pids(int dir_fd, struct pid_list *list);
int group_count_pids(int dir_fd); /* of the group alone; -errno */
void pid_list_free(struct pid_list *list);
#define auto_pid_list __attribute__((cleanup(pid_list_free)))

/* Sends signo to each process of the group, again and again until a listing shows no new one. */
int group_signal_all(int dir_fd, int signo);

/* Removes the group's sub-groups and then the group. Returns 0 (also if it is gone) or -errno. */
int group_remove_tree(const char *path);

/* Milliseconds of the monotonic clock. */
int64_t group_now_ms(void);

#endif

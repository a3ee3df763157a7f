/* SPDX-License-Identifier: Apache-2.0 */
/* The container's first process, from its birth to the exec of its program. */
#ifndef BERTH_RUNTIME_CHILD_H
#define BERTH_RUNTIME_CHILD_H

#include "runtime/plan.h"

/* What it knows; a copy of the parent's, made by clone. */
struct child {
	const struct plan *plan;
	struct arena *arena;
	const struct cgroup *cgroup;
	const int *ns_fds;
	int listen_fd; /* start.sock, listening; -EBADF: nobody will call `start` (run) */
	int dir_fd;    /* the bundle, for hooks */
	bool is_staged;
	bool waits_ready; /* `run` too waits for the answer to READY */
	unsigned joined;  /* 1 << enum ns_type, by the process in between */
};

/* The joins that must come before the clone of the first process (struct launch's stage). */
int child_stage(void *child, struct err *e);

void child_main(void *child, int socket) __attribute__((noreturn));

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Making the first process of a container or of an exec, and serving it until its program runs. */
#ifndef BERTH_RUNTIME_LAUNCH_H
#define BERTH_RUNTIME_LAUNCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "runtime/handshake.h"

/*
 * Theory of operation
 *
 * The usual way is one clone3 that makes the namespaces and, on v2, enters the cgroup at once. Where
 * a user namespace must be entered before the others are made, others before a new one, or a pid
 * namespace cannot be entered from here (ns_needs_stage), a process in between does that first and clones the real one as *our*
 * child (CLONE_PARENT), so that from then on both ways look the same to us.
 */

struct launch {
	uint64_t flags; /* CLONE_NEW* for the first process */
	int cgroup_fd;  /* v2 directory to be born in, or -EBADF */
	int (*stage)(void *arg,
		     struct err *e); /* NULL: direct; else run in the process in between */
	void __attribute__((noreturn)) (*child)(void *arg, int socket);
	void *arg;
	/* results */
	int socket, pidfd;
	pid_t pid;
};

#define LAUNCH_INIT .socket = -EBADF, .pidfd = -EBADF, .cgroup_fd = -EBADF

/* What the child asked for: handlers may set the answer's value and descriptor (closed after the
 * answer is sent). fd is the child's descriptor, closed after the handler unless it is taken. */
struct request {
	struct launch *launch;
	int32_t value;
	int fd;
	int32_t answer_value;
	int answer_fd;
};

struct launch_table {
	int (*handler[STEP_COUNT])(void *arg, struct request *q, struct err *e);
	void *arg;
};

/* Makes the process. Returns 0 or -errno with nothing left. */
int launch_start(struct launch *l, struct err *e);

/* Answers the child step by step until it said `last` (which stays unanswered: the caller sends the
 * answer) or, with last == STEP_EXEC, until end of file. A child that reports FAILED or dies is an
 * error. */
int launch_serve(struct launch *l, const struct launch_table *t, enum handshake_step last,
		 struct err *e);

/* Kills and reaps what launch_start made and closes everything. */
void launch_abort(struct launch *l);

/* For the child: reports the error to whoever is at the socket and ends. */
void launch_fail(int socket, const struct err *e) __attribute__((noreturn));

#endif

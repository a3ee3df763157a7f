/* SPDX-License-Identifier: Apache-2.0 */
/* A container from its bundle to a first process that waits for its start. */
#ifndef BERTH_RUNTIME_CREATE_H
#define BERTH_RUNTIME_CREATE_H

#include "base/arena.h"
#include "runtime/launch.h"
#include "runtime/plan.h"

/* A container under way; what is made so far is undone by creation_abort. Initialise with
 * CREATION_INIT; must stay where it is. */
struct creation {
	const struct runtime *rt;
	const struct create_request *q;
	struct arena arena;
	struct plan plan;
	struct cgroup cgroup;
	struct launch launch;
	int ns_fds[NS_TYPE_COUNT];
	int dir_fd, bundle_fd, listen_fd;
	int master; /* the terminal, where no console socket takes it */
	bool is_claimed, has_cgroup, has_rdt, owes_poststop;
};

/* Up to STEP_READY, unanswered. is_run: no start.sock is made. */
int creation_make(struct creation *c, const struct runtime *rt, const struct create_request *q,
		  bool is_run, struct err *e);

/* The part of creation_make before the first process: plan, state and groups. On failure the caller goes on with
 * creation_abort, which it also may call before this once creation_init was. */
void creation_init(struct creation *c, const struct runtime *rt, const struct create_request *q);
int creation_prepare(struct creation *c, bool is_run, struct err *e);

/* Notes the first process. */
int creation_take_pid(struct creation *c, pid_t pid, struct err *e);

/* After creation_make with is_run: hears whether the program runs, and runs the poststart hooks. On failure
 * the caller goes on with creation_abort. */
int creation_go(struct creation *c, struct err *e);

/* The container running: waits for its end in the foreground unless it is detached, and closes all. signal_fd and
 * is_reaper: as foreground_wait takes them. */
int creation_wait(struct creation *c, int signal_fd, bool is_reaper, int *ret_code, struct err *e);

/* Once the process has ended: removes everything that the container left, and runs the poststop hooks. */
void creation_end(struct creation *c);

/* Stops and removes everything; poststop hooks run where any hook ran or the container was made. */
void creation_abort(struct creation *c);

/* Frees memory and descriptors; the container lives on. */
void creation_close(struct creation *c);

/* Runs hooks of the runtime's namespace with the container's state. */
int container_run_hooks(const struct container *c, const struct oci_hook_list *hooks,
			const char *name, enum runtime_status status, struct err *e);
/* The poststop hooks, with no pid in the state; failures are warnings. */
void container_run_poststop(const struct container *c, const struct oci_hook_list *hooks);

/* Writes a pid file (replaced by rename), relative to the working directory. NULL path: nothing. */
int pid_file_write(const char *path, pid_t pid, struct err *e);

/* Sends a pidfd over the unix socket at path. NULL path: nothing. */
int pidfd_socket_send(const char *path, int pidfd, struct err *e);

#endif

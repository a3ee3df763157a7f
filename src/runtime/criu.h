/* SPDX-License-Identifier: Apache-2.0 */
/* criu as the worker that writes processes into files and makes them anew from there. */
#ifndef BERTH_RUNTIME_CRIU_H
#define BERTH_RUNTIME_CRIU_H

#include <sys/types.h>

#include "base/protobuf.h"
#include "cgroup/cgroup.h"
#include "runtime/runtime.h"

struct err;

/*
 * Theory of operation
 *
 * `criu swrk FD` serves one request on a SOCK_SEQPACKET socket, in the messages of its rpc.proto; while it works it
 * sends notifications, each of which waits for our answer, so that hooks run and the state is written at their
 * moments. criu resolves the descriptors in a request through /proc/PID/fd of the socket pair's maker; that is the
 * worker itself, before its exec, so that they are of its own mount namespace, in which nothing that it mounts on
 * the way to a new root is seen by anybody. docs/adr/criu-rpc.md says why not its command line.
 */

/* Numbers of rpc.proto (criu 3.17), which are its interface. */
enum criu_type { CRIU_DUMP = 1, CRIU_RESTORE = 2, CRIU_PRE_DUMP = 4, CRIU_NOTIFY = 6 };

enum criu_field {
	CRIU_IMAGES_DIR_FD = 1,
	CRIU_PID = 2,
	CRIU_LEAVE_RUNNING = 3,
	CRIU_EXT_UNIX_SK = 4,
	CRIU_TCP_ESTABLISHED = 5,
	CRIU_EVASIVE_DEVICES = 6,
	CRIU_SHELL_JOB = 7,
	CRIU_FILE_LOCKS = 8,
	CRIU_LOG_LEVEL = 9,
	CRIU_LOG_FILE = 10,
	CRIU_PAGE_SERVER = 11,
	CRIU_NOTIFY_SCRIPTS = 12,
	CRIU_ROOT = 13,
	CRIU_PARENT_IMG = 14,
	CRIU_TRACK_MEM = 15,
	CRIU_AUTO_DEDUP = 16,
	CRIU_WORK_DIR_FD = 17,
	CRIU_LINK_REMAP = 18,
	CRIU_CG_ROOT = 25,
	CRIU_RST_SIBLING = 26,
	CRIU_INHERIT_FD = 27,
	CRIU_MANAGE_CGROUPS = 24,
	CRIU_MANAGE_CGROUPS_MODE = 34,
	CRIU_EXTERNAL = 37,
	CRIU_EMPTY_NS = 38,
	CRIU_FREEZE_CGROUP = 44,
	CRIU_TCP_SKIP_IN_FLIGHT = 46,
	CRIU_LAZY_PAGES = 48,
	CRIU_STATUS_FD = 49,
	CRIU_ORPHAN_PTS_MASTER = 50,
	CRIU_LSM_PROFILE = 53,
	CRIU_LSM_MOUNT_CONTEXT = 63,
	CRIU_NETWORK_LOCK = 64,
};

/* One call under way: descriptors, and the options as they will be sent. Initialise with CRIU_CALL_INIT. */
struct criu_call {
	struct arena *arena;
	const struct criu_options *options;
	struct pb_message message;
	const char *log; /* name of its log in the work folder */
	int image_fd, work_fd;
	/* of the worker's process */
	const char *
		root; /* to be made a mount point of its own, in a mount namespace of its own; or NULL */
	const struct cgroup *group; /* to be entered; or NULL */
	const int *kept;            /* descriptors that it inherits */
	size_t n_kept;
	/* A notification: its name, the container's first process (0 where it does not say), a descriptor that came
	 * along (closed after the call unless taken) or -EBADF. NULL: all is well. */
	int (*on_notify)(void *arg, const char *script, pid_t pid, int *fd, struct err *e);
	void *arg;
	/* result */
	pid_t pid; /* of the restored first process */
};

#define CRIU_CALL_INIT .image_fd = -EBADF, .work_fd = -EBADF

/* Opens the folders (making the image folder if is_dump) and puts down the options that dump and restore share. */
int criu_prepare(struct criu_call *c, bool is_dump, struct err *e);

/* Starts the worker, has it do the request and waits for its end. Errors carry its own last words. */
int criu_run(struct criu_call *c, enum criu_type type, struct err *e);

void criu_close(struct criu_call *c);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Starting a container's monitor and hearing how it went. */
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "engine/container/attach.h"
#include "engine/container/container.h"
#include "engine/pool/pool.h"
#include "kernel/fd.h"
#include "kernel/sys.h"

extern char **environ;

/* What the monitor finds under which number. */
enum { MONITOR_SOCKET = 3, MONITOR_LOCK = 4, MONITOR_ROOT = 5, FIRST_FREE = 10 };

/* A copy out of the way of the numbers above, so that no dup2 hits another's source. */
static int move_away(int fd)
{
	int moved = fd < 0 ? -EBADF : fcntl(fd, F_DUPFD_CLOEXEC, FIRST_FREE);

	return moved < 0 && fd >= 0 ? -errno : moved;
}

static int add_descriptors(posix_spawn_file_actions_t *actions, const int fds[3], bool keeps_stdio)
{
	int null_flags[3] = {O_RDONLY, O_WRONLY, O_WRONLY}, r = 0;

	for (int i = 0; i < 3 && r == 0 && !keeps_stdio; i++)
		r = posix_spawn_file_actions_addopen(actions, i, "/dev/null", null_flags[i], 0);
	for (int i = 0; i < 3 && r == 0; i++)
		r = fds[i] >= 0
			    ? posix_spawn_file_actions_adddup2(actions, fds[i], MONITOR_SOCKET + i)
			    : posix_spawn_file_actions_addclose(actions, MONITOR_SOCKET + i);
	return -r;
}

static int spawn_monitor(const struct engine *g, const struct record *r, const int fds[3],
			 struct err *e)
{
	const char *const argv[] = {"berth-monitor", r->id, NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	char path[4096];
	sigset_t none, standard;
	pid_t pid;
	int rc;

	snprintf(path, sizeof(path), "%s/berth-monitor", g->lib);
	sigemptyset(&none);
	sigfillset(&standard);
	if (posix_spawn_file_actions_init(&actions) || posix_spawnattr_init(&attributes))
		return err_sys(e, -ENOMEM, "prepare the monitor");
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &standard);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	rc = add_descriptors(&actions, fds, str_eq(r->log.driver, "passthrough"));
	if (rc == 0)
		rc = -posix_spawn(&pid, path, &actions, &attributes, (char *const *)argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	return rc < 0 ? err_sys(e, rc,
				"start %s (it belongs beside berth: is the installation whole?)",
				path)
		      : 0;
}

/* STARTED, or why not. */
static int await_answer(int socket, const struct record *r, struct err *e)
{
	static _Thread_local char data[ATTACH_DATA];
	struct attach_message m;
	int n;

	do
		n = attach_receive(socket, &m, data);
	while (n >= 0 && m.type != ATTACH_STARTED && m.type != ATTACH_FAILED);
	if (n < 0)
		return err_say(e, n == -ENODATA ? -EPIPE : n,
			       "the monitor of container %s ended before the container ran (see "
			       "`berth inspect %s`)",
			       r->name, r->name);
	if (m.type == ATTACH_STARTED)
		return 0;
	if (e && (size_t)n == sizeof(*e))
		memcpy(e, data, sizeof(*e));
	return e && e->code ? -e->code : -EIO;
}

/* Copies of what the monitor gets, out of the way of its numbers. */
static int take_away(const int from[3], int ret[3], struct err *e)
{
	for (int i = 0; i < 3; i++)
		ret[i] = move_away(from[i]);
	for (int i = 0; i < 2; i++)
		if (ret[i] < 0)
			return err_sys(e, ret[i], "hand descriptors to the monitor");
	return 0;
}

static void close_all(const int fds[3])
{
	for (int i = 0; i < 3; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

static int start(const struct engine *g, const struct record *r, int lock, int root, unsigned wants,
		 int *ret_socket, struct err *e)
{
	auto_close int ours = -EBADF, theirs = -EBADF;
	int ends[2], far[3], rc;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return err_sys(e, -errno, "make a socket for the monitor");
	ours = ends[0];
	theirs = ends[1];
	rc = take_away((const int[]){theirs, lock, root}, far, e);
	if (rc == 0)
		rc = engine_export(g, e);
	if (rc == 0)
		rc = attach_send(ours, ATTACH_HELLO, wants, NULL, 0);
	if (rc == 0)
		rc = spawn_monitor(g, r, far, e);
	/* The end of file is the monitor's death only when we hold no copy. */
	close_all(far);
	close(TAKE_FD(theirs));
	if (rc < 0)
		return err_sys(e, rc, "start the monitor of container %s", r->name);
	rc = await_answer(ours, r, e);
	if (rc == 0 && ret_socket)
		*ret_socket = TAKE_FD(ours);
	return rc;
}

/* Of a container that was not made just now. */
static int take_lock(const struct engine *g, const struct record *r, struct err *e)
{
	auto_close int dir = record_open(g, r->id, e);
	int lock;

	if (dir < 0)
		return dir;
	lock = record_lock(dir, false, NULL);
	return lock < 0 ? err_say(e, -EBUSY, "container %s is already running", r->name) : lock;
}

int container_start(const struct engine *g, const struct record *r, int lock, int root,
		    unsigned wants, int *ret_socket, struct err *e)
{
	auto_arena struct arena a = {0};
	int rc;

	if (lock < 0)
		lock = take_lock(g, r, e);
	rc = lock < 0 ? lock : 0;
	if (rc == 0 && r->pool)
		rc = pool_use(g, r->pool, &a, e);
	if (rc == 0)
		rc = start(g, r, lock, root, wants, ret_socket, e);
	auto_close_fn(&lock);
	auto_close_fn(&root);
	return rc;
}

int container_failure_code(const struct err *e)
{
	if (!strstr(e->text, "exec: \""))
		return 125;
	return e->code == ENOENT ? 127 : 126;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Logs in the journal, read back by its own program. */
#include "engine/log/journal_print.h"

#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>

#include "base/arena.h"
#include "base/auto.h"
#include "engine/container/record.h"
#include "kernel/sys.h"

extern char **environ;

enum { ARGS_MAX = 16, LOOK_MS = 200 };

static const char *at(struct arena *a, int64_t ns)
{
	return arena_printf(a, "@%lld.%06lld", (long long)(ns / 1000000000),
			    (long long)(ns % 1000000000 / 1000));
}

/* Until the program ends by itself or, following, the container's lock is free. */
static int await(int dir_fd, pid_t pid, bool follows)
{
	auto_close int pidfd = sys_pidfd_open(pid, 0);
	struct pollfd p = {.fd = pidfd, .events = POLLIN};
	int status;

	while (follows && poll(&p, 1, LOOK_MS) == 0)
		if (!record_is_locked(dir_fd)) {
			poll(&p, 1, LOOK_MS); /* what the journal has still to pass on */
			kill(pid, SIGTERM);
			break;
		}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

int journal_print(int dir_fd, const struct record *r, const struct log_query *q, struct err *e)
{
	auto_arena struct arena a = {0};
	const char *argv[ARGS_MAX] = {"journalctl", "--quiet", "--no-pager", "--all"};
	size_t n = 4;
	pid_t pid;
	int rc;

	argv[n++] = q->shows_time ? "--output=short-iso-precise" : "--output=cat";
	argv[n++] = arena_printf(&a, "CONTAINER_ID_FULL=%s", r->id);
	if (!q->wants_err)
		argv[n++] = "PRIORITY=6";
	else if (!q->wants_out)
		argv[n++] = "PRIORITY=3";
	if (q->since_ns)
		argv[n++] = arena_printf(&a, "--since=%s", at(&a, q->since_ns));
	if (q->until_ns)
		argv[n++] = arena_printf(&a, "--until=%s", at(&a, q->until_ns));
	argv[n++] =
		q->tail >= 0 ? arena_printf(&a, "--lines=%lld", (long long)q->tail) : "--lines=all";
	if (q->follows)
		argv[n++] = "--follow";
	rc = posix_spawnp(&pid, argv[0], NULL, NULL, (char *const *)argv, environ);
	if (rc)
		return err_sys(e, -rc,
			       "run journalctl, which reads what log driver journald wrote");
	rc = await(dir_fd, pid, q->follows && record_is_locked(dir_fd));
	return rc < 0 ? err_sys(e, rc, "wait for journalctl") : 0;
}

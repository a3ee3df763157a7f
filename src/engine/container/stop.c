/* SPDX-License-Identifier: Apache-2.0 */
/* Ending containers: signals, the wait for their end, and names for them. */
#include <ctype.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "engine/container/attach.h"
#include "engine/container/container.h"
#include "engine/container/live.h"
#include "engine/container/names.h"
#include "engine/event.h"
#include "kernel/fd.h"
#include "kernel/signal.h"
#include "kernel/sys.h"

enum {
	KILL_SECONDS =
		10, /* from SIGKILL to the end of the monitor: flushing a log takes a while */
	HANDLER_MILLISECONDS = 100, /* for a program that has just begun to install its handlers */
};

/* ---- inside a user's namespaces ------------------------------------------------------------------ */

int live_do(const struct engine *g, const struct container_info *c,
	    int (*action)(const struct engine *g, void *arg, struct err *e), void *arg,
	    struct err *e)
{
	struct engine inside = *g;
	struct err answer = {0};
	int ends[2], status, r;
	pid_t child;

	if (!g->is_rootless || geteuid() == 0)
		return action(g, arg, e);
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(e, -errno, "make a pipe");
	child = fork();
	if (child == 0) {
		r = engine_enter_monitor(&inside, (pid_t)c->status.monitor_pid, &answer);
		if (r == 0)
			action(&inside, arg, &answer);
		_exit(fd_write_all(ends[1], &answer, sizeof(answer)) < 0);
	}
	close(ends[1]);
	if (child < 0 || read(ends[0], &answer, sizeof(answer)) != sizeof(answer))
		err_say(&answer, -EIO, "the process that works on container %s has died",
			c->record.name);
	close(ends[0]);
	while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
		continue;
	if (answer.code && e)
		*e = answer;
	return -answer.code;
}

int live_monitor(const struct engine *g, const struct container_info *c)
{
	auto_close int dir = record_open(g, c->record.id, NULL);
	auto_close int pidfd = -EBADF;

	if (dir < 0 || c->status.monitor_pid <= 0)
		return -ESRCH;
	pidfd = sys_pidfd_open((pid_t)c->status.monitor_pid, 0);
	/* Order: who still holds the lock now was alive when we got hold of it. */
	return pidfd < 0 ? pidfd : record_is_locked(dir) ? TAKE_FD(pidfd) : -ESRCH;
}

/* ---- signals ------------------------------------------------------------------------------------- */

struct killing {
	const char *id;
	int signo;
};

static int send_signal(const struct engine *g, void *arg, struct err *e)
{
	const struct killing *k = arg;

	return runtime_kill(&g->runtime, k->id, k->signo, false, e);
}

static void tell_monitor(const struct engine *g, const char *id, enum attach_type type)
{
	bool has_tty;
	auto_close int socket = attach_connect(g, id, 0, &has_tty, NULL);

	if (socket >= 0)
		attach_send(socket, type, 0, NULL, 0);
}

static int kill_with(const struct engine *g, const struct container_info *c, int signo,
		     struct err *e)
{
	struct killing k = {c->record.id, signo};

	return live_do(g, c, send_signal, &k, e);
}

static int check_live(const struct container_info *c, struct err *e)
{
	if (c->status.state == CONTAINER_RUNNING || c->status.state == CONTAINER_PAUSED)
		return 0;
	return err_say(e, -ESRCH, "container %s is not running", c->record.name);
}

/* The person's name for the event, so that `why` can tell who it was. */
static const char *who_acts(const struct engine *g, struct arena *a)
{
	const char *name = engine_user_name(g->uid, a);

	return name ? name : arena_printf(a, "uid %u", g->uid);
}

int container_kill(const struct engine *g, const struct container_info *c, int signo, struct err *e)
{
	auto_arena struct arena a = {0};
	char number[16];
	struct oci_pair pairs[] = {{"signal", number}, {"by", who_acts(g, &a)}};
	struct oci_pairs attributes = {pairs, ARRAY_LEN(pairs)};
	int r = check_live(c, e);

	if (r < 0)
		return r;
	/* Who kills it wants it to stay dead. */
	if (signo == SIGKILL || signo == signal_number(c->record.stop_signal))
		tell_monitor(g, c->record.id, ATTACH_STOPPING);
	r = kill_with(g, c, signo, e);
	if (r < 0)
		return r;
	snprintf(number, sizeof(number), "%d", signo);
	event_emit(g, "container", "kill", c->record.id, c->record.name, &attributes);
	return 0;
}

/* A mask of /proc/PID/status, or -errno. */
static int read_mask(const char *text, const char *key, uint64_t *ret)
{
	const char *line = strstr(text, key);

	if (!line)
		return -ENOENT;
	*ret = strtoull(line + strlen(key), NULL, 16);
	return 0;
}

/* The kernel drops a signal to the first process of a pid namespace that neither handles nor blocks it
 * (pid_namespaces(7)): waiting for it to act on one is waiting for nothing. */
static bool would_drop(pid_t pid, int signo)
{
	uint64_t caught, blocked, bit = UINT64_C(1) << (signo - 1);
	char path[64], text[4096];
	const char *ids;
	size_t n;

	if (signo == SIGKILL || signo == SIGSTOP)
		return false;
	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	if (file_read_small(AT_FDCWD, path, text, sizeof(text)) < 0)
		return false;
	ids = strstr(text, "\nNSpid:");
	if (!ids || read_mask(text, "\nSigCgt:", &caught) < 0 ||
	    read_mask(text, "\nSigBlk:", &blocked) < 0)
		return false;
	n = strcspn(ids + 1, "\n");
	return ids[n] == '1' && isspace((unsigned char)ids[n - 1]) && !((caught | blocked) & bit);
}

/* Returns 1 at the end of the monitor, 0 when the time is over, or -errno. */
static int await_end(int monitor, int64_t milliseconds)
{
	struct pollfd p = {.fd = monitor, .events = POLLIN};
	int r;

	do
		r = poll(&p, 1, milliseconds > INT32_MAX ? -1 : (int)milliseconds);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : r;
}

static int end_gently(const struct engine *g, const struct container_info *c, int monitor,
		      int signo, int64_t timeout, struct err *e)
{
	struct err why = {0};
	int r = kill_with(g, c, signo, &why);

	/* It went by itself: the monitor is about to. */
	if (r < 0 && r != -ESRCH && r != -ENOENT) {
		*e = why;
		return r;
	}
	if (would_drop((pid_t)c->status.pid, signo)) {
		r = await_end(monitor, HANDLER_MILLISECONDS);
		if (r != 0 || would_drop((pid_t)c->status.pid, signo))
			return r;
		kill_with(g, c, signo, NULL);
	}
	return await_end(monitor, timeout < 0 ? -1 : timeout * 1000);
}

int container_stop(const struct engine *g, const struct container_info *c, int64_t timeout,
		   const char *signal, struct err *e)
{
	auto_arena struct arena a = {0};
	auto_close int monitor = live_monitor(g, c);
	struct oci_pair pairs[] = {{"signal", NULL}, {"by", who_acts(g, &a)}};
	struct oci_pairs attributes = {pairs, ARRAY_LEN(pairs)};
	char number[16];
	const char *word = signal                  ? signal
			   : c->record.stop_signal ? c->record.stop_signal
						   : "SIGTERM";
	int signo = signal_number(word), r;

	if (signo < 0)
		return err_say(e, -EINVAL, "unknown signal \"%s\"", word);
	if (monitor < 0)
		return 0;
	snprintf(number, sizeof(number), "%d", signo);
	pairs[0].value = number;
	tell_monitor(g, c->record.id, ATTACH_STOPPING);
	/* A frozen process hears nothing; SIGKILL alone goes through on v2. */
	if (c->status.state == CONTAINER_PAUSED)
		live_thaw(g, c, NULL);
	r = signo == SIGKILL
		    ? 0
		    : end_gently(g, c, monitor, signo,
				 timeout == LIVE_OWN_TIMEOUT ? c->record.stop_timeout : timeout, e);
	if (r == 0) {
		kill_with(g, c, SIGKILL, NULL);
		r = await_end(monitor, KILL_SECONDS * 1000);
		if (r == 0)
			return err_say(
				e, -ETIMEDOUT,
				"container %s does not end: process %lld of it hangs in the kernel",
				c->record.name, (long long)c->status.pid);
	}
	if (r < 0)
		return err_sys(e, r, "wait for the end of container %s", c->record.name);
	event_emit(g, "container", "stop", c->record.id, c->record.name, &attributes);
	return 0;
}

/* ---- the freezer --------------------------------------------------------------------------------- */

static int pause_it(const struct engine *g, void *arg, struct err *e)
{
	return runtime_pause(&g->runtime, arg, e);
}

static int resume_it(const struct engine *g, void *arg, struct err *e)
{
	return runtime_resume(&g->runtime, arg, e);
}

int live_freeze(const struct engine *g, const struct container_info *c, struct err *e)
{
	int r = check_live(c, e);

	if (r == 0)
		r = live_do(g, c, pause_it, (void *)c->record.id, e);
	if (r == 0)
		event_emit(g, "container", "pause", c->record.id, c->record.name, NULL);
	return r;
}

int live_thaw(const struct engine *g, const struct container_info *c, struct err *e)
{
	int r = check_live(c, e);

	if (r == 0)
		r = live_do(g, c, resume_it, (void *)c->record.id, e);
	if (r == 0)
		event_emit(g, "container", "unpause", c->record.id, c->record.name, NULL);
	return r;
}

/* ---- waiting ------------------------------------------------------------------------------------- */

int container_wait(const struct engine *g, const struct container_info *c, int *ret_code,
		   struct err *e)
{
	static _Thread_local char data[ATTACH_DATA];
	struct attach_message m;
	struct container_info again;
	auto_arena struct arena a = {0};
	bool has_tty;
	auto_close int socket = attach_connect(g, c->record.id, 0, &has_tty, NULL);
	auto_close int monitor = -EBADF;
	int r;

	while (socket >= 0 && attach_receive(socket, &m, data) >= 0)
		if (m.type == ATTACH_EXIT) {
			*ret_code = (int)m.value;
			return 0;
		}
	/* Order: a monitor that takes no more clients may still have the end to write down. */
	monitor = live_monitor(g, c);
	if (monitor >= 0)
		await_end(monitor, INT64_MAX);
	r = container_find(g, c->record.id, &a, &again, e);
	if (r == 0)
		*ret_code = (int)again.status.exit_code;
	return r;
}

/* ---- names --------------------------------------------------------------------------------------- */

int container_rename(const struct engine *g, const struct container_info *c, const char *name,
		     struct err *e)
{
	auto_close int dir = record_open(g, c->record.id, e);
	struct record r = c->record;
	int rc;

	if (dir < 0)
		return dir;
	if (str_eq(name, c->record.name))
		return err_say(e, -EINVAL, "container %s has that name already", name);
	if ((rc = name_check(name, e)) < 0 || (rc = name_claim(g, name, r.id, e)) < 0)
		return rc;
	r.name = name;
	rc = record_save(dir, &r, e);
	if (rc < 0) {
		name_release(g, name, r.id);
		return rc;
	}
	name_release(g, c->record.name, r.id);
	tell_monitor(g, r.id, ATTACH_RELOAD);
	event_emit(g, "container", "rename", r.id, name, NULL);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* How a group of the v2 hierarchy is made, frozen, killed and waited for. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "cgroup/group.h"
#include "cgroup/limits.h"
#include "kernel/fd.h"

/*
 * Theory of operation
 *
 * A controller works in a group when the group above it has enabled it in cgroup.subtree_control,
 * and that only where no process is in that group itself ("no internal processes",
 * Documentation/admin-guide/cgroup-v2.rst). The usual case is that all is enabled: one read of the
 * parent's file tells it. Else the walk goes from the mount down and enables what is missing.
 * "populated" and "frozen" stand in cgroup.events, which poll(2) reports with POLLPRI.
 */

static bool has_word(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = list; (p = strstr(p, word)); p += n)
		if ((p == list || p[-1] == ' ') && (p[n] == ' ' || !p[n] || p[n] == '\n'))
			return true;
	return false;
}

/* The bits of `wanted` that the list of words lacks. */
static uint32_t bits_missing(const char *list, uint32_t wanted)
{
	for (unsigned i = 0; i < CG_CONTROLLER_COUNT; i++) {
		const char *name = controller_names[i].v2;

		if ((wanted & 1U << i) && name && has_word(list, name))
			wanted &= ~(1U << i);
	}
	return wanted;
}

static int enable_failed(int r, const char *name, const char *dir, struct err *e)
{
	if (r == -EBUSY)
		return err_say(e, r,
			       "enabling the %s controller in %s/cgroup.subtree_control: the"
			       " group has processes of its own, and v2 allows limits only below"
			       " groups without; choose another cgroupsPath",
			       name, dir);
	if (r == -ENOENT)
		return err_say(e, r,
			       "the %s controller is not available in %s (its"
			       " cgroup.controllers lacks it); a systemd user needs Delegate=cpu"
			       " cpuset io memory pids in user@.service.d",
			       name, dir);
	if (r == -EOPNOTSUPP)
		return err_say(e, r, "enabling the %s controller in %s: the group is threaded",
			       name, dir);
	return err_sys(e, r, "enabling the %s controller in %s/cgroup.subtree_control", name, dir);
}

/* Enables in one group; what is not needed may fail. */
static int enable_here(const char *dir, uint32_t controllers, uint32_t needed, struct err *e)
{
	char file[GROUP_PATH_MAX], text[512], word[32];
	uint32_t missing;
	int r = group_path(file, sizeof(file), dir, "/cgroup.subtree_control");

	if (r >= 0)
		r = file_read_small(AT_FDCWD, file, text, sizeof(text));
	if (r < 0)
		return err_sys(e, r, "reading %s/cgroup.subtree_control", dir);
	missing = bits_missing(text, controllers);
	for (unsigned i = 0; i < CG_CONTROLLER_COUNT; i++) {
		if (!(missing & 1U << i))
			continue;
		snprintf(word, sizeof(word), "+%s", controller_names[i].v2);
		r = file_write_at(AT_FDCWD, file, word);
		if (r < 0 && (needed & 1U << i))
			return enable_failed(r, controller_names[i].v2, dir, e);
	}
	return 0;
}

static int enable_down(const char *mount, const char *path, uint32_t controllers, uint32_t needed,
		       struct err *e)
{
	char dir[GROUP_PATH_MAX], text[512], file[GROUP_PATH_MAX];
	size_t at = strlen(mount), last;
	int r = group_path(dir, sizeof(dir), mount, path);

	if (r < 0 || !controllers || at == strlen(dir))
		return r;
	last = (size_t)(strrchr(dir, '/') - dir);
	dir[last] = '\0';
	if (group_path(file, sizeof(file), dir, "/cgroup.subtree_control") == 0 &&
	    file_read_small(AT_FDCWD, file, text, sizeof(text)) >= 0) {
		controllers = bits_missing(text, controllers);
		needed &= controllers;
	}
	if (!controllers)
		return 0;
	for (;;) {
		char saved = dir[at];

		dir[at] = '\0';
		r = enable_here(dir, controllers, needed, e);
		if (r < 0)
			return r;
		dir[at] = saved;
		if (at >= last)
			return 0;
		at += 1 + strcspn(dir + at + 1, "/");
	}
}

static int v2_make(const char *mount, const char *path, uint32_t controllers, uint32_t needed,
		   unsigned *ret_made, struct err *e)
{
	unsigned made;
	int r = group_make_dirs(mount, path, &made, e);

	if (r < 0)
		return r;
	r = enable_down(mount, path, controllers, needed, e);
	if (r < 0) {
		group_remove_dirs(mount, path, made);
		return r;
	}
	*ret_made = made;
	return 0;
}

/* One word's value in cgroup.events: 0, 1 or -errno. */
static int read_event(int events_fd, const char *key)
{
	char text[256], *at;
	ssize_t n = pread(events_fd, text, sizeof(text) - 1, 0);

	if (n < 0)
		return -errno;
	text[n] = '\0';
	at = strstr(text, key);
	if (!at)
		return -ENODATA;
	return at[strlen(key) + 1] == '1';
}

static int open_events(int dir_fd)
{
	int fd = openat(dir_fd, "cgroup.events", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* Waits until the word has the value. Returns 0, -ETIMEDOUT or -errno. */
static int wait_event(int dir_fd, const char *key, int value)
{
	auto_close int fd = open_events(dir_fd);
	struct pollfd p = {.fd = fd, .events = POLLPRI};
	int64_t end = group_now_ms() + GROUP_WAIT_MS;

	if (fd < 0)
		return fd;
	for (;;) {
		int64_t left = end - group_now_ms();
		int r = read_event(fd, key);

		if (r < 0 || r == value)
			return r < 0 ? r : 0;
		if (left <= 0 || poll(&p, 1, (int)left) == 0)
			return -ETIMEDOUT;
	}
}

static int v2_is_frozen(int dir_fd)
{
	auto_close int fd = open_events(dir_fd);

	return fd < 0 ? fd : read_event(fd, "frozen");
}

static int v2_check(int dir_fd, const char *path, struct err *e)
{
	char type[64];
	int r = file_read_small(dir_fd, "cgroup.type", type, sizeof(type));

	if (r < 0)
		return err_sys(e, r, "reading %s/cgroup.type", path);
	if (str_eq(type, "domain invalid"))
		return err_say(e, -EOPNOTSUPP,
			       "%s is \"domain invalid\": a group above it is"
			       " threaded; choose another cgroupsPath",
			       path);
	if (str_eq(type, "threaded"))
		return err_say(e, -EOPNOTSUPP,
			       "%s is a threaded group and cannot hold a container;"
			       " choose another cgroupsPath",
			       path);
	r = v2_is_frozen(dir_fd);
	if (r > 0)
		return err_say(e, -EBUSY, "container's cgroup unexpectedly frozen: %s", path);
	return 0;
}

static int v2_freeze(int dir_fd, bool is_on, const char *path, struct err *e)
{
	int r = file_write_at(dir_fd, "cgroup.freeze", is_on ? "1" : "0");

	if (r < 0)
		return err_sys(e, r, "writing %s/cgroup.freeze", path);
	r = wait_event(dir_fd, "frozen", is_on);
	if (r == -ETIMEDOUT && !is_on)
		return err_say(e, -EBUSY, "%s stays frozen: a group above it is frozen", path);
	if (r < 0 && is_on)
		(void)file_write_at(dir_fd, "cgroup.freeze", "0");
	if (r == -ETIMEDOUT)
		return err_say(e, r,
			       "%s: unable to freeze within %d s: a process is in an"
			       " uninterruptible sleep",
			       path, GROUP_WAIT_MS / 1000);
	return r < 0 ? err_sys(e, r, "waiting for %s/cgroup.events", path) : 0;
}

static int v2_kill(int dir_fd, int signo, const char *path, struct err *e)
{
	int r, was_frozen;

	if (signo == SIGKILL) {
		r = file_write_at(dir_fd, "cgroup.kill", "1");
		if (r >= 0)
			return 0;
		if (r == -ENODEV)
			return 0;                     /* removed meanwhile */
		if (r != -ENOENT && r != -EOPNOTSUPP) /* before 5.14; threaded */
			return err_sys(e, r, "writing %s/cgroup.kill", path);
	}
	was_frozen = v2_is_frozen(dir_fd);
	if (was_frozen == 0)
		(void)file_write_at(dir_fd, "cgroup.freeze", "1");
	r = group_signal_all(dir_fd, signo);
	if (was_frozen == 0)
		(void)file_write_at(dir_fd, "cgroup.freeze", "0");
	return r < 0 ? err_sys(e, r, "sending signal %d to the processes of %s", signo, path) : 0;
}

static int v2_wait_empty(int dir_fd, const char *path, struct err *e)
{
	auto_pid_list struct pid_list list = {0};
	int r = wait_event(dir_fd, "populated", 0);

	if (r == -ENODEV || r == -ENOENT)
		return 0;
	if (r != -ETIMEDOUT)
		return r < 0 ? err_sys(e, r, "waiting for %s/cgroup.events", path) : 0;
	(void)group_list_pids(dir_fd, &list);
	return err_say(e, -EBUSY, "%s still has %zu process(es) after %d s, the first is %d", path,
		       list.n, GROUP_WAIT_MS / 1000, list.n ? list.v[0] : 0);
}

const struct group_ops group_ops_v2 = {
	.make = v2_make,
	.check = v2_check,
	.freeze = v2_freeze,
	.is_frozen = v2_is_frozen,
	.kill = v2_kill,
	.wait_empty = v2_wait_empty,
};

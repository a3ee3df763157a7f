/* SPDX-License-Identifier: Apache-2.0 */
/* An ordinary user's engine: root of a user namespace of its own, always with the same ids. */
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "engine/engine.h"
#include "kernel/fd.h"
#include "kernel/sys.h"
#include "namespace/namespace.h"

/*
 * Theory of operation
 *
 * Who is not root may map only the own id by itself; newuidmap maps more for the parent namespace's
 * sake, so it has to be called from outside. A child made before unshare(2) stays outside, waits for a byte,
 * and writes the maps of its parent.
 */

enum { SUBIDS_MAX = 1 << 20 };

/* The caller's ranges in /etc/subuid or /etc/subgid, by name or by number (subuid(5)). */
static size_t read_ranges(const char *path, const char *name, uid_t uid, struct oci_id_map *ret,
			  size_t max, struct arena *a)
{
	char number[16], *text, *save = NULL;
	uint32_t inside = 1;
	size_t n = 0;

	if (file_read_at(AT_FDCWD, path, a, SUBIDS_MAX, &text, NULL) < 0)
		return 0;
	snprintf(number, sizeof(number), "%u", uid);
	for (char *line = strtok_r(text, "\n", &save); line && n < max;
	     line = strtok_r(NULL, "\n", &save)) {
		char *owner = strsep(&line, ":"), *start = strsep(&line, ":"), *count = line;
		uint32_t first, size;

		if (!count || (!str_eq(owner, name) && !str_eq(owner, number)) ||
		    str_to_u32(start, &first) < 0 || str_to_u32(count, &size) < 0 || !size)
			continue;
		ret[n++] =
			(struct oci_id_map){.container_id = inside, .host_id = first, .size = size};
		inside += size;
	}
	return n;
}

const char *engine_user_name(uid_t uid, struct arena *a)
{
	char *text, *save = NULL, number[16];

	/* By hand: a static program has no NSS, and needs none to read its own host's file. */
	if (file_read_at(AT_FDCWD, "/etc/passwd", a, SUBIDS_MAX, &text, NULL) < 0)
		return NULL;
	snprintf(number, sizeof(number), "%u", uid);
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *name = strsep(&line, ":"), *id;

		strsep(&line, ":");
		id = strsep(&line, ":");
		if (str_eq(id, number))
			return name;
	}
	return NULL;
}

static void plan_maps(const struct engine *g, struct arena *a, struct ns_plan *ret)
{
	enum { RANGES = 32 };
	struct oci_id_map *uids = arena_array(a, RANGES + 1, sizeof(*uids)),
			  *gids = arena_array(a, RANGES + 1, sizeof(*gids));
	const char *name = engine_user_name(g->uid, a);
	size_t n_uids, n_gids;

	uids[0] = (struct oci_id_map){.container_id = 0, .host_id = g->uid, .size = 1};
	gids[0] = (struct oci_id_map){.container_id = 0, .host_id = g->gid, .size = 1};
	n_uids = read_ranges("/etc/subuid", name, g->uid, uids + 1, RANGES, a);
	n_gids = read_ranges("/etc/subgid", name, g->uid, gids + 1, RANGES, a);
	if (!n_uids || !n_gids)
		n_uids = n_gids = 0;
	*ret = (struct ns_plan){.is_rootless = true,
				.uid_maps = {uids, n_uids + 1},
				.gid_maps = {gids, n_gids + 1}};
	ret->action[NS_USER] = NS_CREATE;
}

/* The child outside: writes the parent's maps once it is told to, and says how it went. */
static void __attribute__((noreturn))
write_from_outside(const struct ns_plan *plan, pid_t parent, int go, int done)
{
	struct err e = {0};
	char byte;

	/* Our parent's end must not leave us behind. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (read(go, &byte, 1) != 1)
		_exit(1);
	ns_user_write_maps(plan, parent, &e);
	_exit(fd_write_all(done, &e, sizeof(e)) < 0);
}

static int enter_new(const struct ns_plan *plan, struct err *e)
{
	auto_close int go_read = -EBADF, go = -EBADF, done = -EBADF, done_write = -EBADF;
	struct err answer = {0};
	pid_t self = getpid(), child;
	int ends[2], status, r = 0;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(e, -errno, "make a pipe");
	go_read = ends[0];
	go = ends[1];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(e, -errno, "make a pipe");
	done = ends[0];
	done_write = ends[1];
	child = fork();
	if (child < 0)
		return err_sys(e, -errno, "fork");
	if (child == 0) {
		close(TAKE_FD(go));
		write_from_outside(plan, self, go_read, done_write);
	}
	close(TAKE_FD(done_write));
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		r = err_sys(e, -errno,
			    "make a user namespace (see `berth doctor`: may ordinary users do so "
			    "here?)");
	else if (write(go, "", 1) != 1 || read(done, &answer, sizeof(answer)) != sizeof(answer))
		r = err_say(e, -EIO, "the process that writes our id maps has died");
	close(TAKE_FD(go));
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		continue;
	if (r == 0 && answer.code) {
		*e = answer;
		r = -answer.code;
	}
	return r;
}

static int become_root(struct err *e)
{
	if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		return err_sys(e, -errno, "become root of our user namespace");
	/* The change of ids made us non-dumpable, so that /proc/self would be the host root's. */
	prctl(PR_SET_DUMPABLE, 1);
	return 0;
}

int engine_enter(struct engine *g, struct err *e)
{
	auto_arena struct arena a = {0};
	struct ns_plan plan;
	int r;

	if (!g->is_rootless || geteuid() == 0)
		return 0;
	plan_maps(g, &a, &plan);
	r = enter_new(&plan, e);
	if (r == 0)
		r = become_root(e);
	if (r == 0 && mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL) < 0)
		r = err_sys(e, -errno, "make our mounts our own");
	return r;
}

int engine_enter_monitor(struct engine *g, pid_t monitor, struct err *e)
{
	auto_close int pidfd = -EBADF;

	if (!g->is_rootless || geteuid() == 0)
		return 0;
	pidfd = sys_pidfd_open(monitor, 0);
	if (pidfd < 0)
		return err_sys(e, pidfd, "reach the monitor (process %d)", monitor);
	if (setns(pidfd, CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return err_sys(e, -errno, "join the namespaces of the monitor (process %d)",
			       monitor);
	return become_root(e);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The user namespace: its id maps, written directly, by newuidmap and newgidmap, or as one id. */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/log.h"
#include "kernel/fd.h"
#include "kernel/proc.h"
#include "kernel/sys.h"
#include "namespace/kinds.h"

/*
 * Theory of operation
 *
 * user_namespaces(7). Who has CAP_SETUID and CAP_SETGID over the parent namespace writes any map. An
 * ordinary user may map one id, his own, and for groups only after setgroups(2) is denied in the new
 * namespace. For more there are the setuid programs newuidmap and newgidmap, which look into
 * /etc/subuid and /etc/subgid; they are called by absolute path with an empty environment. Where they
 * are missing or refuse, one id that the plan maps to the caller's own is kept, with a warning.
 */

/* UID_GID_MAP_MAX_EXTENTS of include/linux/user_namespace.h; and a write is less than a page. */
#define MAPS_MAX 340
#define MAP_TEXT_SIZE 4096
#define MAP_LINE_SIZE 36

#define PATH_SIZE 64

const struct ns_kind ns_kind_user = {
	.oci_name = "user",
	.proc_name = "user",
	.clone_flag = CLONE_NEWUSER,
};

struct map_kind {
	const char *name, *file, *helper, *ranges;
	uid_t (*own)(void);
	bool denies_setgroups;
};

static const struct map_kind uid_kind = {
	.name = "uid",
	.file = "uid_map",
	.helper = "newuidmap",
	.ranges = "/etc/subuid",
	.own = geteuid,
};

static const struct map_kind gid_kind = {
	.name = "gid",
	.file = "gid_map",
	.helper = "newgidmap",
	.ranges = "/etc/subgid",
	.own = getegid,
	.denies_setgroups = true,
};

static const char *const helper_dirs[] = {"/usr/bin", "/bin", "/usr/local/bin"};

/* ---- checks ------------------------------------------------------------------------------------ */

static bool do_overlap(uint32_t a, uint32_t n, uint32_t b, uint32_t m)
{
	return a < (uint64_t)b + m && b < (uint64_t)a + n;
}

static int check_maps(const struct map_kind *k, const struct oci_id_maps *maps, struct err *e)
{
	if (maps->n > MAPS_MAX)
		return err_say(e, -EINVAL, "%s mappings: %zu of them, the kernel takes %d", k->name,
			       maps->n, MAPS_MAX);
	for (size_t i = 0; i < maps->n; i++) {
		const struct oci_id_map *m = &maps->v[i];

		if (m->size == 0)
			return err_say(e, -EINVAL, "%s mapping %zu has size 0", k->name, i);
		if ((uint64_t)m->container_id + m->size > UINT32_MAX ||
		    (uint64_t)m->host_id + m->size > UINT32_MAX)
			return err_say(e, -EINVAL, "%s mapping %zu goes beyond the last id",
				       k->name, i);
		for (size_t j = 0; j < i; j++) {
			const struct oci_id_map *o = &maps->v[j];

			if (do_overlap(m->container_id, m->size, o->container_id, o->size) ||
			    do_overlap(m->host_id, m->size, o->host_id, o->size))
				return err_say(e, -EINVAL, "%s mappings %zu and %zu overlap",
					       k->name, j, i);
		}
	}
	return 0;
}

int ns_user_check(const struct ns_plan *p, struct err *e)
{
	int r;

	if (p->action[NS_USER] == NS_INHERIT) {
		/* runc's words, callers know them. */
		if (p->uid_maps.n || p->gid_maps.n)
			return err_say(e, -EINVAL,
				       "user namespace mappings specified, but user "
				       "namespace isn't enabled in the config");
		return 0;
	}
	if (p->action[NS_USER] == NS_CREATE && (!p->uid_maps.n || !p->gid_maps.n))
		return err_say(e, -EINVAL,
			       "user namespace without %s: they are needed to be anybody in it",
			       p->uid_maps.n ? "linux.gidMappings" : "linux.uidMappings");
	r = check_maps(&uid_kind, &p->uid_maps, e);
	return r < 0 ? r : check_maps(&gid_kind, &p->gid_maps, e);
}

static bool is_mapped(const struct oci_id_maps *maps, uint32_t id)
{
	for (size_t i = 0; i < maps->n; i++)
		if (id >= maps->v[i].container_id && id - maps->v[i].container_id < maps->v[i].size)
			return true;
	return false;
}

static int check_id(const struct map_kind *k, const struct oci_id_maps *maps, uint32_t id,
		    struct err *e)
{
	if (is_mapped(maps, id))
		return 0;
	return err_say(e, -EINVAL, "%s %u is not mapped in the container's user namespace", k->name,
		       id);
}

int ns_user_check_ids(const struct ns_plan *p, const struct oci_user *user, struct err *e)
{
	int r;

	/* What a joined namespace maps is known only there. */
	if (p->action[NS_USER] != NS_CREATE)
		return 0;
	r = check_id(&uid_kind, &p->uid_maps, user->uid, e);
	if (r >= 0)
		r = check_id(&gid_kind, &p->gid_maps, user->gid, e);
	for (size_t i = 0; r >= 0 && i < user->additional_gids.n; i++)
		r = check_id(&gid_kind, &p->gid_maps, user->additional_gids.v[i], e);
	return r;
}

/* ---- the direct way ---------------------------------------------------------------------------- */

static int write_map(int proc_fd, pid_t child, const struct map_kind *k,
		     const struct oci_id_maps *maps)
{
	char text[MAP_TEXT_SIZE], path[PATH_SIZE];
	size_t n = 0;

	for (size_t i = 0; i < maps->n; i++) {
		const struct oci_id_map *m = &maps->v[i];

		if (n + MAP_LINE_SIZE >= sizeof(text))
			return -E2BIG;
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%u %u %u\n", m->container_id,
				      m->host_id, m->size);
	}
	snprintf(path, sizeof(path), "%d/%s", (int)child, k->file);
	return proc_write_at(proc_fd, path, text);
}

static int deny_setgroups(int proc_fd, pid_t child)
{
	char path[PATH_SIZE];

	snprintf(path, sizeof(path), "%d/setgroups", (int)child);
	return proc_write_at(proc_fd, path, "deny");
}

/* ---- newuidmap and newgidmap ------------------------------------------------------------------- */

/* The last line of what a helper said, without its newline and without the helper's own name. */
static void keep_last_line(char *text, size_t n, const char *name)
{
	char *newline;
	size_t skip = strlen(name);

	while (n > 0 && text[n - 1] == '\n')
		n--;
	text[n] = '\0';
	newline = strrchr(text, '\n');
	if (newline)
		memmove(text, newline + 1, strlen(newline));
	if (strncmp(text, name, skip) == 0 && strncmp(text + skip, ": ", 2) == 0)
		memmove(text, text + skip + 2, strlen(text + skip + 2) + 1);
}

static void read_said(int fd, char *said, size_t size, const char *name)
{
	char rest[256];
	size_t n = 0;
	ssize_t r;

	do {
		r = n < size - 1 ? read(fd, said + n, size - 1 - n) : read(fd, rest, sizeof(rest));
		if (r > 0 && n < size - 1)
			n += (size_t)r;
	} while (r > 0 || (r < 0 && errno == EINTR));
	keep_last_line(said, n, name);
}

/* Starts the helper with its stderr in a pipe. Returns 0; -ENOENT: not installed; -EPERM: it refused
 * and said why; or another -errno. */
static int run_helper(const char *file, const char *name, char *const argv[], char *said,
		      size_t size)
{
	auto_close int in = -EBADF, out = -EBADF;
	posix_spawn_file_actions_t actions;
	char *const env[] = {NULL};
	int ends[2], status, r;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	in = ends[0];
	out = ends[1];
	r = posix_spawn_file_actions_init(&actions);
	if (r)
		return -r;
	r = posix_spawn_file_actions_adddup2(&actions, out, STDERR_FILENO);
	if (!r)
		r = posix_spawn(&pid, file, &actions, NULL, argv, env);
	posix_spawn_file_actions_destroy(&actions);
	if (r)
		return -r;
	close(TAKE_FD(out));
	read_said(in, said, size, name);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EPERM;
}

/* "newuidmap PID CONTAINER HOST SIZE ...". Returns as run_helper. */
static int map_by_helper(pid_t child, const struct map_kind *k, const struct oci_id_maps *maps,
			 char *said, size_t size)
{
	char numbers[1 + 3 * MAPS_MAX][12], file[PATH_SIZE];
	char *argv[3 + 3 * MAPS_MAX];
	size_t n = 0;
	int r = -ENOENT;

	snprintf(said, size, "not installed");
	argv[n] = file;
	snprintf(numbers[n], sizeof(numbers[n]), "%d", (int)child);
	argv[n + 1] = numbers[n];
	n++;
	for (size_t i = 0; i < maps->n; i++) {
		const uint32_t ids[] = {maps->v[i].container_id, maps->v[i].host_id,
					maps->v[i].size};

		for (size_t j = 0; j < ARRAY_LEN(ids); j++, n++) {
			snprintf(numbers[n], sizeof(numbers[n]), "%u", ids[j]);
			argv[n + 1] = numbers[n];
		}
	}
	argv[n + 1] = NULL;
	for (size_t i = 0; r == -ENOENT && i < ARRAY_LEN(helper_dirs); i++) {
		snprintf(file, sizeof(file), "%s/%s", helper_dirs[i], k->helper);
		if (access(file, X_OK) == 0)
			r = run_helper(file, k->helper, argv, said, size);
	}
	return r;
}

/* ---- one id ------------------------------------------------------------------------------------ */

/* The part of the maps that an ordinary user may write himself: his own id. */
static bool find_own(const struct map_kind *k, const struct oci_id_maps *maps,
		     struct oci_id_map *ret)
{
	uint32_t own = k->own();

	for (size_t i = 0; i < maps->n; i++) {
		const struct oci_id_map *m = &maps->v[i];

		if (own < m->host_id || own - m->host_id >= m->size)
			continue;
		*ret = (struct oci_id_map){m->container_id + (own - m->host_id), own, 1};
		return true;
	}
	return false;
}

static int write_own(int proc_fd, pid_t child, const struct map_kind *k, struct oci_id_map *own)
{
	const struct oci_id_maps one = {own, 1};
	int r;

	/* Security: without this a user could drop a group that denies him a file (CVE-2014-8989). */
	if (k->denies_setgroups) {
		r = deny_setgroups(proc_fd, child);
		if (r < 0)
			return r;
	}
	return write_map(proc_fd, child, k, &one);
}

/* ---- all ways in their order ------------------------------------------------------------------- */

static int write_kind(const struct ns_plan *p, int proc_fd, pid_t child, const struct map_kind *k,
		      const struct oci_id_maps *maps, struct err *e)
{
	struct oci_id_map own;
	bool has_own = find_own(k, maps, &own);
	bool is_only_own = has_own && maps->n == 1 && maps->v[0].size == 1;
	char said[256] = "";
	int r = -EPERM;

	if (!p->is_rootless || geteuid() == 0)
		r = write_map(proc_fd, child, k, maps);
	if (r == -EPERM && p->is_rootless && is_only_own)
		r = write_own(proc_fd, child, k, &own);
	if (r != -EPERM || !p->is_rootless)
		return r < 0 ? err_sys(e, r, "write the %s map of process %d", k->name, (int)child)
			     : 0;
	r = map_by_helper(child, k, maps, said, sizeof(said));
	if (r >= 0)
		return 0;
	if (!said[0])
		snprintf(said, sizeof(said), "%s", err_text(-r));
	if (!has_own)
		return err_say(e, r,
			       "%s: %s; %s must give this user the ids that the container maps",
			       k->helper, said, k->ranges);
	log_warning("%s: %s; only %s %u is mapped, to %u of the user itself", k->helper, said,
		    k->name, own.container_id, own.host_id);
	r = write_own(proc_fd, child, k, &own);
	return r < 0 ? err_sys(e, r, "write the %s map of process %d", k->name, (int)child) : 0;
}

int ns_user_write_maps(const struct ns_plan *p, pid_t child, struct err *e)
{
	auto_close int proc_fd = -EBADF;
	int r;

	if (p->action[NS_USER] != NS_CREATE)
		return 0;
	proc_fd = proc_open();
	if (proc_fd < 0)
		return err_sys(e, proc_fd, "open a procfs handle");
	r = write_kind(p, proc_fd, child, &gid_kind, &p->gid_maps, e);
	return r < 0 ? r : write_kind(p, proc_fd, child, &uid_kind, &p->uid_maps, e);
}

bool ns_user_can_setgroups(int proc_fd)
{
	auto_close int fd = proc_open_at(proc_fd, "self/setgroups", O_RDONLY);
	char text[8] = "";

	/* No such file: a kernel before 3.19 or one without user namespaces; nothing is denied. */
	return fd < 0 || read(fd, text, sizeof(text) - 1) <= 0 || strncmp(text, "deny", 4) != 0;
}

/* Root, or else the first id of the plan: with an id that the namespace does not map, the process
 * could make no file and no devpts (EOVERFLOW). An ordinary user is mapped already. */
static uint32_t first_id(const struct ns_plan *p, const struct oci_id_maps *maps)
{
	bool is_known = p->action[NS_USER] == NS_CREATE && !p->is_rootless;

	return is_known && !is_mapped(maps, 0) ? maps->v[0].container_id : 0;
}

int ns_user_prepare(const struct ns_plan *p, struct err *e)
{
	uint32_t uid, gid;
	int r;

	if (p->action[NS_USER] == NS_INHERIT || (geteuid() == 0 && getegid() == 0))
		return 0;
	gid = first_id(p, &p->gid_maps);
	uid = first_id(p, &p->uid_maps);
	r = sys_return(syscall(SYS_setresgid, gid, gid, gid));
	if (r >= 0)
		r = sys_return(syscall(SYS_setresuid, uid, uid, uid));
	/* EINVAL: the maps have no root; then the process goes on as who it is. */
	return r < 0 && r != -EINVAL ? err_sys(e, r, "become root in the user namespace") : 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Where the engine's files are, who its caller is, and how its other programs are found. */
#include "engine/engine.h"

#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "kernel/process.h"
#include "kernel/sys.h"

extern char **environ;

/* ---- folders ------------------------------------------------------------------------------------ */

static const char *const data_folders[] = {
	"blobs",      "blobs/sha256", "layers",  "images", "refs",
	"containers", "names",        "volumes", "tmp",    "networks",
};

/* Makes path and what is missing above it; only the last gets `mode`. Returns O_PATH or -errno. */
static int open_folder(const char *path, mode_t mode, struct err *e)
{
	int fd = openat(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	char part[4096];

	if (fd >= 0)
		return fd;
	if (errno != ENOENT || strlen(path) >= sizeof(part))
		return err_sys(e, -errno, "open %s", path);
	for (size_t i = 1; i <= strlen(path); i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (mkdir(part, path[i] ? 0755 : mode) < 0 && errno != EEXIST)
			return err_sys(e, -errno, "make %s", part);
	}
	fd = openat(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? err_sys(e, -errno, "open %s", path) : fd;
}

static int make_folders(int data_fd, const char *data, struct err *e)
{
	struct stat st;

	/* The last of them tells that all are there: no call for each on every start. */
	if (fstatat(data_fd, data_folders[ARRAY_LEN(data_folders) - 1], &st, 0) == 0)
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(data_folders); i++)
		if (mkdirat(data_fd, data_folders[i], 0700) < 0 && errno != EEXIST)
			return err_sys(e, -errno, "make %s/%s", data, data_folders[i]);
	return 0;
}

static const char *choose(const char *given, const char *variable, const char *standard)
{
	const char *value = given ? given : getenv(variable);

	return value && *value ? value : standard;
}

static const char *absolute(const char *path, struct arena *a)
{
	auto_free char *here = NULL;

	if (path[0] == '/')
		return str_clean_path(a, path);
	here = getcwd(NULL, 0);
	return str_clean_path(a, arena_printf(a, "%s/%s", here ? here : "", path));
}

static const char *user_data(struct arena *a)
{
	const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");

	if (data && data[0] == '/')
		return arena_printf(a, "%s/berth", data);
	return home && home[0] == '/' ? arena_printf(a, "%s/.local/share/berth", home) : NULL;
}

static const char *user_run(struct arena *a, uid_t uid)
{
	const char *dir = getenv("XDG_RUNTIME_DIR");

	if (dir && dir[0] == '/')
		return arena_printf(a, "%s/berth-engine", dir);
	return arena_printf(a, "/tmp/berth-engine-%u", uid);
}

/* Security: a folder below /tmp that somebody else made first is not ours. */
static int check_owner(int fd, const char *path, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_sys(e, -errno, "look at %s", path);
	if (st.st_uid != geteuid())
		return err_say(e, -EPERM,
			       "%s belongs to user %u, not to you: give another folder "
			       "with --root and --run-root",
			       path, st.st_uid);
	return 0;
}

/* ---- our other programs ------------------------------------------------------------------------- */

static void find_programs(struct engine *g, struct arena *a)
{
	const char *lib = getenv("BERTH_LIB"), *slash;
	char self[4096];
	struct stat st;
	ssize_t n;

	if (!lib || lib[0] != '/') {
		n = readlink("/proc/self/exe", self, sizeof(self) - 1);
		self[n > 0 ? n : 0] = '\0';
		slash = strrchr(self, '/');
		lib = slash && slash != self ? arena_strndup(a, self, (size_t)(slash - self))
					     : "/usr/bin";
	}
	g->lib = lib;
	g->share = arena_printf(a, "%s/../share/berth", lib);
	if (stat(g->share, &st) < 0)
		g->share = lib;
}

static uid_t id_from(const char *variable, uid_t standard)
{
	const char *text = getenv(variable);
	uint32_t id;

	return text && str_to_u32(text, &id) == 0 ? id : standard;
}

int engine_export(const struct engine *g, struct err *e)
{
	char uid[16], gid[16];

	snprintf(uid, sizeof(uid), "%u", g->uid);
	snprintf(gid, sizeof(gid), "%u", g->gid);
	if (setenv("BERTH_ROOT", g->data, 1) < 0 || setenv("BERTH_RUN_ROOT", g->run, 1) < 0 ||
	    setenv("BERTH_LIB", g->lib, 1) < 0 || setenv("BERTH_UID", uid, 1) < 0 ||
	    setenv("BERTH_GID", gid, 1) < 0)
		return err_sys(e, -errno, "set the environment");
	return 0;
}

int engine_exec_program(const struct engine *g, const char *name, const char *const *argv,
			struct err *e)
{
	char path[4096];
	int r = engine_export(g, e);

	if (r < 0)
		return r;
	snprintf(path, sizeof(path), "%s/%s", g->lib, name);
	execv(path, (char *const *)argv);
	return err_sys(e, -errno,
		       "execute %s (it belongs beside berth: is the installation whole?)", path);
}

int engine_run_program(const struct engine *g, const char *name, const char *const *argv,
		       struct err *e)
{
	char path[4096];
	int status, r = engine_export(g, e);
	pid_t pid;

	if (r < 0)
		return r;
	snprintf(path, sizeof(path), "%s/%s", g->lib, name);
	r = posix_spawn(&pid, path, NULL, NULL, (char *const *)argv, environ);
	if (r)
		return err_sys(e, -r,
			       "execute %s (it belongs beside berth: is the installation whole?)",
			       path);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_sys(e, -errno, "wait for %s", name);
	return process_exit_code(status);
}

/* ---- opening ------------------------------------------------------------------------------------- */

int engine_open(const char *data, const char *run, struct arena *a, struct engine *ret,
		struct err *e)
{
	struct engine g = {.data_fd = -EBADF, .run_fd = -EBADF};
	int r;

	g.uid = id_from("BERTH_UID", geteuid());
	g.gid = id_from("BERTH_GID", getegid());
	g.is_rootless = g.uid != 0;
	data = choose(data, "BERTH_ROOT", g.is_rootless ? user_data(a) : "/var/lib/berth");
	run = choose(run, "BERTH_RUN_ROOT",
		     g.is_rootless ? user_run(a, g.uid) : "/run/berth-engine");
	if (!data)
		return err_say(e, -ENOENT,
			       "no place for images and containers: set HOME or --root");
	g.data = absolute(data, a);
	g.run = absolute(run, a);
	find_programs(&g, a);
	g.data_fd = open_folder(g.data, 0711, e);
	if (g.data_fd < 0)
		return g.data_fd;
	/* Others may pass, and find nothing they may open but the names that dnsmasq reads as nobody. */
	g.run_fd = open_folder(g.run, 0711, e);
	r = g.run_fd < 0 ? g.run_fd : check_owner(g.run_fd, g.run, e);
	if (r == 0)
		r = make_folders(g.data_fd, g.data, e);
	if (r == 0)
		r = runtime_init(&g.runtime, arena_printf(a, "%s/runtime", g.run), -1, false, a, e);
	if (r < 0) {
		engine_close(&g);
		return r;
	}
	*ret = g;
	return 0;
}

void engine_close(struct engine *g)
{
	auto_close_fn(&g->data_fd);
	auto_close_fn(&g->run_fd);
	g->data_fd = g->run_fd = -EBADF;
}

int engine_lock_store(const struct engine *g, bool is_exclusive, bool waits, struct err *e)
{
	auto_close int fd =
		openat(g->data_fd, "store.lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return err_sys(e, -errno, "open %s/store.lock", g->data);
	while (flock(fd, (is_exclusive ? LOCK_EX : LOCK_SH) | (waits ? 0 : LOCK_NB)) < 0)
		if (errno != EINTR)
			return err_sys(e, -errno, "lock %s/store.lock", g->data);
	return TAKE_FD(fd);
}

void engine_make_id(char ret[65])
{
	static const char digits[] = "0123456789abcdef";
	uint8_t random[32];
	size_t n = 0;

	while (n < sizeof(random)) {
		ssize_t r = getrandom(random + n, sizeof(random) - n, 0);

		if (r > 0)
			n += (size_t)r;
	}
	for (size_t i = 0; i < sizeof(random); i++) {
		ret[2 * i] = digits[random[i] >> 4];
		ret[2 * i + 1] = digits[random[i] & 15];
	}
	ret[64] = '\0';
}

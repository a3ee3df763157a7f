/* SPDX-License-Identifier: Apache-2.0 */
/* Names of the containers of a user-defined network: one dnsmasq a network, and its folder of hosts files. */
#include "engine/network/names.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "engine/container/record.h"
#include "engine/network/dnsmasq.h"
#include "kernel/fd.h"
#include "kernel/tree.h"

#define NAMES_FOLDER "names"

/* ---- the folder ---------------------------------------------------------------------------------- */

/* The folder's mode lets dnsmasq in, which is nobody; there is nothing in it that a container could not ask. */
static int make_folders(const struct engine *g, const char *network, struct err *e)
{
	char path[2][512];
	const char *const all[] = {NAMES_FOLDER, path[0], path[1]};

	snprintf(path[0], sizeof(path[0]), NAMES_FOLDER "/%s", network);
	snprintf(path[1], sizeof(path[1]), NAMES_FOLDER "/%s/hosts", network);
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		if (mkdirat(g->run_fd, all[i], 0755) < 0 && errno != EEXIST)
			return err_sys(e, -errno, "make %s/%s", g->run, all[i]);
	return 0;
}

static int open_folder(const struct engine *g, const char *network)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), NAMES_FOLDER "/%s", network);
	fd = openat(g->run_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* Locks the folder. -ESTALE: it was removed while we waited. */
static int lock_folder(int fd, int how)
{
	struct stat st;
	int r;

	do
		r = flock(fd, how);
	while (r < 0 && errno == EINTR);
	if (r < 0 || fstat(fd, &st) < 0)
		return -errno;
	return st.st_nlink ? 0 : -ESTALE;
}

/* The locked folder, made where it is missing. Returns it or -errno. */
static int enter_folder(const struct engine *g, const char *network, int how, struct err *e)
{
	for (;;) {
		auto_close int fd = open_folder(g, network);
		int r = fd;

		if (fd >= 0) {
			r = lock_folder(fd, how);
			if (r == 0)
				return TAKE_FD(fd);
		} else if (fd == -ENOENT) {
			r = make_folders(g, network, e);
			if (r < 0)
				return r;
			continue;
		}
		if (r != -ESTALE)
			return err_sys(e, r, "lock %s/" NAMES_FOLDER "/%s", g->run, network);
	}
}

static bool is_empty(int folder)
{
	auto_closedir DIR *d = NULL;
	const struct dirent *entry;
	int fd = openat(folder, "hosts", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	d = fd < 0 ? NULL : fdopendir(fd);
	while (d && (entry = readdir(d)))
		if (entry->d_name[0] != '.')
			return false;
	return true;
}

/* ---- comes and goes ------------------------------------------------------------------------------ */

char *names_text(const struct names_entry *c, struct arena *a)
{
	char *text = arena_strdup(a, "");

	for (size_t i = 0; i < ARRAY_LEN(c->addresses); i++) {
		if (!c->addresses[i])
			continue;
		text = arena_printf(a, "%s%s", text, c->addresses[i]);
		for (size_t k = 0; k < c->names.n; k++)
			text = arena_printf(a, "%s %s", text, c->names.v[k]);
		text = arena_printf(a, "%s\n", text);
	}
	return text;
}

static int write_file(int folder, const struct names_entry *c, struct err *e)
{
	auto_arena struct arena a = {0};
	const char *text = names_text(c, &a);
	char path[128], draft[128];
	auto_close int fd = -EBADF;
	int r;

	/* dnsmasq overlooks names that begin with a dot. */
	snprintf(path, sizeof(path), "hosts/%s", c->id);
	snprintf(draft, sizeof(draft), "hosts/.%s", c->id);
	fd = openat(folder, draft, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	r = fd < 0 ? -errno : fd_write_all(fd, text, strlen(text));
	/* Whatever our umask: dnsmasq is nobody. */
	if (r == 0 && fchmod(fd, 0644) < 0)
		r = -errno;
	if (r == 0 && renameat(folder, draft, folder, path) < 0)
		r = -errno;
	return r < 0 ? err_sys(e, r, "write the names of container %.12s", c->id) : 0;
}

/* dnsmasq lives, or is started. The folder is locked at least shared by fd; the lock may be exclusive afterwards. Returns
 * its pidfd or -errno. */
static int ensure(const struct engine *g, const struct names_network *n, int folder, struct err *e)
{
	int server = dnsmasq_find(folder, g->run, n->name), r;

	if (server != -ESRCH)
		return server;
	/* Order: between the shared lock and this one somebody else may have started it, or ended all. */
	r = lock_folder(folder, LOCK_EX);
	if (r < 0)
		return r;
	server = dnsmasq_find(folder, g->run, n->name);
	return server == -ESRCH ? dnsmasq_start(g, n, folder, e) : server;
}

int names_add(const struct engine *g, const struct names_network *n, const struct names_entry *c,
	      struct err *e)
{
	int r = -ESTALE;

	if (!names_is_available())
		return 0;
	while (r == -ESTALE) {
		auto_close int folder = enter_folder(g, n->name, LOCK_SH, e);
		auto_close int server = -EBADF;

		if (folder < 0)
			return folder;
		r = write_file(folder, c, e);
		if (r < 0)
			return r;
		server = ensure(g, n, folder, e);
		r = server < 0 ? server : 0;
	}
	return r;
}

/* Takes the folder away if it is empty, and dnsmasq with it. */
static void end_if_empty(const struct engine *g, const char *network, int folder)
{
	auto_close int server = -EBADF;
	char path[512];

	if (!is_empty(folder) || lock_folder(folder, LOCK_EX) < 0 || !is_empty(folder))
		return;
	server = dnsmasq_find(folder, g->run, network);
	if (server >= 0)
		dnsmasq_end(server);
	snprintf(path, sizeof(path), NAMES_FOLDER "/%s", network);
	/* Order: the lock is held until nothing is left. */
	if (tree_remove_at(g->run_fd, path) == 0)
		unlinkat(g->run_fd, NAMES_FOLDER, AT_REMOVEDIR);
}

int names_remove(const struct engine *g, const char *network, const char *id, struct err *e)
{
	auto_close int folder = open_folder(g, network);
	char path[128];

	if (folder < 0)
		return folder == -ENOENT
			       ? 0
			       : err_sys(e, folder, "open %s/" NAMES_FOLDER "/%s", g->run, network);
	snprintf(path, sizeof(path), "hosts/.%s", id);
	unlinkat(folder, path, 0);
	snprintf(path, sizeof(path), "hosts/%s", id);
	if (unlinkat(folder, path, 0) < 0 && errno != ENOENT)
		return err_sys(e, -errno, "remove the names of container %.12s", id);
	end_if_empty(g, network, folder);
	return 0;
}

int names_watch(const struct engine *g, const struct names_network *n, struct err *e)
{
	auto_close int folder = open_folder(g, n->name);
	int r;

	if (folder < 0)
		return folder;
	if (!names_is_available())
		return -ENOENT;
	r = lock_folder(folder, LOCK_SH);
	if (r == 0)
		r = is_empty(folder) ? -ENOENT : ensure(g, n, folder, e);
	return r == -ESTALE ? -ENOENT : r;
}

/* ---- repair -------------------------------------------------------------------------------------- */

/* Is there a container that may have put this file there, and somebody at work on it? */
static bool is_wanted(const struct engine *g, const char *id)
{
	auto_close int dir = record_open(g, id, NULL);

	return dir >= 0 && record_is_locked(dir);
}

static void repair_network(const struct engine *g, const char *network)
{
	auto_closedir DIR *d = NULL;
	const struct dirent *entry;
	auto_close int folder = open_folder(g, network);
	int fd = folder < 0 ? -1 : openat(folder, "hosts", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	d = fd < 0 ? NULL : fdopendir(fd);
	while (d && (entry = readdir(d))) {
		const char *id = entry->d_name + (entry->d_name[0] == '.');
		char path[512];

		if (strlen(id) != 64 || is_wanted(g, id))
			continue;
		snprintf(path, sizeof(path), "hosts/%s", entry->d_name);
		unlinkat(folder, path, 0);
	}
	if (folder >= 0)
		end_if_empty(g, network, folder);
}

void names_repair(const struct engine *g)
{
	auto_closedir DIR *d = NULL;
	const struct dirent *entry;
	int fd = openat(g->run_fd, NAMES_FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	d = fd < 0 ? NULL : fdopendir(fd);
	while (d && (entry = readdir(d)))
		if (entry->d_name[0] != '.')
			repair_network(g, entry->d_name);
}

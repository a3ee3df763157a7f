/* SPDX-License-Identifier: Apache-2.0 */
/* The ground of the image store: files put in place at once, folders read, the lock. */
#include "engine/image/store.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "engine/container/record.h"
#include "kernel/fd.h"

enum { LOCK_TRIES = 40, LOCK_PAUSE_NS = 5000000 };

bool is_hex_name(const char *s, size_t n)
{
	return strlen(s) == n && strspn(s, "0123456789abcdef") == n;
}

int store_put(const struct engine *g, const char *path, const void *data, size_t n)
{
	auto_close int fd = -EBADF;
	char id[65], draft[96];
	int r;

	engine_make_id(id);
	snprintf(draft, sizeof(draft), "tmp/put-%s", id);
	fd = openat(g->data_fd, draft, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	r = fd_write_all(fd, data, n);
	if (r == 0 && renameat(g->data_fd, draft, g->data_fd, path) < 0)
		r = -errno;
	if (r < 0)
		unlinkat(g->data_fd, draft, 0);
	return r;
}

int store_lock_some(const struct engine *g, bool *ret_is_exclusive, struct err *e)
{
	const struct timespec pause = {.tv_nsec = LOCK_PAUSE_NS};

	/* Starts hold it for milliseconds and a pull for minutes: the first are worth waiting for. */
	for (unsigned i = 0; i < LOCK_TRIES; i++) {
		struct err why = {0};
		int fd = engine_lock_store(g, true, false, &why);

		if (fd >= 0 || fd != -EWOULDBLOCK) {
			*ret_is_exclusive = true;
			if (fd < 0 && e)
				*e = why;
			return fd;
		}
		nanosleep(&pause, NULL);
	}
	*ret_is_exclusive = false;
	return engine_lock_store(g, false, true, e);
}

int store_lock_names(const struct engine *g, struct err *e)
{
	auto_close int fd = openat(g->data_fd, "refs", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(e, -errno, "open %s/refs", g->data);
	while (flock(fd, LOCK_EX) < 0)
		if (errno != EINTR)
			return err_sys(e, -errno, "lock %s/refs", g->data);
	return TAKE_FD(fd);
}

int store_names(const struct engine *g, const char *dir, struct arena *a, struct str_slice *ret,
		struct err *e)
{
	int fd = openat(g->data_fd, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_closedir DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct str_slice names = {0};
	const struct dirent *entry;
	size_t room = 0;

	if (!d)
		return err_sys(e, -errno, "read %s/%s", g->data, dir);
	while ((errno = 0, entry = readdir(d))) {
		if (entry->d_name[0] == '.')
			continue;
		if (names.n == room) {
			names.v = arena_grow(a, names.v, room * sizeof(*names.v),
					     (room * 2 + 32) * sizeof(*names.v));
			room = room * 2 + 32;
		}
		names.v[names.n++] = arena_strdup(a, entry->d_name);
	}
	if (errno)
		return err_sys(e, -errno, "read %s/%s", g->data, dir);
	*ret = names;
	return 0;
}

/* ---- who uses images ---------------------------------------------------------------------------- */

static void use_add(struct use_list *uses, size_t *room, struct arena *a, const struct use *u)
{
	if (uses->n == *room) {
		uses->v = arena_grow(a, uses->v, *room * sizeof(*uses->v),
				     (*room * 2 + 32) * sizeof(*uses->v));
		*room = *room * 2 + 32;
	}
	uses->v[uses->n++] = *u;
}

/* The container's own image, and those that it mounts (--mount type=image). */
static void use_add_record(const struct engine *g, struct use_list *uses, size_t *room,
			   const char *id, const struct record *r, struct arena *a)
{
	struct use u = {.image_id = r->image_id,
			.container = id,
			.name = r->name ? r->name : id,
			.layers = r->layers};

	use_add(uses, room, a, &u);
	for (size_t i = 0; i < r->n_mounts; i++) {
		const struct record_mount *m = &r->mounts[i];
		struct image image;

		if (!str_eq(m->type, "image") || !m->source ||
		    image_find_bare(g, m->source, a, &image, NULL) < 0)
			continue;
		u.image_id = image.id;
		u.layers = image.layers;
		use_add(uses, room, a, &u);
	}
}

int use_list(const struct engine *g, struct arena *a, struct use_list *ret, struct err *e)
{
	struct use_list uses = {0};
	struct str_slice ids = {0};
	size_t room = 0;
	int r = store_names(g, "containers", a, &ids, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < ids.n; i++) {
		auto_close int dir = record_open(g, ids.v[i], NULL);
		struct record record = {0};
		struct err why = {0};

		if (dir < 0)
			continue;
		if (record_load(dir, ids.v[i], a, &record, &why) == 0) {
			use_add_record(g, &uses, &room, ids.v[i], &record, a);
		} else if (why.code != ENOENT) {
			/* Without any record it is no container yet, or none any more. */
			log_warning("%s", why.text);
			uses.is_partial = true;
		}
	}
	*ret = uses;
	return 0;
}

const struct use *use_find(const struct use_list *uses, const char *image_id)
{
	for (size_t i = 0; i < uses->n; i++)
		if (str_eq(uses->v[i].image_id, image_id))
			return &uses->v[i];
	return NULL;
}

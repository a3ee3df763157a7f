/* SPDX-License-Identifier: Apache-2.0 */
/* Containers found by name or id, and all of them. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "cgroup/cgroup.h"
#include "engine/container/container.h"
#include "engine/container/names.h"
#include "kernel/sys.h"

static bool is_live(enum container_state state)
{
	return state == CONTAINER_RUNNING || state == CONTAINER_PAUSED ||
	       state == CONTAINER_RESTARTING;
}

static bool is_id(const char *name)
{
	return strlen(name) == 64 && strspn(name, "0123456789abcdef") == 64;
}

/* Paused is what the kernel says, not what we remember. */
static void look_at_freezer(const struct engine *g, const char *id, struct arena *a,
			    struct status *s)
{
	struct container c = {0};

	if (s->state == CONTAINER_RUNNING && runtime_load(&g->runtime, id, a, &c, NULL) == 0 &&
	    c.status == STATUS_PAUSED)
		s->state = CONTAINER_PAUSED;
}

/* Returns 0, -ENOENT where it is gone or half-made, or -errno. */
static int load(const struct engine *g, const char *id, struct arena *a, struct container_info *ret,
		struct err *e)
{
	auto_close int dir = record_open(g, id, e);
	int r;

	if (dir < 0)
		return dir;
	*ret = (struct container_info){.record.id = id};
	r = status_load(dir, a, &ret->status, e);
	/* Its folder in RUN is there from before a start until after the end. */
	if (r == 0 && (is_live(ret->status.state) || faccessat(g->run_fd, id, F_OK, 0) == 0) &&
	    !record_is_locked(dir)) {
		r = container_repair(g, id, e);
		if (r >= 0)
			r = status_load(dir, a, &ret->status, e);
	}
	if (r == 0)
		r = record_load(dir, id, a, &ret->record, e);
	if (r < 0 && faccessat(dir, "record.json", F_OK, 0) < 0) {
		/* Half-made: its maker is at it, or was killed. */
		container_repair(g, id, NULL);
		return -ENOENT;
	}
	if (r == 0)
		look_at_freezer(g, id, a, &ret->status);
	return r;
}

static int find_by_prefix(const struct engine *g, const char *prefix, char ret[65], struct err *e)
{
	auto_closedir DIR *d = NULL;
	const struct dirent *entry;
	unsigned found = 0;
	int fd = openat(g->data_fd, "containers", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	d = fd < 0 ? NULL : fdopendir(fd);
	if (!d)
		return err_sys(e, -errno, "read %s/containers", g->data);
	while (*prefix && (entry = readdir(d)))
		if (is_id(entry->d_name) && str_starts(entry->d_name, prefix)) {
			memcpy(ret, entry->d_name, 65);
			found++;
		}
	if (found > 1)
		return err_say(e, -EEXIST,
			       "%s is the beginning of %u containers' ids: give more of it", prefix,
			       found);
	return found ? 0 : err_say(e, -ENOENT, "no such container: %s", prefix);
}

int container_find(const struct engine *g, const char *name, struct arena *a,
		   struct container_info *ret, struct err *e)
{
	char id[65];
	int r;

	if (is_id(name))
		memcpy(id, name, 65);
	else if (name_find(g, name, id) < 0) {
		r = find_by_prefix(g, name, id, e);
		if (r < 0)
			return r;
	}
	r = load(g, arena_strdup(a, id), a, ret, e);
	if (r == -ENOENT && e) {
		e->code = 0;
		return err_say(e, r, "no such container: %s", name);
	}
	return r;
}

static int newest_first(const void *a, const void *b)
{
	const struct container_info *x = a, *y = b;

	return x->record.created_ns > y->record.created_ns   ? -1
	       : x->record.created_ns < y->record.created_ns ? 1
							     : strcmp(x->record.id, y->record.id);
}

int container_list(const struct engine *g, bool only_live, struct arena *a,
		   struct container_info **ret, size_t *ret_n, struct err *e)
{
	struct container_info *list = NULL;
	auto_closedir DIR *d = NULL;
	const struct dirent *entry;
	size_t n = 0, room = 0;
	int fd = openat(g->data_fd, "containers", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	d = fd < 0 ? NULL : fdopendir(fd);
	if (!d)
		return err_sys(e, -errno, "read %s/containers", g->data);
	while ((entry = readdir(d))) {
		struct err why = {0};
		int r;

		if (!is_id(entry->d_name))
			continue;
		if (n == room) {
			list = arena_grow(a, list, room * sizeof(*list),
					  (room * 2 + 64) * sizeof(*list));
			room = room * 2 + 64;
		}
		r = load(g, arena_strdup(a, entry->d_name), a, &list[n], &why);
		if (r == -ENOENT)
			continue;
		if (r < 0) {
			log_warning("%s", why.text);
			list[n].is_broken = true;
			list[n].record.name = "";
		}
		if (!only_live || is_live(list[n].status.state))
			n++;
	}
	if (n)
		qsort(list, n, sizeof(*list), newest_first);
	*ret = list;
	*ret_n = n;
	return 0;
}

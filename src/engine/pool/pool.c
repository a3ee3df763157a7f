/* SPDX-License-Identifier: Apache-2.0 */
/* Pools as files: named, found, made, listed and removed. */
#include "engine/pool/pool.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "engine/container/container.h"
#include "engine/container/spec_parts.h"
#include "engine/event.h"
#include "engine/limits/options.h"
#include "engine/pool/pool_group.h"
#include "kernel/fd.h"

enum { NAME_MAX_LENGTH = 64, DEPTH_MAX = 8, FILE_LIMIT = 1 << 20 };

#define SUFFIX ".json"

static const struct json_field pool_fields[] = {
	JSON_FIELD("name", struct pool, name, &json_string_type, JSON_REQUIRED),
	JSON_FIELD("group", struct pool, group, &json_string_type, JSON_REQUIRED),
	JSON_FIELD("created", struct pool, created_ns, &json_i64_type, 0),
	JSON_FIELD("limits", struct pool, limits, &json_strings_type, 0),
};
static const struct json_type pool_type = JSON_OBJECT(struct pool, pool_fields);

/* ---- names --------------------------------------------------------------------------------------- */

static bool is_good_part(const char *part, size_t n)
{
	if (!n || n > NAME_MAX_LENGTH || !isalnum((unsigned char)part[0]))
		return false;
	for (size_t i = 1; i < n; i++)
		if (!isalnum((unsigned char)part[i]) && !strchr("_.-", part[i]))
			return false;
	return true;
}

static int check_name(const char *name, struct err *e)
{
	unsigned depth = 0;

	for (const char *part = name;; part++) {
		size_t n = strcspn(part, "/");

		if (!is_good_part(part, n))
			return err_say(
				e, -EINVAL,
				"\"%s\" is no name of a pool: want [a-zA-Z0-9][a-zA-Z0-9_.-], "
				"at most %d of them, and \"/\" between a pool and one in it",
				name, NAME_MAX_LENGTH);
		if (++depth > DEPTH_MAX)
			return err_say(e, -EINVAL, "pool %s: at most %d pools within each other",
				       name, DEPTH_MAX);
		part += n;
		if (!*part)
			return 0;
	}
}

const char *pool_parent(const char *name, struct arena *a)
{
	const char *slash = strrchr(name, '/');

	return slash ? arena_strndup(a, name, (size_t)(slash - name)) : NULL;
}

static const char *file_of(const char *name, struct arena *a)
{
	char *file = arena_printf(a, "%s" SUFFIX, name);

	for (char *p = file; *p; p++)
		if (*p == '/')
			*p = '+';
	return file;
}

const char *pool_file(const struct pool *p, struct arena *a)
{
	return file_of(p->name, a);
}

/* ---- files --------------------------------------------------------------------------------------- */

static int open_folder(const struct engine *g, struct err *e)
{
	int fd = openat(g->data_fd, "pools", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT) {
		if (mkdirat(g->data_fd, "pools", 0700) < 0 && errno != EEXIST)
			return err_sys(e, -errno, "make %s/pools", g->data);
		fd = openat(g->data_fd, "pools", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	return fd < 0 ? err_sys(e, -errno, "open %s/pools", g->data) : fd;
}

int pool_lock(const struct engine *g, bool is_exclusive, struct err *e)
{
	auto_close int fd = open_folder(g, e);
	int r;

	if (fd < 0)
		return fd;
	do
		r = flock(fd, is_exclusive ? LOCK_EX : LOCK_SH);
	while (r < 0 && errno == EINTR);
	return r < 0 ? err_sys(e, -errno, "lock %s/pools", g->data) : TAKE_FD(fd);
}

static int load(int folder, const char *file, struct arena *a, struct pool *ret, struct err *e)
{
	char *text;
	size_t n;
	int r = file_read_at(folder, file, a, FILE_LIMIT, &text, &n);

	if (r < 0)
		return r == -ENOENT ? r : err_sys(e, r, "read pools/%s", file);
	return json_decode(text, n, &pool_type, ret, a, file, e);
}

int pool_find(const struct engine *g, const char *name, struct arena *a, struct pool *ret,
	      struct err *e)
{
	auto_close int folder = open_folder(g, e);
	int r;

	if (folder < 0)
		return folder;
	r = check_name(name, NULL) < 0 ? -ENOENT : load(folder, file_of(name, a), a, ret, e);
	return r == -ENOENT ? err_say(e, r, "no such pool: %s", name) : r;
}

static int by_name(const void *a, const void *b)
{
	const char *x = ((const struct pool *)a)->name, *y = ((const struct pool *)b)->name;

	/* "/" before everything else: a pool's own come right behind it. */
	for (; *x && *x == *y; x++, y++)
		continue;
	if (*x == *y)
		return 0;
	if (*x == '/' || *y == '/')
		return *x == '\0' ? -1 : *y == '\0' ? 1 : *x == '/' ? -1 : 1;
	return (unsigned char)*x - (unsigned char)*y;
}

int pool_list(const struct engine *g, struct arena *a, struct pool **ret, size_t *ret_n,
	      struct err *e)
{
	auto_closedir DIR *d = NULL;
	SLICE(struct pool) list = {0};
	const struct dirent *entry;
	int fd = open_folder(g, e);

	if (fd < 0)
		return fd;
	d = fdopendir(fd);
	if (!d)
		return err_sys(e, -ENOMEM, "read %s/pools", g->data);
	while ((entry = readdir(d))) {
		struct pool p = {0};
		struct err why = {0};
		int r;

		if (entry->d_name[0] == '.' || !str_ends(entry->d_name, SUFFIX))
			continue;
		r = load(fd, entry->d_name, a, &p, &why);
		if (r == 0)
			LIST_ADD(&list, a) = p;
		else if (r != -ENOENT)
			log_warning("%s", why.text);
	}
	if (list.n)
		qsort(list.v, list.n, sizeof(*list.v), by_name);
	*ret = list.v;
	*ret_n = list.n;
	return 0;
}

void pool_print(const struct pool *p, struct json_writer *w)
{
	json_encode(&pool_type, p, w);
}

int pool_save(const struct engine *g, const struct pool *p, struct err *e)
{
	auto_arena struct arena a = {0};
	auto_json_writer struct json_writer w = {0};
	auto_close int folder = open_folder(g, e);
	int r;

	if (folder < 0)
		return folder;
	pool_print(p, &w);
	r = file_replace_at(folder, pool_file(p, &a), w.buf, w.len, 0600);
	return r < 0 ? err_sys(e, r, "write %s/pools/%s", g->data, pool_file(p, &a)) : 0;
}

/* ---- making -------------------------------------------------------------------------------------- */

static void remove_file(const struct engine *g, const struct pool *p, struct arena *a)
{
	(void)unlinkat(g->data_fd, arena_printf(a, "pools/%s", pool_file(p, a)), 0);
}

int pool_create(const struct engine *g, const char *name, const struct container_request *limits,
		struct arena *a, struct pool *ret, struct err *e)
{
	struct pool p = {.name = name}, above = {.group = "berth"};
	const char *parent, *leaf;
	struct timespec now;
	char id[65];
	int r = check_name(name, e);

	if (r < 0)
		return r;
	if (pool_find(g, name, a, &p, NULL) == 0)
		return err_say(e, -EEXIST, "pool %s already exists", name);
	parent = pool_parent(name, a);
	r = parent ? pool_find(g, parent, a, &above, e) : 0;
	if (r == 0 && parent)
		r = pool_use(g, parent, a, e);
	if (r < 0)
		return r;
	engine_make_id(id);
	clock_gettime(CLOCK_REALTIME, &now);
	leaf = parent ? name + strlen(parent) + 1 : name;
	p = (struct pool){
		.name = name,
		.group = arena_printf(a, "%s/pool-%s-%.6s", above.group, leaf, id),
		.created_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec,
	};
	limit_words(limit_options_pool, limits, a, &p.limits);
	/* Order: the file first. A group without one would be left behind for ever by a killed command; a file without
	 * groups gets them by the next use. */
	r = pool_save(g, &p, e);
	if (r < 0)
		return r;
	r = pool_group_make(g, &p, a, e);
	if (r < 0) {
		remove_file(g, &p, a);
		return r;
	}
	*ret = p;
	return 0;
}

int pool_use(const struct engine *g, const char *name, struct arena *a, struct err *e)
{
	struct pool p = {0};
	const char *parent = pool_parent(name, a);
	int r = pool_find(g, name, a, &p, e);

	/* Order: from the top down. */
	if (r == 0 && parent)
		r = pool_use(g, parent, a, e);
	return r < 0 ? r : pool_group_make(g, &p, a, e);
}

/* ---- who is in it -------------------------------------------------------------------------------- */

int pool_members(const struct engine *g, const char *name, struct arena *a,
		 struct str_slice *ret_containers, struct str_slice *ret_pools, struct err *e)
{
	struct container_info *containers = NULL;
	struct pool *pools = NULL;
	size_t n_containers = 0, n_pools = 0;
	int r = container_list(g, false, a, &containers, &n_containers, e);

	if (r == 0)
		r = pool_list(g, a, &pools, &n_pools, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n_containers; i++)
		if (str_eq(containers[i].record.pool, name))
			strings_add(ret_containers, containers[i].record.name, a);
	for (size_t i = 0; i < n_pools; i++)
		if (str_eq(pool_parent(pools[i].name, a), name))
			strings_add(ret_pools, pools[i].name, a);
	return 0;
}

static const char *join(const char *what, const struct str_slice *names, struct arena *a)
{
	const char *text = names->n ? what : "";

	for (size_t i = 0; i < names->n; i++)
		text = arena_printf(a, "%s%s%s", text, i ? ", " : " ", names->v[i]);
	return text;
}

int pool_remove(const struct engine *g, const char *name, struct err *e)
{
	auto_arena struct arena a = {0};
	auto_close int lock = pool_lock(g, true, e);
	struct str_slice containers = {0}, pools = {0};
	struct pool p = {0};
	int r = lock < 0 ? lock : pool_find(g, name, &a, &p, e);

	if (r == 0)
		r = pool_members(g, name, &a, &containers, &pools, e);
	if (r < 0)
		return r;
	if (containers.n || pools.n)
		return err_say(
			e, -EBUSY, "pool %s is in use by %s%s%s: remove them first", name,
			join(containers.n == 1 ? "container" : "containers", &containers, &a),
			containers.n && pools.n ? " and " : "",
			join(pools.n == 1 ? "pool" : "pools", &pools, &a));
	r = pool_group_remove(g, &p, e);
	if (r < 0)
		return r;
	if (unlinkat(lock, pool_file(&p, &a), 0) < 0 && errno != ENOENT)
		return err_sys(e, -errno, "remove %s/pools/%s", g->data, pool_file(&p, &a));
	event_emit(g, "pool", "remove", name, name, NULL);
	return 0;
}

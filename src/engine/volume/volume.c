/* SPDX-License-Identifier: Apache-2.0 */
/* Volumes made, found, filled and removed: DATA/volumes/NAME. */
#include "engine/volume/volume.h"

#include <ctype.h>
#include <stdio.h>
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
#include "engine/event.h"
#include "kernel/fd.h"
#include "kernel/path.h"
#include "kernel/sys.h"
#include "kernel/tree.h"

/*
 * Theory of operation
 *
 * A volume is made below tmp/ and moved to its place with RENAME_NOREPLACE: of two that make the same name, one
 * finds what the other made. It is removed by the same rename backwards. Whoever makes a container that uses volumes
 * holds a lock on volumes/ (shared) from the moment it looks for them until its record names them; a removal
 * takes it exclusively, so that it sees every user. An image's content is copied beside `data` and takes its place
 * at once: a volume is never half-filled.
 */

enum { NAME_MAX_LENGTH = 128, RANDOM_LENGTH = 64, FILE_LIMIT = 1 << 20 };
#define VOLUME_FILE "volume.json"
#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1
#endif

static const struct json_type pairs_type =
	JSON_PAIRS(struct oci_pair, key, value, &json_string_type);
static const struct json_field volume_fields[] = {
	JSON_FIELD("name", struct volume, name, &json_string_type, JSON_REQUIRED),
	JSON_FIELD("created", struct volume, created_ns, &json_i64_type, 0),
	JSON_FIELD("anonymous", struct volume, is_anonymous, &json_bool_type, 0),
	JSON_FIELD("labels", struct volume, labels, &pairs_type, 0),
	JSON_FIELD("options", struct volume, options, &pairs_type, 0),
};
static const struct json_type volume_type = JSON_OBJECT(struct volume, volume_fields);

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int check_name(const char *name, struct err *e)
{
	size_t n = strlen(name);
	bool is_good = n > 0 && n <= NAME_MAX_LENGTH && isalnum((unsigned char)name[0]);

	for (size_t i = 1; is_good && i < n; i++)
		is_good = isalnum((unsigned char)name[i]) || strchr("_.-", name[i]);
	if (is_good)
		return 0;
	return err_say(e, -EINVAL,
		       "\"%s\" includes invalid characters for a volume name, only "
		       "[a-zA-Z0-9][a-zA-Z0-9_.-] are allowed, at most %d of them; for a folder of "
		       "the host give its absolute path",
		       name, NAME_MAX_LENGTH);
}

int volume_lock(const struct engine *g, bool is_exclusive, struct err *e)
{
	auto_close int fd = openat(g->data_fd, "volumes", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (fd < 0)
		return err_sys(e, -errno, "open %s/volumes", g->data);
	do
		r = flock(fd, is_exclusive ? LOCK_EX : LOCK_SH);
	while (r < 0 && errno == EINTR);
	return r < 0 ? err_sys(e, -errno, "lock %s/volumes", g->data) : TAKE_FD(fd);
}

/* ---- finding ------------------------------------------------------------------------------------- */

/* Returns 0, -ENOENT without an error text, or -errno. */
static int load(const struct engine *g, const char *name, struct arena *a, struct volume *ret,
		struct err *e)
{
	const char *path = arena_printf(a, "volumes/%s/" VOLUME_FILE, name);
	struct volume v = {0};
	char *text;
	size_t n;
	int r = file_read_at(g->data_fd, path, a, FILE_LIMIT, &text, &n);

	if (r == -ENOENT)
		return r;
	if (r < 0)
		return err_sys(e, r, "read %s/%s", g->data, path);
	r = json_decode(text, n, &volume_type, &v, a, path, e);
	if (r < 0)
		return r;
	v.name = arena_strdup(a, name);
	v.path = arena_printf(a, "%s/volumes/%s/data", g->data, name);
	*ret = v;
	return 0;
}

int volume_find(const struct engine *g, const char *name, struct arena *a, struct volume *ret,
		struct err *e)
{
	int r = check_name(name, NULL) < 0 ? -ENOENT : load(g, name, a, ret, e);

	return r == -ENOENT ? err_say(e, r, "no such volume: %s", name) : r;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct volume *)a)->name, ((const struct volume *)b)->name);
}

int volume_list(const struct engine *g, struct arena *a, struct volume **ret, size_t *ret_n,
		struct err *e)
{
	auto_closedir DIR *d = NULL;
	const struct dirent *entry;
	struct volume *list = NULL;
	size_t n = 0, room = 0;
	int fd = openat(g->data_fd, "volumes", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	d = fd < 0 ? NULL : fdopendir(fd);
	if (!d)
		return err_sys(e, -errno, "read %s/volumes", g->data);
	while ((entry = readdir(d))) {
		struct err why = {0};
		int r;

		if (entry->d_name[0] == '.')
			continue;
		if (n == room) {
			list = arena_grow(a, list, room * sizeof(*list),
					  (room * 2 + 16) * sizeof(*list));
			room = room * 2 + 16;
		}
		r = load(g, entry->d_name, a, &list[n], &why);
		if (r == 0)
			n++;
		else if (r != -ENOENT)
			log_warning("%s", why.text);
	}
	if (n)
		qsort(list, n, sizeof(*list), by_name);
	*ret = list;
	*ret_n = n;
	return 0;
}

/* ---- making -------------------------------------------------------------------------------------- */

/* Options that a mount of it would not know are refused while somebody still reads the answer. */
static int check_options(const struct oci_pairs *options, struct err *e)
{
	static const char *const known[] = {"type", "o", "device"};

	for (size_t i = 0; options && i < options->n; i++)
		if (str_index(options->v[i].key, known, ARRAY_LEN(known)) < 0)
			return err_say(e, -EINVAL,
				       "invalid option: \"%s\": a volume has type, o and device",
				       options->v[i].key);
	return 0;
}

/* tmp/ENTRY with an empty data and volume.json. */
static int make_draft(const struct engine *g, const char *draft, const struct volume *v,
		      struct err *e)
{
	auto_json_writer struct json_writer w = {0};
	auto_close int fd = -EBADF;
	int r;

	if (mkdirat(g->data_fd, draft, 0711) < 0)
		return err_sys(e, -errno, "make %s/%s", g->data, draft);
	fd = openat(g->data_fd, draft, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || mkdirat(fd, "data", 0755) < 0)
		return err_sys(e, -errno, "make %s/%s/data", g->data, draft);
	json_encode(&volume_type, v, &w);
	r = file_replace_at(fd, VOLUME_FILE, w.buf, w.len, 0600);
	return r < 0 ? err_sys(e, r, "write %s/%s/" VOLUME_FILE, g->data, draft) : 0;
}

int volume_need(const struct engine *g, const char *name, bool is_anonymous,
		const struct oci_pairs *labels, const struct oci_pairs *options, struct arena *a,
		struct volume *ret, bool *ret_is_new, struct err *e)
{
	struct volume v = {.created_ns = now_ns(), .is_anonymous = is_anonymous};
	char random[RANDOM_LENGTH + 1];
	const char *draft, *path;
	int r;

	*ret_is_new = false;
	engine_make_id(random);
	v.name = arena_strdup(a, name ? name : random);
	if ((r = check_name(v.name, e)) < 0 || (r = check_options(options, e)) < 0)
		return r;
	r = name ? load(g, name, a, ret, e) : -ENOENT;
	if (r != -ENOENT)
		return r;
	if (labels)
		v.labels = *labels;
	if (options)
		v.options = *options;
	draft = arena_printf(a, "tmp/volume-%s", random);
	path = arena_printf(a, "volumes/%s", v.name);
	r = make_draft(g, draft, &v, e);
	if (r == 0 &&
	    syscall(SYS_renameat2, g->data_fd, draft, g->data_fd, path, RENAME_NOREPLACE) < 0)
		r = -errno;
	if (r < 0)
		tree_remove_at(g->data_fd, draft);
	if (r == -EEXIST)
		return load(g, v.name, a, ret, e);
	if (r < 0)
		return err_sys(e, r, "make volume %s", v.name);
	v.path = arena_printf(a, "%s/%s/data", g->data, path);
	*ret = v;
	*ret_is_new = true;
	event_emit(g, "volume", "create", v.name, v.name, NULL);
	return 0;
}

/* Owner and mode of the folder itself, as the image has them. */
static int copy_folder(int from, int to)
{
	struct stat s;
	int r;

	if (fstat(from, &s) < 0 || fchown(to, s.st_uid, s.st_gid) < 0 ||
	    fchmod(to, s.st_mode & 07777) < 0)
		return -errno;
	r = tree_copy(from, to);
	return r;
}

int volume_copy_up(const struct engine *g, const struct volume *v, int root_fd, const char *path,
		   struct err *e)
{
	const char *const draft = "data.new";
	auto_close int from = path_open_in_root(root_fd, path, O_RDONLY | O_DIRECTORY, 0);
	auto_close int dir = -EBADF, to = -EBADF;
	char place[NAME_MAX_LENGTH + 16];
	int r;

	/* The image has nothing there, or a file: an empty volume is right. */
	if (from == -ENOENT || from == -ENOTDIR)
		return 0;
	if (from < 0)
		return err_sys(e, from, "open %s of the image", path);
	snprintf(place, sizeof(place), "volumes/%s", v->name);
	dir = openat(g->data_fd, place, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return err_sys(e, -errno, "open %s/%s", g->data, place);
	tree_remove_at(dir, draft);
	if (mkdirat(dir, draft, 0700) < 0)
		return err_sys(e, -errno, "make %s/%s/%s", g->data, place, draft);
	to = openat(dir, draft, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	r = to < 0 ? -errno : copy_folder(from, to);
	if (r == 0 && renameat(dir, draft, dir, "data") < 0)
		/* Somebody was faster and has written to it: his content stays. */
		r = errno == ENOTEMPTY || errno == EEXIST ? tree_remove_at(dir, draft) : -errno;
	if (r < 0)
		tree_remove_at(dir, draft);
	return r < 0 ? err_sys(e, r, "copy %s of the image to volume %s", path, v->name) : 0;
}

/* ---- removal ------------------------------------------------------------------------------------- */

static bool uses(const struct record *r, const char *name)
{
	for (size_t i = 0; i < r->n_mounts; i++)
		if (str_eq(r->mounts[i].type, "volume") && str_eq(r->mounts[i].name, name))
			return true;
	return false;
}

static void collect_users(const char *name, const struct container_info *list, size_t n,
			  struct arena *a, struct str_slice *ret)
{
	ret->v = arena_array(a, n + 1, sizeof(*ret->v));
	ret->n = 0;
	for (size_t i = 0; i < n; i++)
		if (uses(&list[i].record, name))
			ret->v[ret->n++] = list[i].record.name;
}

int volume_users(const struct engine *g, const char *name, struct arena *a, struct str_slice *ret,
		 struct err *e)
{
	struct container_info *list;
	size_t n;
	int r = container_list(g, false, a, &list, &n, e);

	if (r == 0)
		collect_users(name, list, n, a, ret);
	return r;
}

/* It has no user, and volumes/ is locked. */
static int drop(const struct engine *g, const char *name, struct err *e)
{
	char path[NAME_MAX_LENGTH + 16], grave[NAME_MAX_LENGTH + 32];
	int r;

	snprintf(path, sizeof(path), "volumes/%s", name);
	snprintf(grave, sizeof(grave), "tmp/removed-volume-%s", name);
	tree_remove_at(g->data_fd, grave); /* of one with that name before */
	if (renameat(g->data_fd, path, g->data_fd, grave) < 0)
		return err_sys(e, -errno, "remove volume %s", name);
	r = tree_remove_at(g->data_fd, grave);
	if (r < 0)
		return err_sys(e, r, "remove %s/%s", g->data, grave);
	event_emit(g, "volume", "destroy", name, name, NULL);
	return 0;
}

int volume_remove(const struct engine *g, const char *name, bool force, struct err *e)
{
	auto_arena struct arena a = {0};
	auto_close int lock = volume_lock(g, true, e);
	struct str_slice users = {0};
	struct volume v;
	int r;

	if (lock < 0)
		return lock;
	r = volume_find(g, name, &a, &v, force ? NULL : e);
	if (r < 0)
		return force && r == -ENOENT ? 0 : r;
	r = volume_users(g, name, &a, &users, e);
	if (r < 0)
		return r;
	if (users.n)
		return err_say(e, -EBUSY, "volume %s is in use by container %s: remove that first",
			       name, users.v[0]);
	return drop(g, name, e);
}

int volume_prune(const struct engine *g, bool all, struct arena *a, struct str_slice *ret,
		 int64_t *ret_bytes, struct err *e)
{
	auto_close int lock = volume_lock(g, true, e);
	struct container_info *containers = NULL;
	struct volume *list = NULL;
	size_t n = 0, n_containers = 0;
	int r = lock < 0 ? lock : volume_list(g, a, &list, &n, e);

	if (r < 0 || (r = container_list(g, false, a, &containers, &n_containers, e)) < 0)
		return r;
	ret->v = arena_array(a, n + 1, sizeof(*ret->v));
	ret->n = 0;
	*ret_bytes = 0;
	for (size_t i = 0; i < n; i++) {
		struct str_slice users;
		int64_t bytes = 0;

		collect_users(list[i].name, containers, n_containers, a, &users);
		if (users.n || !(all || list[i].is_anonymous))
			continue;
		tree_size_at(g->data_fd, arena_printf(a, "volumes/%s/data", list[i].name), &bytes,
			     NULL);
		r = drop(g, list[i].name, e);
		if (r < 0)
			return r;
		ret->v[ret->n++] = list[i].name;
		*ret_bytes += bytes;
	}
	return 0;
}

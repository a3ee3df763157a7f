/* SPDX-License-Identifier: Apache-2.0 */
/* A folder as a tar stream: a container's upper as a layer, a root as an archive. */
#include "image/pack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/slice.h"
#include "base/str.h"
#include "image/pack_file.h"

enum { DEPTH_MAX = 400, LINKS_MIN = 256 };

/* A file with several names, found under the first of them. */
struct linked {
	dev_t dev;
	ino_t ino;
	const char *path; /* NULL: the place is free */
};

struct links {
	struct linked *v; /* hashed by inode; a power of two of places */
	size_t n, room;
};

struct walk {
	const struct pack_options *o;
	const struct sink *to;
	struct arena *a; /* as long as the walk: names of linked files */
	struct links links;
	struct pack_count count;
	char *buf; /* PACK_PIECE bytes */
};

/* ---- hard links --------------------------------------------------------------------------------- */

static struct linked *links_place(const struct links *l, dev_t dev, ino_t ino)
{
	size_t i = (size_t)(ino * 0x9e3779b97f4a7c15ULL >> 20) & (l->room - 1);

	while (l->v[i].path && (l->v[i].dev != dev || l->v[i].ino != ino))
		i = (i + 1) & (l->room - 1);
	return &l->v[i];
}

static int links_grow(struct links *l)
{
	struct links more = {.n = l->n, .room = l->room ? l->room * 2 : LINKS_MIN};

	more.v = calloc(more.room, sizeof(*more.v));
	if (!more.v)
		return -ENOMEM;
	for (size_t i = 0; i < l->room; i++)
		if (l->v[i].path)
			*links_place(&more, l->v[i].dev, l->v[i].ino) = l->v[i];
	free(l->v);
	*l = more;
	return 0;
}

/* *ret: the name under which the file was written before, or NULL; then it is remembered. */
static int links_find(struct walk *w, const struct stat *st, const char *path, const char **ret)
{
	struct linked *place;
	int r = 0;

	*ret = NULL;
	if (st->st_nlink < 2 || S_ISDIR(st->st_mode))
		return 0;
	if (w->links.n * 2 >= w->links.room)
		r = links_grow(&w->links);
	if (r < 0)
		return r;
	place = links_place(&w->links, st->st_dev, st->st_ino);
	*ret = place->path;
	if (!place->path) {
		*place = (struct linked){st->st_dev, st->st_ino, arena_strdup(w->a, path)};
		w->links.n++;
	}
	return 0;
}

/* ---- one entry ---------------------------------------------------------------------------------- */

/* Where an entry is: in the folder dir_fd by name; path is relative to the root that is packed. */
struct place {
	int dir_fd;
	const char *name, *path;
	struct stat st;
	struct pack_attributes attributes;
};

static char entry_type(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFLNK:
		return '2';
	case S_IFCHR:
		return '3';
	case S_IFBLK:
		return '4';
	case S_IFDIR:
		return '5';
	case S_IFIFO:
		return '6';
	default:
		return '0';
	}
}

enum { NOBODY = 65534 };

/* The container's id of one that the host sees. */
static uint32_t inner_id(const struct oci_id_maps *maps, uint32_t id)
{
	if (!maps || !maps->n)
		return id;
	for (size_t i = 0; i < maps->n; i++)
		if (id >= maps->v[i].host_id && id - maps->v[i].host_id < maps->v[i].size)
			return maps->v[i].container_id + (id - maps->v[i].host_id);
	return NOBODY;
}

static struct tar_entry make_entry(const struct pack_options *o, const struct place *p)
{
	struct tar_entry entry = {
		.name = p->path,
		.type = entry_type(p->st.st_mode),
		.mode = p->st.st_mode & 07777,
		.uid = inner_id(o->uid_maps, p->st.st_uid),
		.gid = inner_id(o->gid_maps, p->st.st_gid),
		.mtime = p->st.st_mtim.tv_sec,
		.records = p->attributes.records,
		.n_records = p->attributes.n,
	};

	if (S_ISCHR(p->st.st_mode) || S_ISBLK(p->st.st_mode)) {
		entry.major = major(p->st.st_rdev);
		entry.minor = minor(p->st.st_rdev);
	}
	return entry;
}

static int write_whiteout(struct walk *w, const struct place *p, struct arena *a, struct err *e)
{
	const char *slash = strrchr(p->path, '/');
	int n = slash ? (int)(slash + 1 - p->path) : 0;
	const struct tar_entry entry = {.name = arena_printf(a, "%.*s.wh.%s", n, p->path, p->name),
					.type = '0'};

	return tar_write_entry(w->to, &entry, e);
}

static int write_link(struct walk *w, const struct place *p, struct tar_entry *entry,
		      struct arena *a, struct err *e)
{
	size_t size = 4096 + 1;
	char *target = arena_alloc(a, size);
	ssize_t n = readlinkat(p->dir_fd, p->name, target, size - 1);

	if (n < 0)
		return err_sys(e, -errno, "read link %s", p->path);
	entry->link = target;
	return tar_write_entry(w->to, entry, e);
}

static int write_other(struct walk *w, const struct place *p, struct arena *a, struct err *e)
{
	struct tar_entry entry = make_entry(w->o, p);
	const char *first = NULL;
	int r = links_find(w, &p->st, p->path, &first);

	if (r < 0)
		return err_sys(e, r, "pack %s", p->path);
	if (first) {
		entry.type = '1';
		entry.link = first;
		entry.n_records = 0;
		return tar_write_entry(w->to, &entry, e);
	}
	if (S_ISLNK(p->st.st_mode))
		return write_link(w, p, &entry, a, e);
	if (!S_ISREG(p->st.st_mode))
		return tar_write_entry(w->to, &entry, e);
	w->count.bytes += p->st.st_size;
	return pack_file(p->dir_fd, p->name, &p->st, &entry, w->buf, w->to, e);
}

/* ---- folders ------------------------------------------------------------------------------------ */

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int read_names(int fd, const char *path, struct arena *a, struct str_slice *ret,
		      struct err *e)
{
	int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_closedir DIR *d = own < 0 ? NULL : fdopendir(own);
	struct str_slice names = {0};
	const struct dirent *entry;
	size_t room = 0;

	if (!d)
		return err_sys(e, -errno, "read folder %s", path);
	while ((errno = 0, entry = readdir(d))) {
		if (str_eq(entry->d_name, ".") || str_eq(entry->d_name, ".."))
			continue;
		if (names.n == room) {
			names.v = arena_grow(a, names.v, room * sizeof(*names.v),
					     (room * 2 + 64) * sizeof(*names.v));
			room = room * 2 + 64;
		}
		names.v[names.n++] = arena_strdup(a, entry->d_name);
	}
	if (errno)
		return err_sys(e, -errno, "read folder %s", path);
	if (names.n)
		qsort(names.v, names.n, sizeof(*names.v), by_bytes);
	*ret = names;
	return 0;
}

static int pack_inside(struct walk *w, int fd, const char *path, unsigned depth, struct err *e);

static int pack_subfolder(struct walk *w, const struct place *p, unsigned depth, struct arena *a,
			  struct err *e)
{
	auto_close int fd = openat(p->dir_fd, p->name,
				   O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct tar_entry entry = make_entry(w->o, p);
	int r;

	if (fd < 0)
		return err_sys(e, -errno, "open folder %s", p->path);
	entry.name = arena_printf(a, "%s/", p->path);
	r = tar_write_entry(w->to, &entry, e);
	if (r == 0 && w->o->is_layer && p->attributes.is_opaque) {
		const struct tar_entry opaque = {
			.name = arena_printf(a, "%s/.wh..wh..opq", p->path), .type = '0'};

		r = tar_write_entry(w->to, &opaque, e);
	}
	return r < 0 ? r : pack_inside(w, fd, p->path, depth + 1, e);
}

static bool is_target(const struct walk *w, const struct place *p)
{
	if (!S_ISREG(p->st.st_mode) || p->st.st_size)
		return false;
	for (size_t i = 0; i < w->o->targets.n; i++)
		if (w->o->targets.v[i][0] == '/' && str_eq(w->o->targets.v[i] + 1, p->path))
			return true;
	return false;
}

static int pack_one(struct walk *w, struct place *p, unsigned depth, struct arena *a, struct err *e)
{
	int r;

	if (fstatat(p->dir_fd, p->name, &p->st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_sys(e, -errno, "look at %s", p->path);
	if (S_ISSOCK(p->st.st_mode) || is_target(w, p))
		return 0;
	if (w->o->is_layer && S_ISCHR(p->st.st_mode) && p->st.st_rdev == 0)
		return write_whiteout(w, p, a, e);
	r = pack_attributes_read(p->dir_fd, p->name, w->o->is_rootless, a, &p->attributes);
	if (r < 0)
		return err_sys(e, r, "read the attributes of %s", p->path);
	if (w->o->is_layer && p->attributes.is_whiteout)
		return write_whiteout(w, p, a, e);
	if (w->o->is_layer && p->attributes.is_elsewhere)
		return err_say(e, -EOPNOTSUPP,
			       "%s is a redirect of overlayfs: its content is not in the "
			       "container's own files",
			       p->path);
	w->count.entries++;
	return S_ISDIR(p->st.st_mode) ? pack_subfolder(w, p, depth, a, e) : write_other(w, p, a, e);
}

/* Everything in a folder. path "": the root. */
static int pack_inside(struct walk *w, int fd, const char *path, unsigned depth, struct err *e)
{
	auto_arena struct arena a = {0};
	struct str_slice names = {0};
	int r;

	if (depth > DEPTH_MAX)
		return err_say(e, -ELOOP, "%.200s...: more than %d folders one in the other", path,
			       DEPTH_MAX);
	r = read_names(fd, *path ? path : "/", &a, &names, e);
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		auto_arena struct arena scratch = {0};
		struct place p = {.dir_fd = fd, .name = names.v[i]};

		p.path = *path ? arena_printf(&scratch, "%s/%s", path, p.name) : p.name;
		r = pack_one(w, &p, depth, &scratch, e);
	}
	return r;
}

static int write_root(struct walk *w, int fd, struct arena *a, struct err *e)
{
	struct place p = {.dir_fd = fd, .name = ".", .path = "./"};
	struct tar_entry entry;
	int r;

	if (fstat(fd, &p.st) < 0)
		return err_sys(e, -errno, "look at the folder to be packed");
	r = pack_attributes_read(fd, ".", w->o->is_rootless, a, &p.attributes);
	if (r < 0)
		return err_sys(e, r, "read the attributes of the folder to be packed");
	entry = make_entry(w->o, &p);
	return tar_write_entry(w->to, &entry, e);
}

int pack_folder(int folder_fd, const struct pack_options *o, const struct sink *to,
		struct pack_count *ret, struct err *e)
{
	auto_arena struct arena a = {0};
	struct walk w = {.o = o, .to = to, .a = &a, .buf = arena_alloc(&a, PACK_PIECE)};
	int r = o->is_layer ? write_root(&w, folder_fd, &a, e) : 0;

	if (r == 0)
		r = pack_inside(&w, folder_fd, "", 0, e);
	free(w.links.v);
	if (r == 0)
		r = tar_write_end(to, e);
	if (r == 0 && ret)
		*ret = w.count;
	return r;
}

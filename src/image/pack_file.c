/* SPDX-License-Identifier: Apache-2.0 */
/* One file on its way into a tar stream: its extended attributes, its content with holes. */
#include "image/pack_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "image/tar.h"

enum { HOLES_MIN = 1 << 20, REGIONS_MAX = 100000 };

/* ---- extended attributes ------------------------------------------------------------------------ */

static const char *const kept_names[] = {
	"security.capability",
	"system.posix_acl_access",
	"system.posix_acl_default",
};

static bool is_kept(const char *name)
{
	/* A "=" would end the key of a pax record. */
	if (strchr(name, '='))
		return false;
	return str_starts(name, "user.") || str_index(name, kept_names, ARRAY_LEN(kept_names)) >= 0;
}

static bool is_yes(const char *path, const char *name)
{
	char value[2];

	return lgetxattr(path, name, value, sizeof(value)) == 1 && value[0] == 'y';
}

static void note_overlay(struct pack_attributes *ret, const char *path, const char *name,
			 const char *word)
{
	if (str_eq(word, "opaque"))
		ret->is_opaque |= is_yes(path, name);
	else if (str_eq(word, "whiteout"))
		ret->is_whiteout = true;
	else if (str_eq(word, "redirect") || str_eq(word, "metacopy"))
		ret->is_elsewhere = true;
}

static int add_record(struct pack_attributes *ret, const char *path, const char *name,
		      struct arena *a)
{
	ssize_t n = lgetxattr(path, name, NULL, 0);
	char *value;

	if (n < 0)
		return errno == ENODATA ? 0 : -errno;
	value = arena_alloc(a, (size_t)n + 1);
	n = lgetxattr(path, name, value, (size_t)n);
	if (n < 0)
		return errno == ENODATA ? 0 : -errno;
	ret->records[ret->n++] =
		(struct tar_record){arena_printf(a, "SCHILY.xattr.%s", name), value, (size_t)n};
	return 0;
}

static int compare_records(const void *a, const void *b)
{
	return strcmp(((const struct tar_record *)a)->key, ((const struct tar_record *)b)->key);
}

int pack_attributes_read(int dir_fd, const char *name, bool is_rootless, struct arena *a,
			 struct pack_attributes *ret)
{
	const char *overlay = is_rootless ? "user.overlay." : "trusted.overlay.";
	/* The l... calls know no descriptors; the last name below one is not followed. */
	const char *path = arena_printf(a, "/proc/self/fd/%d/%s", dir_fd, name);
	struct pack_attributes found = {0};
	ssize_t n = llistxattr(path, NULL, 0);
	char *list = NULL;
	int r = 0;

	if (n > 0) {
		list = arena_alloc(a, (size_t)n + 1);
		n = llistxattr(path, list, (size_t)n);
	}
	if (n < 0)
		return errno == ENOTSUP || errno == ENOENT ? 0 : -errno;
	if (n == 0) {
		*ret = found;
		return 0;
	}
	found.records = arena_array(a, (size_t)n, sizeof(*found.records));
	for (const char *p = list; r == 0 && p < list + n; p += strlen(p) + 1) {
		if (str_starts(p, overlay))
			note_overlay(&found, path, p, p + strlen(overlay));
		else if (is_kept(p))
			r = add_record(&found, path, p, a);
	}
	if (r < 0)
		return r;
	qsort(found.records, found.n, sizeof(*found.records), compare_records);
	*ret = found;
	return 0;
}

/* ---- content ------------------------------------------------------------------------------------ */

/* Where a file has data. */
struct region {
	int64_t at, size;
};

struct regions {
	struct region *v;
	size_t n;
	int64_t bytes;
};

/* Copies bytes of the file; what is not there any more is zero. */
static int copy(int fd, int64_t at, int64_t size, char *buf, const struct tar_entry *entry,
		const struct sink *to, struct err *e)
{
	while (size > 0) {
		size_t want = size < PACK_PIECE ? (size_t)size : PACK_PIECE;
		ssize_t n = pread(fd, buf, want, at);
		int r;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, -errno, "read %s", entry->name);
		if (n == 0) {
			memset(buf, 0, want);
			n = (ssize_t)want;
		}
		r = sink_write(to, buf, (size_t)n, e);
		if (r < 0)
			return r;
		at += n;
		size -= n;
	}
	return 0;
}

/* The regions of data, or none where the file is best taken as a whole. */
static void find_regions(int fd, const struct stat *st, struct arena *a, struct regions *ret)
{
	struct regions found = {0};
	size_t room = 0;
	int64_t at = 0;

	if (st->st_size - (int64_t)st->st_blocks * 512 < HOLES_MIN)
		return;
	while (at < st->st_size && found.n < REGIONS_MAX) {
		int64_t data = lseek(fd, at, SEEK_DATA), hole;

		if (data < 0 && errno == ENXIO)
			break; /* nothing but a hole is left */
		hole = data < 0 ? -1 : lseek(fd, data, SEEK_HOLE);
		if (hole < 0)
			return;
		if (found.n == room) {
			found.v = arena_grow(a, found.v, room * sizeof(*found.v),
					     (room * 2 + 64) * sizeof(*found.v));
			room = room * 2 + 64;
		}
		if (hole > st->st_size)
			hole = st->st_size;
		found.v[found.n++] = (struct region){data, hole - data};
		found.bytes += hole - data;
		at = hole;
	}
	/* The last one says how long the file is. */
	if (found.n == REGIONS_MAX || st->st_size - found.bytes < HOLES_MIN)
		return;
	*ret = found;
	ret->v = arena_grow(a, found.v, room * sizeof(*found.v), (room + 1) * sizeof(*found.v));
	ret->v[ret->n++] = (struct region){st->st_size, 0};
}

/* GNU tar manual, "Storing Sparse Files", format 1.0: the map comes before the data. */
static int write_sparse(int fd, const struct stat *st, const struct regions *regions, char *buf,
			const struct tar_entry *entry, struct arena *a, const struct sink *to,
			struct err *e)
{
	const char *slash = strrchr(entry->name, '/');
	const char *size = arena_printf(a, "%lld", (long long)st->st_size);
	struct tar_record *records = arena_array(a, entry->n_records + 4, sizeof(*records));
	struct tar_entry sparse = *entry;
	size_t room = (regions->n * 2 + 1) * 24, n;
	char *map = arena_alloc(a, (size_t)tar_padded((int64_t)room));
	int r;

	n = (size_t)snprintf(map, room, "%zu\n", regions->n);
	for (size_t i = 0; i < regions->n; i++)
		n += (size_t)snprintf(map + n, room - n, "%lld\n%lld\n",
				      (long long)regions->v[i].at, (long long)regions->v[i].size);
	n = (size_t)tar_padded((int64_t)n);
	records[0] = (struct tar_record){"GNU.sparse.major", "1", 1};
	records[1] = (struct tar_record){"GNU.sparse.minor", "0", 1};
	records[2] = (struct tar_record){"GNU.sparse.name", entry->name, strlen(entry->name)};
	records[3] = (struct tar_record){"GNU.sparse.realsize", size, strlen(size)};
	if (entry->n_records)
		memcpy(records + 4, entry->records, entry->n_records * sizeof(*records));
	sparse.name = arena_printf(a, "GNUSparseFile.0/%.80s", slash ? slash + 1 : entry->name);
	sparse.records = records;
	sparse.n_records = entry->n_records + 4;
	sparse.size = (int64_t)n + regions->bytes;
	r = tar_write_entry(to, &sparse, e);
	if (r == 0)
		r = sink_write(to, map, n, e);
	for (size_t i = 0; r == 0 && i < regions->n; i++)
		r = copy(fd, regions->v[i].at, regions->v[i].size, buf, entry, to, e);
	return r < 0 ? r : tar_write_padding(to, sparse.size, e);
}

int pack_file(int dir_fd, const char *name, const struct stat *st, const struct tar_entry *entry,
	      char *buf, const struct sink *to, struct err *e)
{
	auto_close int fd =
		openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	auto_arena struct arena a = {0};
	struct tar_entry whole = *entry;
	struct regions regions = {0};
	struct stat now;
	int r;

	if (fd < 0)
		return err_sys(e, -errno, "open %s", entry->name);
	/* Security: what was a file a moment ago may be something else now. */
	if (fstat(fd, &now) < 0 || !S_ISREG(now.st_mode))
		return err_say(e, -EAGAIN, "%s was changed while it was read", entry->name);
	find_regions(fd, st, &a, &regions);
	if (regions.n)
		return write_sparse(fd, st, &regions, buf, entry, &a, to, e);
	whole.size = st->st_size;
	r = tar_write_entry(to, &whole, e);
	if (r == 0)
		r = copy(fd, 0, whole.size, buf, entry, to, e);
	return r < 0 ? r : tar_write_padding(to, whole.size, e);
}

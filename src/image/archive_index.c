/* SPDX-License-Identifier: Apache-2.0 */
/* What is where in a tar file: names, places and sizes, by one pass over its headers. */
#include "image/archive_index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "image/tar.h"

enum {
	ENTRIES_MAX = 200000, /* an archive of a hundred images has some thousands */
	NAME_SIZE_MAX = 4096,
	EXTENSION_MAX = 1 << 20, /* bytes of a pax header */
	LINKS_MAX = 8,           /* links to links */
};

/* The pass: where it is, and what extension headers say about the entry to come. */
struct pass {
	int fd;
	int64_t at, end;
	const char *label;
	struct arena *a;
	struct tar_member *v;
	size_t n, room;
	const char *next_name, *next_link;
	int64_t next_size; /* -1: the header's own */
};

static int read_at(const struct pass *p, int64_t at, void *buf, size_t n, struct err *e)
{
	size_t done = 0;

	while (done < n) {
		ssize_t r = pread(p->fd, (char *)buf + done, n - done, at + (int64_t)done);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return err_sys(e, -errno, "read %s", p->label);
		if (r == 0)
			return err_say(e, -EBADMSG, "%s is truncated", p->label);
		done += (size_t)r;
	}
	return 0;
}

/* Octal with blanks around, or binary. -1: neither, or beyond 63 bits. */
static int64_t read_number(const char *field, size_t n)
{
	const uint8_t *p = (const uint8_t *)field;
	uint64_t value = 0;
	size_t i = 0;

	if (p[0] & 0x80) {
		if (p[0] != 0x80)
			return -1; /* negative, or larger than anything */
		for (i = 1; i < n; i++) {
			if (value >> 55)
				return -1;
			value = value << 8 | p[i];
		}
		return (int64_t)value;
	}
	while (i < n && field[i] == ' ')
		i++;
	for (; i < n && field[i] >= '0' && field[i] <= '7'; i++) {
		if (value >> 60)
			return -1;
		value = value << 3 | (uint64_t)(field[i] - '0');
	}
	return i < n && field[i] && field[i] != ' ' ? -1 : (int64_t)value;
}

static bool is_zero(const struct tar_header *h)
{
	static const struct tar_header zero;

	return memcmp(h, &zero, sizeof(zero)) == 0;
}

/* ---- names -------------------------------------------------------------------------------------- */

/* Clean and relative, or NULL where it leads out: such a name stands for nothing that we look for. */
static const char *clean_name(const struct pass *p, const char *name)
{
	const char *clean;

	while (*name == '/')
		name++;
	clean = str_clean_path(p->a, name);
	if (!*clean || str_eq(clean, ".") || str_eq(clean, "..") || str_starts(clean, "../"))
		return NULL;
	return clean;
}

/* A symbolic link starts at its folder, a hard link at the top. */
static const char *clean_link(const struct pass *p, const char *name, const char *link, char type)
{
	const char *slash = strrchr(name, '/');

	if (type == '2' && *link != '/' && slash)
		link = arena_printf(p->a, "%.*s/%s", (int)(slash - name), name, link);
	return clean_name(p, link);
}

static const char *header_name(const struct pass *p, const struct tar_header *h)
{
	size_t n = strnlen(h->name, sizeof(h->name));
	size_t k = memcmp(h->magic, "ustar\0", 6) == 0 ? strnlen(h->prefix, sizeof(h->prefix)) : 0;

	if (!k)
		return arena_strndup(p->a, h->name, n);
	return arena_printf(p->a, "%.*s/%.*s", (int)k, h->prefix, (int)n, h->name);
}

/* ---- extension headers -------------------------------------------------------------------------- */

static int bad_extension(const struct pass *p, struct err *e)
{
	return err_say(e, -EBADMSG, "%s: an extended header at byte %lld is malformed", p->label,
		       (long long)p->at);
}

/* "27 path=some/name\n": the length counts all of it (pax). */
static int read_records(struct pass *p, char *text, size_t n, struct err *e)
{
	for (size_t i = 0; i < n;) {
		char *end, *key, *value;
		unsigned long length = strtoul(text + i, &end, 10);

		if (end == text + i || *end != ' ' || length > n - i ||
		    text + i + length < end + 3 || text[i + length - 1] != '\n')
			return bad_extension(p, e);
		key = end + 1;
		text[i + length - 1] = '\0';
		value = strchr(key, '=');
		if (!value)
			return bad_extension(p, e);
		*value++ = '\0';
		if (str_eq(key, "path"))
			p->next_name = value;
		else if (str_eq(key, "linkpath"))
			p->next_link = value;
		else if (str_eq(key, "size") &&
			 (str_to_i64(value, &p->next_size) < 0 || p->next_size < 0))
			return bad_extension(p, e);
		i += length;
	}
	return 0;
}

static int read_extension(struct pass *p, char type, int64_t size, struct err *e)
{
	char *text;
	int r;

	if (size > EXTENSION_MAX)
		return err_say(e, -EFBIG, "%s: an extended header of %lld bytes", p->label,
			       (long long)size);
	text = arena_alloc(p->a, (size_t)size + 1);
	r = read_at(p, p->at, text, (size_t)size, e);
	if (r < 0)
		return r;
	if (type == 'L')
		p->next_name = text;
	else if (type == 'K')
		p->next_link = text;
	else if (type == 'x' || type == 'X')
		return read_records(p, text, (size_t)size, e);
	return 0;
}

/* ---- entries ------------------------------------------------------------------------------------ */

static int add_member(struct pass *p, const struct tar_header *h, int64_t size, struct err *e)
{
	const char *name = p->next_name ? p->next_name : header_name(p, h);
	const char *link =
		p->next_link ? p->next_link
			     : arena_strndup(p->a, h->link, strnlen(h->link, sizeof(h->link)));
	struct tar_member m = {.offset = p->at, .size = size};
	bool is_link = h->type == '1' || h->type == '2';

	if (!is_link && h->type != '0' && h->type != '\0' && h->type != '7')
		return 0;
	if (strlen(name) > NAME_SIZE_MAX || strlen(link) > NAME_SIZE_MAX)
		return err_say(e, -ENAMETOOLONG, "%s: a name of more than %d bytes", p->label,
			       NAME_SIZE_MAX);
	m.name = clean_name(p, name);
	m.link = is_link && m.name ? clean_link(p, m.name, link, h->type) : NULL;
	if (!m.name || (is_link && !m.link))
		return 0;
	if (p->n == p->room) {
		p->v = arena_grow(p->a, p->v, p->room * sizeof(*p->v),
				  (p->room * 2 + 64) * sizeof(*p->v));
		p->room = p->room * 2 + 64;
	}
	p->v[p->n++] = m;
	return 0;
}

/* One header with what belongs to it. Returns 0 at the archive's end, 1 or -errno. */
static int read_entry(struct pass *p, unsigned count, struct err *e)
{
	struct tar_header h;
	bool is_extension, has_data;
	int64_t size;
	int r;

	if (p->at > p->end || (p->at == p->end && (p->next_name || p->next_link)))
		return err_say(e, -EBADMSG, "%s is truncated", p->label);
	if (p->at == p->end)
		return 0;
	r = read_at(p, p->at, &h, sizeof(h), e);
	if (r < 0)
		return r;
	if (is_zero(&h))
		return 0;
	if (read_number(h.checksum, sizeof(h.checksum)) != (int64_t)tar_sum(&h))
		return err_say(e, -EBADMSG,
			       count ? "%s is damaged: no tar header where one belongs"
				     : "%s is no tar file",
			       p->label);
	if (count >= ENTRIES_MAX)
		return err_say(e, -E2BIG, "%s has more than %d entries", p->label, ENTRIES_MAX);
	is_extension = strchr("xXgLKN", h.type) != NULL && h.type;
	has_data = !strchr("123456", h.type) || !h.type;
	size = read_number(h.size, sizeof(h.size));
	if (!is_extension && p->next_size >= 0)
		size = p->next_size;
	p->at += TAR_BLOCK;
	if (!has_data)
		size = 0;
	if (size < 0 || size > p->end - p->at)
		return err_say(e, -EBADMSG, "%s is truncated", p->label);
	r = is_extension ? read_extension(p, h.type, size, e) : add_member(p, &h, size, e);
	if (r < 0)
		return r;
	if (!is_extension) {
		p->next_name = p->next_link = NULL;
		p->next_size = -1;
	}
	p->at += tar_padded(size);
	return 1;
}

/* By name, of the same name the later one first. */
static int by_name(const void *a, const void *b)
{
	const struct tar_member *x = a, *y = b;
	int r = strcmp(x->name, y->name);

	if (r)
		return r;
	return x->offset > y->offset ? -1 : x->offset < y->offset;
}

static void sort_members(struct pass *p)
{
	size_t n = 0;

	if (p->n)
		qsort(p->v, p->n, sizeof(*p->v), by_name);
	for (size_t i = 0; i < p->n; i++)
		if (n && str_eq(p->v[n - 1].name, p->v[i].name))
			p->v[n - 1].is_twice = true;
		else
			p->v[n++] = p->v[i];
	p->n = n;
}

int tar_index_read(int fd, int64_t start, const char *label, struct arena *a, struct tar_index *ret,
		   struct err *e)
{
	struct pass p = {.fd = fd, .at = start, .label = label, .a = a, .next_size = -1};
	unsigned count = 0;
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0)
		return err_sys(e, -errno, "look at %s", label);
	p.end = st.st_size;
	if (p.end - p.at < TAR_BLOCK)
		return err_say(e, -EBADMSG, "%s is no tar file", label);
	while ((r = read_entry(&p, count, e)) > 0)
		count++;
	if (r < 0)
		return r;
	sort_members(&p);
	*ret = (struct tar_index){.v = p.v, .n = p.n};
	return 0;
}

static int compare_name(const void *key, const void *member)
{
	return strcmp(key, ((const struct tar_member *)member)->name);
}

const struct tar_member *tar_index_find(const struct tar_index *index, const char *name)
{
	for (unsigned i = 0; name && index->n && i <= LINKS_MAX; i++) {
		const struct tar_member *m =
			bsearch(name, index->v, index->n, sizeof(*index->v), compare_name);

		if (!m || !m->link)
			return m;
		name = m->link;
	}
	return NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Tar files written entry by entry: ustar, with pax records for what does not fit. */
#include "image/tar_write.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "image/tar.h"

static const char zero[TAR_BLOCK];

/* Octal digits and a NUL, as every reader takes them; else binary (GNU, and read by all). */
static void put_number(char *field, size_t n, int64_t value)
{
	if (value >= 0 && value < (int64_t)1 << 3 * (n - 1)) {
		char text[24];

		snprintf(text, sizeof(text), "%0*llo", (int)n - 1, (long long)value);
		memcpy(field, text, n);
		return;
	}
	for (size_t i = n; i-- > 0; value >>= 8)
		field[i] = (char)(value & 0xff);
	field[0] = (char)(field[0] | 0x80);
}

void tar_fill_header(const struct tar_entry *entry, struct tar_header *ret)
{
	struct tar_header h = {.type = entry->type,
			       .magic = "ustar\0"
					"00"};
	char sum[8];

	memcpy(h.name, entry->name, strnlen(entry->name, sizeof(h.name)));
	if (entry->link)
		memcpy(h.link, entry->link, strnlen(entry->link, sizeof(h.link)));
	put_number(h.mode, sizeof(h.mode), entry->mode & 07777);
	put_number(h.uid, sizeof(h.uid), entry->uid);
	put_number(h.gid, sizeof(h.gid), entry->gid);
	put_number(h.size, sizeof(h.size), entry->size);
	put_number(h.mtime, sizeof(h.mtime), entry->mtime);
	put_number(h.major, sizeof(h.major), entry->major);
	put_number(h.minor, sizeof(h.minor), entry->minor);
	snprintf(sum, sizeof(sum), "%06o", tar_sum(&h));
	memcpy(h.checksum, sum, 7);
	h.checksum[7] = ' ';
	*ret = h;
}

/* ---- pax ---------------------------------------------------------------------------------------- */

struct text {
	struct arena *a;
	char *buf;
	size_t n, room;
};

static void text_add(struct text *t, const void *data, size_t n)
{
	if (t->n + n > t->room) {
		size_t room = (t->room + n) * 2;

		t->buf = arena_grow(t->a, t->buf, t->room, room);
		t->room = room;
	}
	memcpy(t->buf + t->n, data, n);
	t->n += n;
}

/* "LENGTH KEY=VALUE\n", the length counting its own digits. */
static void record_add(struct text *t, const struct tar_record *record)
{
	size_t rest = strlen(record->key) + record->n + 3, n = rest + 1;
	char head[24];

	for (;;) {
		size_t digits = (size_t)snprintf(head, sizeof(head), "%zu", n);

		if (rest + digits == n)
			break;
		n = rest + digits;
	}
	strcat(head, " ");
	text_add(t, head, strlen(head));
	text_add(t, record->key, strlen(record->key));
	text_add(t, "=", 1);
	text_add(t, record->value, record->n);
	text_add(t, "\n", 1);
}

static int write_records(const struct sink *to, const struct tar_entry *entry, struct err *e)
{
	const size_t short_name = sizeof(((struct tar_header *)0)->name);
	const struct tar_entry header = {.name = "PaxHeaders/0", .type = 'x', .mode = 0644};
	struct tar_entry sized = header;
	struct tar_record extra[2];
	auto_arena struct arena a = {0};
	struct text t = {.a = &a};
	struct tar_header h;
	size_t n = 0;
	int r;

	if (strlen(entry->name) > short_name)
		extra[n++] = (struct tar_record){"path", entry->name, strlen(entry->name)};
	if (entry->link && strlen(entry->link) > short_name)
		extra[n++] = (struct tar_record){"linkpath", entry->link, strlen(entry->link)};
	for (size_t i = 0; i < n; i++)
		record_add(&t, &extra[i]);
	for (size_t i = 0; i < entry->n_records; i++)
		record_add(&t, &entry->records[i]);
	if (!t.n)
		return 0;
	sized.size = (int64_t)t.n;
	tar_fill_header(&sized, &h);
	r = sink_write(to, &h, sizeof(h), e);
	if (r == 0)
		r = sink_write(to, t.buf, t.n, e);
	return r < 0 ? r : tar_write_padding(to, sized.size, e);
}

/* ---- entries ------------------------------------------------------------------------------------ */

int tar_write_entry(const struct sink *to, const struct tar_entry *entry, struct err *e)
{
	struct tar_header h;
	int r = write_records(to, entry, e);

	if (r < 0)
		return r;
	tar_fill_header(entry, &h);
	return sink_write(to, &h, sizeof(h), e);
}

int tar_write_padding(const struct sink *to, int64_t size, struct err *e)
{
	size_t n = (size_t)(tar_padded(size) - size);

	return n ? sink_write(to, zero, n, e) : 0;
}

int tar_write_text(const struct sink *to, const char *name, const void *data, size_t n,
		   struct err *e)
{
	const struct tar_entry entry = {
		.name = name, .type = '0', .mode = 0644, .size = (int64_t)n};
	int r = tar_write_entry(to, &entry, e);

	if (r == 0)
		r = sink_write(to, data, n, e);
	return r < 0 ? r : tar_write_padding(to, entry.size, e);
}

int tar_write_folder(const struct sink *to, const char *name, struct err *e)
{
	const struct tar_entry entry = {.name = name, .type = '5', .mode = 0755};

	return tar_write_entry(to, &entry, e);
}

int tar_write_end(const struct sink *to, struct err *e)
{
	int r = sink_write(to, zero, sizeof(zero), e);

	return r < 0 ? r : sink_write(to, zero, sizeof(zero), e);
}

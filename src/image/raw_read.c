/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes behind gzip, zstd, xz or bzip2, or plain ones: one way to read them all. */
#include "image/raw_read.h"

#include <archive.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/err.h"

enum { PIECE = 1 << 18, HEAD_MAX = 16 };

struct raw {
	struct archive *reader;
	const char *label;
	bool has_begun, is_empty;
	int fd;
	uint8_t head[HEAD_MAX]; /* comes before what fd gives */
	size_t n_head;
	char piece[PIECE];
};

static ssize_t read_piece(struct archive *reader, void *arg, const void **ret)
{
	struct raw *r = arg;
	size_t had = r->n_head;
	ssize_t n;

	*ret = r->piece;
	memcpy(r->piece, r->head, had);
	r->n_head = 0;
	while ((n = read(r->fd, r->piece + had, sizeof(r->piece) - had)) < 0 && errno == EINTR)
		continue;
	if (n < 0)
		archive_set_error(reader, errno, "%s", strerror(errno));
	return n < 0 ? n : n + (ssize_t)had;
}

/* Only what is built into the library: no program is started for it. */
static bool setup(struct raw *r)
{
	struct archive *reader = r->reader;

	return archive_read_support_filter_gzip(reader) == ARCHIVE_OK &&
	       archive_read_support_filter_zstd(reader) == ARCHIVE_OK &&
	       archive_read_support_filter_xz(reader) == ARCHIVE_OK &&
	       archive_read_support_filter_bzip2(reader) == ARCHIVE_OK &&
	       archive_read_support_format_raw(reader) == ARCHIVE_OK &&
	       archive_read_support_format_empty(reader) == ARCHIVE_OK &&
	       archive_read_open(reader, r, NULL, read_piece, NULL) == ARCHIVE_OK;
}

struct raw *raw_open_after(int fd, const void *head, size_t n, const char *label)
{
	struct archive *reader = n <= HEAD_MAX ? archive_read_new() : NULL;
	struct raw *r = reader ? calloc(1, sizeof(*r)) : NULL;

	if (!r) {
		archive_read_free(reader);
		return NULL;
	}
	*r = (struct raw){.label = label, .fd = fd, .reader = reader, .n_head = n};
	if (n)
		memcpy(r->head, head, n);
	if (setup(r))
		return r;
	raw_close(&r);
	return NULL;
}

struct raw *raw_open(int fd, const char *label)
{
	return raw_open_after(fd, NULL, 0, label);
}

static int fail(const struct raw *r, struct err *e)
{
	const char *why = archive_error_string(r->reader);

	return err_say(e, -EBADMSG, "read %s: %s", r->label, why ? why : "damaged");
}

ssize_t raw_read(struct raw *r, void *buf, size_t n, struct err *e)
{
	struct archive_entry *entry;
	ssize_t got;
	int status;

	if (!r->has_begun) {
		status = archive_read_next_header(r->reader, &entry);
		if (status != ARCHIVE_OK && status != ARCHIVE_EOF)
			return fail(r, e);
		r->has_begun = true;
		r->is_empty = status == ARCHIVE_EOF;
	}
	if (r->is_empty)
		return 0;
	got = archive_read_data(r->reader, buf, n);
	return got < 0 ? fail(r, e) : got;
}

void raw_close(struct raw **r)
{
	if (*r && (*r)->reader)
		archive_read_free((*r)->reader);
	free(*r);
	*r = NULL;
}

bool raw_is_compressed_text(const void *data, size_t n)
{
	static const struct {
		uint8_t bytes[6];
		size_t n;
	} magic[] = {
		{{0x1f, 0x8b}, 2},
		{{0x28, 0xb5, 0x2f, 0xfd}, 4},
		{{0xfd, '7', 'z', 'X', 'Z', 0}, 6},
		{{'B', 'Z', 'h'}, 3},
	};

	for (size_t i = 0; i < ARRAY_LEN(magic); i++)
		if (n >= magic[i].n && memcmp(data, magic[i].bytes, magic[i].n) == 0)
			return true;
	return false;
}

bool raw_is_compressed(int fd, off_t at)
{
	uint8_t head[6];
	ssize_t n = pread(fd, head, sizeof(head), at);

	return n > 0 && raw_is_compressed_text(head, (size_t)n);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Where written bytes go: a file, a compressor, a layer. */
#include "image/sink.h"

#include <errno.h>
#include <isa-l/igzip_lib.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/err.h"
#include "kernel/fd.h"

enum { ROOM = 1 << 18 };

/* ---- a file ------------------------------------------------------------------------------------- */

int sink_file_flush(struct sink_file *f, struct err *e)
{
	int r = f->n ? fd_write_all(f->fd, f->buf, f->n) : 0;

	f->n = 0;
	return r < 0 ? err_sys(e, r, "write to %s", f->label) : 0;
}

int sink_file_write(void *file, const void *data, size_t n, struct err *e)
{
	struct sink_file *f = file;
	int r = 0;

	if (!f->buf)
		f->buf = malloc(ROOM);
	if (!f->buf)
		return err_sys(e, -ENOMEM, "write to %s", f->label);
	if (f->n + n > ROOM)
		r = sink_file_flush(f, e);
	if (r == 0 && n >= ROOM) {
		r = fd_write_all(f->fd, data, n);
		if (r < 0)
			err_sys(e, r, "write to %s", f->label);
	} else if (r == 0) {
		memcpy(f->buf + f->n, data, n);
		f->n += n;
	}
	f->at += (int64_t)n;
	return r;
}

void sink_file_free(struct sink_file *f)
{
	free(f->buf);
	f->buf = NULL;
}

/* ---- gzip --------------------------------------------------------------------------------------- */

struct sink_gzip {
	struct sink to;
	struct isal_zstream stream;
	uint8_t level[ISAL_DEF_LVL1_DEFAULT], out[ROOM];
};

struct sink_gzip *sink_gzip_open(struct sink to)
{
	struct sink_gzip *z = malloc(sizeof(*z));

	if (!z)
		return NULL;
	z->to = to;
	isal_deflate_init(&z->stream);
	z->stream.level = 1;
	z->stream.level_buf = z->level;
	z->stream.level_buf_size = sizeof(z->level);
	z->stream.gzip_flag = IGZIP_GZIP;
	return z;
}

static int compress(struct sink_gzip *z, const void *data, size_t n, bool is_last, struct err *e)
{
	z->stream.next_in = (uint8_t *)data;
	z->stream.avail_in = (uint32_t)n;
	z->stream.end_of_stream = is_last;
	do {
		int r;

		z->stream.next_out = z->out;
		z->stream.avail_out = sizeof(z->out);
		if (isal_deflate(&z->stream) != COMP_OK)
			return err_say(e, -EIO, "compress a layer: the compressor failed");
		r = sink_write(&z->to, z->out, sizeof(z->out) - z->stream.avail_out, e);
		if (r < 0)
			return r;
	} while (z->stream.avail_out == 0 || z->stream.avail_in);
	return 0;
}

int sink_gzip_write(void *gzip, const void *data, size_t n, struct err *e)
{
	const char *p = data;
	int r = 0;

	while (r == 0 && n) {
		size_t part = n < (1U << 30) ? n : 1U << 30;

		r = compress(gzip, p, part, false, e);
		p += part;
		n -= part;
	}
	return r;
}

int sink_gzip_finish(struct sink_gzip *z, struct err *e)
{
	return compress(z, "", 0, true, e);
}

void sink_gzip_close(struct sink_gzip **z)
{
	free(*z);
	*z = NULL;
}

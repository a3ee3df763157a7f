/* SPDX-License-Identifier: Apache-2.0 */
/* gzip by isa-l, zstd by libzstd, plain tar as it is. */
#include "image/inflate.h"

#include <errno.h>
#include <isa-l/igzip_lib.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

enum { OUT_SIZE = 256 << 10, HEAD = 4 };
enum format { FORMAT_UNKNOWN, FORMAT_PLAIN, FORMAT_GZIP, FORMAT_ZSTD };

struct inflate {
	int (*sink)(void *owner, const void *data, size_t n, struct err *e);
	void *owner;
	enum format format;
	unsigned char head[HEAD]; /* bytes before the format is known */
	size_t n_head;
	int64_t in, out;
	bool is_between; /* gzip, zstd: at the end of a member or frame */
	struct inflate_state gzip;
	ZSTD_DStream *zstd;
	unsigned char buf[OUT_SIZE];
};

int inflate_open(int (*sink)(void *owner, const void *data, size_t n, struct err *e), void *owner,
		 struct inflate **ret, struct err *e)
{
	struct inflate *z = calloc(1, sizeof(*z));

	if (!z)
		return err_sys(e, -ENOMEM, "inflate a layer");
	z->sink = sink;
	z->owner = owner;
	*ret = z;
	return 0;
}

void inflate_close(struct inflate *z)
{
	if (!z)
		return;
	ZSTD_freeDStream(z->zstd);
	free(z);
}

/* Security: a bomb is told by its ratio, before it fills the disk. */
static int put(struct inflate *z, const void *data, size_t n, struct err *e)
{
	z->out += (int64_t)n;
	if (z->out > INFLATE_FREE && z->out / INFLATE_RATIO > z->in)
		return err_say(
			e, -EFBIG,
			"a layer of %lld bytes unpacks to more than %d times as many: this is "
			"taken for a bomb",
			(long long)z->in, INFLATE_RATIO);
	return n ? z->sink(z->owner, data, n, e) : 0;
}

/* ---- gzip ---------------------------------------------------------------------------------------- */

static void begin_member(struct inflate *z)
{
	isal_inflate_init(&z->gzip);
	z->gzip.crc_flag = ISAL_GZIP;
	z->is_between = false;
}

static int feed_gzip(struct inflate *z, const void *data, size_t n, struct err *e)
{
	unsigned char *next = (unsigned char *)(uintptr_t)data;
	size_t left = n;

	while (left) {
		int r;

		if (z->is_between) {
			/* Zeros may pad the last member (gzip(1)). */
			if (!*next) {
				next++;
				left--;
				continue;
			}
			begin_member(z);
		}
		z->gzip.next_in = next;
		z->gzip.avail_in = (uint32_t)left;
		do {
			z->gzip.next_out = z->buf;
			z->gzip.avail_out = sizeof(z->buf);
			r = isal_inflate(&z->gzip);
			if (r != ISAL_DECOMP_OK)
				return err_say(e, -EBADMSG,
					       "the gzip stream of a layer is damaged");
			r = put(z, z->buf, sizeof(z->buf) - z->gzip.avail_out, e);
			if (r < 0)
				return r;
		} while (z->gzip.block_state != ISAL_BLOCK_FINISH &&
			 (z->gzip.avail_in || !z->gzip.avail_out));
		next = z->gzip.next_in;
		left = z->gzip.avail_in;
		if (z->gzip.block_state == ISAL_BLOCK_FINISH)
			z->is_between = true;
	}
	return 0;
}

/* ---- zstd ---------------------------------------------------------------------------------------- */

static int feed_zstd(struct inflate *z, const void *data, size_t n, struct err *e)
{
	ZSTD_inBuffer in = {data, n, 0};
	bool is_full = false;

	while (in.pos < in.size || is_full) {
		ZSTD_outBuffer out = {z->buf, sizeof(z->buf), 0};
		size_t r = ZSTD_decompressStream(z->zstd, &out, &in);
		int rc;

		if (ZSTD_isError(r))
			return err_say(e, -EBADMSG, "the zstd stream of a layer is damaged: %s",
				       ZSTD_getErrorName(r));
		z->is_between = r == 0;
		is_full = out.pos == out.size && r != 0;
		rc = put(z, z->buf, out.pos, e);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* ---- both ---------------------------------------------------------------------------------------- */

static int find_format(struct inflate *z, struct err *e)
{
	const unsigned char *h = z->head;

	if (h[0] == 0x1f && h[1] == 0x8b) {
		z->format = FORMAT_GZIP;
		begin_member(z);
		return 0;
	}
	/* A frame, or a skippable one (RFC 8878, 3.1.2). */
	if ((h[0] == 0x28 && h[1] == 0xb5 && h[2] == 0x2f && h[3] == 0xfd) ||
	    ((h[0] & 0xf0) == 0x50 && h[1] == 0x2a && h[2] == 0x4d && h[3] == 0x18)) {
		z->format = FORMAT_ZSTD;
		z->zstd = ZSTD_createDStream();
		/* Security: a window of 128 MiB is what zstd(1) takes without being told to. */
		if (!z->zstd || ZSTD_isError(ZSTD_initDStream(z->zstd)) ||
		    ZSTD_isError(ZSTD_DCtx_setParameter(z->zstd, ZSTD_d_windowLogMax, 27)))
			return err_sys(e, -ENOMEM, "inflate a layer");
		return 0;
	}
	if ((h[0] == 'B' && h[1] == 'Z' && h[2] == 'h') || (h[0] == 0xfd && h[1] == '7'))
		return err_say(e, -ENOTSUP,
			       "a layer is compressed by bzip2 or xz: gzip, zstd and plain tar are "
			       "what images may have");
	z->format = FORMAT_PLAIN;
	return 0;
}

static int feed_known(struct inflate *z, const void *data, size_t n, struct err *e)
{
	switch (z->format) {
	case FORMAT_GZIP:
		return feed_gzip(z, data, n, e);
	case FORMAT_ZSTD:
		return feed_zstd(z, data, n, e);
	default:
		return put(z, data, n, e);
	}
}

int inflate_feed(struct inflate *z, const void *data, size_t n, struct err *e)
{
	const unsigned char *p = data;
	int r;

	z->in += (int64_t)n;
	while (z->format == FORMAT_UNKNOWN && n) {
		z->head[z->n_head++] = *p++;
		n--;
		if (z->n_head < HEAD)
			continue;
		r = find_format(z, e);
		if (r == 0)
			r = feed_known(z, z->head, HEAD, e);
		if (r < 0)
			return r;
	}
	return n ? feed_known(z, p, n, e) : 0;
}

int inflate_finish(struct inflate *z, struct err *e)
{
	if (z->format == FORMAT_UNKNOWN)
		return put(z, z->head, z->n_head, e);
	if (z->format != FORMAT_PLAIN && !z->is_between)
		return err_say(e, -EBADMSG, "the compressed stream of a layer is cut short");
	return 0;
}

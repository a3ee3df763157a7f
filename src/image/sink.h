/* SPDX-License-Identifier: Apache-2.0 */
/* Where written bytes go: a file, a compressor, a layer. */
#ifndef BERTH_IMAGE_SINK_H
#define BERTH_IMAGE_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

struct sink {
	int (*write)(void *arg, const void *data, size_t n, struct err *e); /* 0 or -errno */
	void *arg;
};

static inline int sink_write(const struct sink *s, const void *data, size_t n, struct err *e)
{
	return s->write(s->arg, data, n, e);
}

/* ---- a file ------------------------------------------------------------------------------------- */

/* Zero-initialise but for fd and label; sink_file_flush at the end; release with auto_sink_file. */
struct sink_file {
	int fd;
	const char *label; /* for errors */
	int64_t at;        /* bytes written so far, those in buf with them */
	char *buf;
	size_t n;
};
int sink_file_write(void *file, const void *data, size_t n, struct err *e);
int sink_file_flush(struct sink_file *f, struct err *e);
void sink_file_free(struct sink_file *f);
#define auto_sink_file __attribute__((cleanup(sink_file_free)))

/* ---- gzip --------------------------------------------------------------------------------------- */

/* Compresses what is written (RFC 1952, fast, the same bytes for the same bytes) and hands it on. */
struct sink_gzip;
struct sink_gzip *sink_gzip_open(struct sink to);
int sink_gzip_write(void *gzip, const void *data, size_t n, struct err *e);
int sink_gzip_finish(struct sink_gzip *z, struct err *e);
void sink_gzip_close(struct sink_gzip **z);
#define auto_sink_gzip __attribute__((cleanup(sink_gzip_close)))

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Tar files written entry by entry: ustar, with pax records for what does not fit. */
#ifndef BERTH_IMAGE_TAR_WRITE_H
#define BERTH_IMAGE_TAR_WRITE_H

#include <stddef.h>
#include <stdint.h>

#include "image/sink.h"

/* A pax record; of an extended attribute the key is "SCHILY.xattr.NAME". The value may hold any bytes. */
struct tar_record {
	const char *key, *value;
	size_t n;
};

struct tar_entry {
	const char *name, *link; /* a folder's name ends with "/" */
	char type; /* '0' file, '1' hard link, '2' link, '3' char, '4' block, '5' folder, '6' fifo */
	uint32_t mode, uid, gid, major, minor;
	int64_t size, mtime; /* bytes of data that follow; seconds */
	const struct tar_record *records;
	size_t n_records;
};

/* Writes the header, with a pax header before it where records, name or link need one. The caller writes
 * size bytes and tar_write_padding. Returns 0 or -errno. */
int tar_write_entry(const struct sink *to, const struct tar_entry *entry, struct err *e);
int tar_write_padding(const struct sink *to, int64_t size, struct err *e);
/* A small file whole. */
int tar_write_text(const struct sink *to, const char *name, const void *data, size_t n,
		   struct err *e);
int tar_write_folder(const struct sink *to, const char *name, struct err *e);
/* The end: two empty blocks. */
int tar_write_end(const struct sink *to, struct err *e);

struct tar_header;
/* Only the header of an entry of a short name, for a size that is known later. */
void tar_fill_header(const struct tar_entry *entry, struct tar_header *ret);

#endif

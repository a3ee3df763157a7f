/* SPDX-License-Identifier: Apache-2.0 */
/* One file on its way into a tar stream: its extended attributes, its content with holes. */
#ifndef BERTH_IMAGE_PACK_FILE_H
#define BERTH_IMAGE_PACK_FILE_H

#include <stdbool.h>
#include <sys/stat.h>

#include "image/tar_write.h"

struct arena;

struct pack_attributes {
	struct tar_record *records;
	size_t n;
	bool is_opaque, is_whiteout; /* overlay.opaque=y, overlay.whiteout */
	bool is_elsewhere;           /* overlay.redirect, overlay.metacopy */
};

/* Of what name in dir_fd is, links not followed. Returns 0 or -errno. */
int pack_attributes_read(int dir_fd, const char *name, bool is_rootless, struct arena *a,
			 struct pack_attributes *ret);

enum { PACK_PIECE = 1 << 18 };

/* Header, content and padding of a regular file, which st describes; buf has PACK_PIECE bytes. */
int pack_file(int dir_fd, const char *name, const struct stat *st, const struct tar_entry *entry,
	      char *buf, const struct sink *to, struct err *e);

#endif

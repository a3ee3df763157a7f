/* SPDX-License-Identifier: Apache-2.0 */
/* What is where in a tar file: names, places and sizes, by one pass over its headers. */
#ifndef BERTH_IMAGE_ARCHIVE_INDEX_H
#define BERTH_IMAGE_ARCHIVE_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct err;

struct tar_member {
	const char *name;     /* clean and relative; those that would climb out are not listed */
	const char *link;     /* NULL: a regular file; else the clean name of what it stands for */
	int64_t offset, size; /* bytes; offset in the file */
	bool is_twice;        /* the name is there more than once; the last one counts */
};

struct tar_index {
	struct tar_member *v; /* sorted by name */
	size_t n;
};

/* Reads the headers of the tar file in fd (seekable) from start on. label names the file in errors.
 * Hostile input: sizes beyond the file ("is truncated"), wrong check sums ("is no tar file"), more
 * entries or longer names than an archive of images can have are refused; of names only a list is
 * made, nothing is opened by them. Returns 0 or -errno. */
int tar_index_read(int fd, int64_t start, const char *label, struct arena *a, struct tar_index *ret,
		   struct err *e);

/* The member of that name, links followed; NULL: none. */
const struct tar_member *tar_index_find(const struct tar_index *index, const char *name);

#endif

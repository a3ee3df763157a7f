/* SPDX-License-Identifier: Apache-2.0 */
/* The blocks of a tar file (POSIX.1-2017 pax, GNU tar's tar.h): what archives of images are made of. */
#ifndef BERTH_IMAGE_TAR_H
#define BERTH_IMAGE_TAR_H

#include <assert.h>
#include <stdint.h>

enum { TAR_BLOCK = 512 };

/* A header; numbers are octal text, or big-endian binary where the first byte's highest bit is set (GNU). */
struct tar_header {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, link[100],
		magic[8], user[32], group[32], major[8], minor[8], prefix[155], rest[12];
};
static_assert(sizeof(struct tar_header) == TAR_BLOCK, "a header is one block");

/* Bytes that data of n bytes takes up. */
static inline int64_t tar_padded(int64_t n)
{
	return (n + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK;
}

/* The sum of a header's bytes, its own field taken as blanks. */
static inline unsigned tar_sum(const struct tar_header *h)
{
	const uint8_t *p = (const uint8_t *)h;
	unsigned sum = 8 * ' ';

	for (unsigned i = 0; i < TAR_BLOCK; i++)
		sum += p[i];
	for (unsigned i = 0; i < sizeof(h->checksum); i++)
		sum -= (uint8_t)h->checksum[i];
	return sum;
}

#endif

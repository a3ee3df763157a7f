/* SPDX-License-Identifier: Apache-2.0 */
/* A layer's tar into its folder, in a process that is alone with it. */
#ifndef BERTH_IMAGE_UNPACK_H
#define BERTH_IMAGE_UNPACK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct archive;

struct unpack_result {
	struct err err;
	int64_t entries, bytes; /* bytes: sum of the files' sizes */
	int64_t skipped;        /* devices that an ordinary user cannot make */
	int64_t unowned;        /* files whose owner is not mapped: they are ours */
};

/* Never returns: in a forked child, reads a tar stream from tar_fd and unpacks it into the folder dir_fd, then writes
 * a struct unpack_result to result_fd. is_user: trusted.* attributes and devices are not ours to make. */
void unpack_main(int tar_fd, int dir_fd, int result_fd, bool is_user) __attribute__((noreturn));

/* ---- between unpack*.c ---------------------------------------------------------------------------- */

/* Unpacks into dir_fd, which is the caller's root. Fills *ret in either case. Returns 0 or -errno. */
int unpack_tar(int tar_fd, int dir_fd, bool is_user, struct unpack_result *ret);
/* libarchive's reader with the formats that a layer may have, without a source. NULL: no memory. */
struct archive *unpack_open(struct err *e);

#endif

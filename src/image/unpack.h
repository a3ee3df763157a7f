/* SPDX-License-Identifier: Apache-2.0 */
/* The process that unpacks a layer: alone with its folder. */
#ifndef BERTH_IMAGE_UNPACK_H
#define BERTH_IMAGE_UNPACK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct unpack_result {
	struct err err;
	int64_t entries, bytes; /* bytes: sum of the files' sizes */
	int64_t skipped;        /* devices that an ordinary user cannot make */
	int64_t unowned;        /* files whose owner is not mapped: they are ours */
};

/* Never returns: in a forked child, reads a tar stream from tar_fd and unpacks it into the folder dir_fd, then writes
 * a struct unpack_result to result_fd. is_user: trusted.* attributes and devices are not ours to make. */
void unpack_main(int tar_fd, int dir_fd, int result_fd, bool is_user) __attribute__((noreturn));

#endif

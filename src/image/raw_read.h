/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes behind gzip, zstd, xz or bzip2, or plain ones: one way to read them all. */
#ifndef BERTH_IMAGE_RAW_READ_H
#define BERTH_IMAGE_RAW_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct err;
struct raw; /* opaque */

/* Reads fd from its position on; fd stays the caller's. label names it in errors. NULL: no memory. */
struct raw *raw_open(int fd, const char *label);
/* The same where n bytes at head (at most 16) were read from fd already. */
struct raw *raw_open_after(int fd, const void *head, size_t n, const char *label);
/* At most n inflated bytes; 0: the end; -EBADMSG: damaged or cut off. */
ssize_t raw_read(struct raw *r, void *buf, size_t n, struct err *e);
void raw_close(struct raw **r);
#define auto_raw __attribute__((cleanup(raw_close)))

/* Is what begins with these bytes compressed? And at this byte of fd (seekable)? */
bool raw_is_compressed_text(const void *data, size_t n);
bool raw_is_compressed(int fd, off_t at);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* gzip, zstd or nothing: what comes in goes out inflated. */
#ifndef BERTH_IMAGE_INFLATE_H
#define BERTH_IMAGE_INFLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct inflate; /* opaque */

/* sink is called with each piece that comes out; it returns 0 or -errno, which ends it. */
int inflate_open(int (*sink)(void *owner, const void *data, size_t n, struct err *e), void *owner,
		 struct inflate **ret, struct err *e);
/* Any pieces of the stream; the first bytes tell what it is. Several members or frames in a row are one stream
 * (RFC 1952, RFC 8878). More than INFLATE_FREE plus INFLATE_RATIO times what came in: -EFBIG. */
int inflate_feed(struct inflate *z, const void *data, size_t n, struct err *e);
/* The end: -EBADMSG where the stream was cut. */
int inflate_finish(struct inflate *z, struct err *e);
void inflate_close(struct inflate *z);

#define INFLATE_FREE (INT64_C(1) << 30)
enum { INFLATE_RATIO = 500 };

#endif

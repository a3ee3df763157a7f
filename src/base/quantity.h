/* SPDX-License-Identifier: Apache-2.0 */
/* Quantities with units, as people write them: durations and sizes. */
#ifndef BERTH_BASE_QUANTITY_H
#define BERTH_BASE_QUANTITY_H

#include <stdint.h>

/* Go's grammar of a duration (time.ParseDuration): "5s", "1.5s", "1m30s", "300ms", "-1s", "0"; units ns,
 * us (also with the Greek letter), ms, s, m, h. *ret in nanoseconds. Returns 0, -EINVAL (not a
 * duration) or -ERANGE. */
int quantity_to_ns(const char *s, int64_t *ret);

/* A size as Docker's tools read it (go-units, RAMInBytes): "64m", "1.5GiB", "512 kB", "1024"; units b, k,
 * m, g, t, p are powers of 1024 in either case. *ret in bytes. Returns 0, -EINVAL or -ERANGE. */
int quantity_to_bytes(const char *s, int64_t *ret);

#endif

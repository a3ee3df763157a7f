/* SPDX-License-Identifier: Apache-2.0 */
/* Points in time as people give them. */
#ifndef BERTH_BIN_BERTH_TIME_OPTION_H
#define BERTH_BIN_BERTH_TIME_OPTION_H

#include <stdint.h>

#include "base/err.h"

/* "2026-01-31T12:00:00Z", seconds since 1970, or "10m" for ten minutes ago; nanoseconds of CLOCK_REALTIME. NULL leaves
 * *ret alone. option: "since", for the error. Returns 0 or -EINVAL. */
int time_option_read(const char *text, const char *option, int64_t *ret, struct err *e);

/* Nanoseconds of CLOCK_REALTIME. */
int64_t time_now(void);

#endif

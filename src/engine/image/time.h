/* SPDX-License-Identifier: Apache-2.0 */
/* The times in images: RFC 3339. */
#ifndef BERTH_ENGINE_IMAGE_TIME_H
#define BERTH_ENGINE_IMAGE_TIME_H

#include <stdint.h>

/* "2024-05-01T12:34:56.789Z", "...+02:00" -> nanoseconds since 1970; 0: NULL or no such time. */
int64_t time_parse(const char *text);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* When a request is tried again: which answers are worth it, and after how long. Pure. */
#ifndef BERTH_IMAGE_RETRY_H
#define BERTH_IMAGE_RETRY_H

#include <stdbool.h>
#include <stdint.h>

/* How often one request is tried before its error counts. */
enum { RETRY_MAX = 5 };

/* Statuses that a later try may not have (RFC 9110 15: 408, 429, 5xx but 501 and 505). */
bool retry_is_worth(long status);

/* Milliseconds to wait before try number `attempt` + 1 (attempt counts from 1: the tries made so far);
 * -1: no more tries. after_s: what Retry-After asked for in seconds, or -1; random: any 32 bits, for the
 * jitter that keeps many clients from coming back at the same moment. */
int64_t retry_delay_ms(unsigned attempt, int64_t after_s, uint32_t random);

#endif

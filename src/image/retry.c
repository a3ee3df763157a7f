/* SPDX-License-Identifier: Apache-2.0 */
/* When a request is tried again: which answers are worth it, and after how long. */
#include "image/retry.h"

enum { FIRST_MS = 200, LONGEST_MS = 10000, AFTER_MAX_S = 60 };

bool retry_is_worth(long status)
{
	return status == 408 || status == 429 || status == 500 || (status >= 502 && status <= 504);
}

int64_t retry_delay_ms(unsigned attempt, int64_t after_s, uint32_t random)
{
	int64_t ms = FIRST_MS;

	if (attempt >= RETRY_MAX)
		return -1;
	/* A server that wants us back tomorrow gets its error shown today. */
	if (after_s > AFTER_MAX_S)
		return -1;
	for (unsigned i = 1; i < attempt && ms < LONGEST_MS; i++)
		ms *= 2;
	if (ms > LONGEST_MS)
		ms = LONGEST_MS;
	ms = ms / 2 + (int64_t)(random % (uint32_t)ms);
	return after_s * 1000 > ms ? after_s * 1000 : ms;
}

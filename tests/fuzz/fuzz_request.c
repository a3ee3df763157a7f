/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz: any bytes as the kept request of a container; what is taken says the same when written and read again, and its
 * limits are an error or a plan. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "engine/container/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool is_true)
{
	if (!is_true)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_json_writer struct json_writer first = {0}, second = {0};
	struct container_request q = {0}, again = {0};
	struct oci_resources limits = {0};
	struct arena a = {0};
	struct err e = {0};
	int r = request_decode((const char *)data, size, &a, &q, &e);

	check((r < 0) == (e.code != 0));
	if (r == 0) {
		request_print(&q, &first);
		check(request_decode(first.buf, first.len, &a, &again, NULL) == 0);
		request_print(&again, &second);
		check(first.len == second.len && !memcmp(first.buf, second.buf, first.len));
		r = request_limits(&q, &a, &limits, &e);
		check((r < 0) == (e.code != 0));
	}
	arena_free(&a);
	return 0;
}

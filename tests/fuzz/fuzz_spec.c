/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz: any bytes as config.json, decoded, checked and printed. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "oci/decode.h"
#include "oci/encode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct json_writer first = {0}, second = {0};
	struct oci_spec spec = {0}, again = {0};
	struct arena a = {0};
	struct err e = {0};
	int r = oci_decode_spec((const char *)data, size, &a, &spec, &e);

	if ((r < 0) != (e.code != 0))
		abort();
	if (r == 0) {
		r = oci_check_spec(&spec, &e);
		if ((r < 0) != (e.code != 0))
			abort();
		oci_spec_print(&spec, &first);
		if (oci_decode_spec(first.buf, first.len, &a, &again, NULL) < 0)
			abort();
		oci_spec_print(&again, &second);
		if (strcmp(first.buf, second.buf) != 0)
			abort();
	}
	json_writer_free(&first);
	json_writer_free(&second);
	arena_free(&a);
	return 0;
}

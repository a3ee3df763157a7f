/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzing the reader of Protocol Buffers, two levels deep as the answers of criu are. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/protobuf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct pb_reader outer = {data, data + n};
	struct pb_field f;

	while (pb_next(&outer, &f) > 0) {
		struct pb_reader inner = {f.v, f.v ? f.v + f.n : NULL};

		while (f.v && pb_next(&inner, &f) > 0)
			if (f.n && f.v && (f.v < data || f.v + f.n > data + n))
				abort(); /* a field lies in the message */
	}
	return 0;
}

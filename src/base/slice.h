/* SPDX-License-Identifier: Apache-2.0 */
/* Slices and optional values: how decoded data says "how many" and "was it there". */
#ifndef BERTH_BASE_SLICE_H
#define BERTH_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* n values at v, in an arena. An absent list is n == 0, v == NULL. Every SLICE has the layout of
 * struct slice, so that a table can fill it. */
#define SLICE(T)          \
	struct {          \
		T *v;     \
		size_t n; \
	}

struct slice {
	void *v;
	size_t n;
};

struct str_slice {
	const char **v;
	size_t n;
};

struct maybe_i64 {
	bool is_set;
	int64_t value;
};

struct maybe_u64 {
	bool is_set;
	uint64_t value;
};

struct maybe_bool {
	bool is_set;
	bool value;
};

#endif

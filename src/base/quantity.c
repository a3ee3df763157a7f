/* SPDX-License-Identifier: Apache-2.0 */
/* Quantities with units, as people write them: durations and sizes. */
#include "base/quantity.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/auto.h"
#include "base/str.h"

/* Integers, since a float would round what the kernel then holds against us. */
struct decimal {
	uint64_t whole;
	const char *part; /* the digits behind the point */
	size_t part_len;
};

/* Reads "12", "12.5" and, as Go does, ".5" and "12."; returns the end, or NULL with *ret_r filled. */
static const char *read_decimal(const char *s, struct decimal *ret, int *ret_r)
{
	size_t n = strspn(s, "0123456789");
	struct decimal d = {0};

	*ret_r = -EINVAL;
	for (size_t i = 0; i < n; i++) {
		if (__builtin_mul_overflow(d.whole, 10, &d.whole) ||
		    __builtin_add_overflow(d.whole, (uint64_t)(s[i] - '0'), &d.whole)) {
			*ret_r = -ERANGE;
			return NULL;
		}
	}
	s += n;
	if (*s == '.') {
		d.part = s + 1;
		d.part_len = strspn(d.part, "0123456789");
		s = d.part + d.part_len;
	}
	*ret = d;
	return n + d.part_len ? s : NULL;
}

/* *sum += d * unit, rounded down. unit is at most 2^50. */
static int add_units(struct decimal d, uint64_t unit, int64_t *sum)
{
	uint64_t whole, part = 0;

	if (__builtin_mul_overflow(d.whole, unit, &whole))
		return -ERANGE;
	/* Order: from the last digit, so that nothing is lost to rounding. */
	for (size_t i = d.part_len; i > 0; i--)
		part = ((uint64_t)(d.part[i - 1] - '0') * unit + part) / 10;
	if (__builtin_add_overflow(whole, part, &whole) || __builtin_add_overflow(*sum, whole, sum))
		return -ERANGE;
	return 0;
}

static const struct {
	const char *name;
	uint64_t ns;
} time_units[] = {
	/* Order: none is the beginning of a later one. */
	{"ns", 1},       {"us", 1000},      {"\302\265s", 1000},   {"\316\274s", 1000},
	{"ms", 1000000}, {"s", 1000000000}, {"m", 60000000000ULL}, {"h", 3600000000000ULL},
};

int quantity_to_ns(const char *s, int64_t *ret)
{
	bool is_negative = *s == '-';
	int64_t sum = 0;
	int r;

	if (*s == '-' || *s == '+')
		s++;
	if (str_eq(s, "0")) {
		*ret = 0;
		return 0;
	}
	do {
		struct decimal d;
		size_t i = 0;

		s = read_decimal(s, &d, &r);
		if (!s)
			return r;
		while (i < ARRAY_LEN(time_units) && !str_starts(s, time_units[i].name))
			i++;
		if (i == ARRAY_LEN(time_units))
			return -EINVAL;
		r = add_units(d, time_units[i].ns, &sum);
		if (r < 0)
			return r;
		s += strlen(time_units[i].name);
	} while (*s);
	*ret = is_negative ? -sum : sum;
	return 0;
}

int quantity_to_bytes(const char *s, int64_t *ret)
{
	static const char units[] = "kmgtp";
	int64_t sum = 0;
	uint64_t unit = 1;
	struct decimal d;
	int r;

	if (*s < '0' || *s > '9')
		return -EINVAL;
	s = read_decimal(s, &d, &r);
	if (!s)
		return r;
	if (*s == ' ')
		s++;
	if (*s) {
		const char *found = strchr(units, *s | 0x20);

		if (found && *found) {
			unit <<= 10 * (found - units + 1);
			s++;
		}
	}
	s += *s == 'i' || *s == 'I';
	s += *s == 'b' || *s == 'B';
	if (*s)
		return -EINVAL;
	r = add_units(d, unit, &sum);
	if (r == 0)
		*ret = sum;
	return r;
}

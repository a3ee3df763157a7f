/* SPDX-License-Identifier: Apache-2.0 */
/* Small questions about strings, and strict readers of numbers. */
#include "base/str.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

bool str_eq(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

bool str_starts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool str_ends(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);

	return n >= m && strcmp(s + n - m, suffix) == 0;
}

int str_to_u64(const char *s, uint64_t *ret)
{
	char *end;
	unsigned long long v;

	if (!isdigit((unsigned char)s[0]))
		return -EINVAL;
	errno = 0;
	v = strtoull(s, &end, 10);
	if (*end)
		return -EINVAL;
	if (errno)
		return -ERANGE;
	*ret = v;
	return 0;
}

int str_to_i64(const char *s, int64_t *ret)
{
	bool is_negative = s[0] == '-';
	uint64_t v;
	int r = str_to_u64(s + is_negative, &v);

	if (r < 0)
		return r;
	if (v > (uint64_t)INT64_MAX + is_negative)
		return -ERANGE;
	*ret = is_negative ? (int64_t)(0 - v) : (int64_t)v;
	return 0;
}

int str_to_u32(const char *s, uint32_t *ret)
{
	uint64_t v;
	int r = str_to_u64(s, &v);

	if (r < 0)
		return r;
	if (v > UINT32_MAX)
		return -ERANGE;
	*ret = (uint32_t)v;
	return 0;
}

char *str_clean_path(struct arena *a, const char *path)
{
	bool is_absolute = path[0] == '/';
	char *out = arena_alloc(a, strlen(path) + 3);
	size_t n = 0, floor = 0;

	if (is_absolute)
		out[n++] = '/', floor = 1;
	for (const char *p = path; *p;) {
		size_t len = strcspn(p, "/");
		bool is_up = len == 2 && p[0] == '.' && p[1] == '.';

		if (is_up && n > floor) {
			while (n > floor && out[n - 1] != '/')
				n--;
			if (n > floor)
				n--;
		} else if (is_up && !is_absolute) {
			if (n)
				out[n++] = '/';
			memcpy(out + n, "..", 2);
			n += 2;
			floor = n;
		} else if (len && !is_up && !(len == 1 && p[0] == '.')) {
			if (n && out[n - 1] != '/')
				out[n++] = '/';
			memcpy(out + n, p, len);
			n += len;
		}
		p += len;
		p += *p == '/';
	}
	if (n == 0)
		out[n++] = '.';
	out[n] = '\0';
	return out;
}

int str_index(const char *s, const char *const *table, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (table[i] && strcmp(table[i], s) == 0)
			return (int)i;
	return -1;
}

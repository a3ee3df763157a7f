/* SPDX-License-Identifier: Apache-2.0 */
/* Small questions about strings, and strict readers of numbers. */
#ifndef BERTH_BASE_STR_H
#define BERTH_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;

bool str_eq(const char *a, const char *b); /* NULL equals only NULL */
bool str_starts(const char *s, const char *prefix);
bool str_ends(const char *s, const char *suffix);

/* Whole-string decimal readers: no sign for unsigned, no blanks, no "+", no trailing bytes. They
 * return 0, -EINVAL (not a number) or -ERANGE. */
int str_to_u64(const char *s, uint64_t *ret);
int str_to_i64(const char *s, int64_t *ret);
int str_to_u32(const char *s, uint32_t *ret);

/* The lexically cleaned form of an absolute or relative path: no "//", "/./", trailing "/"; ".."
 * removes the component before it and never climbs above "/" (of an absolute path). */
char *str_clean_path(struct arena *a, const char *path);

/* The index of s in a table of n strings (NULL entries are skipped), or -1. */
int str_index(const char *s, const char *const *table, size_t n);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that lives and dies together: allocate freely, release once. */
#ifndef BERTH_BASE_ARENA_H
#define BERTH_BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

struct arena_chunk;

/* Zero-initialise ({0}); release with arena_free or declare with auto_arena. */
struct arena {
	struct arena_chunk *chunk;
};

/* Returns n zeroed bytes, aligned for any type. Never NULL: a program that runs out of memory here
 * says so and ends (64 MiB of one config.json is refused long before). */
void *arena_alloc(struct arena *a, size_t n);

/* Says so on standard error and ends the process with code 1: for others who can do nothing without memory.
 * Not abort(3): it is no fault of ours, and callers take a signal for a crash. */
void arena_out_of_memory(void) __attribute__((noreturn));

/* n * size zeroed bytes; the product is checked. */
void *arena_array(struct arena *a, size_t n, size_t size);

/* Makes the block p of `old` bytes `n` bytes large: where it is, if it is the arena's last and there is
 * room, else as a copy. What is new is zero. p may be NULL when old is 0; n >= old. */
void *arena_grow(struct arena *a, void *p, size_t old, size_t n);

char *arena_strdup(struct arena *a, const char *s);
char *arena_strndup(struct arena *a, const char *s, size_t n);
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

void arena_free(struct arena *a);

#define ARENA_NEW(a, type) ((type *)arena_alloc((a), sizeof(type)))
#define auto_arena __attribute__((cleanup(arena_free)))

#endif

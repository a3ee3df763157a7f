/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that lives and dies together. */
#include "base/arena.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK_SIZE = 32 * 1024 };

struct arena_chunk {
	struct arena_chunk *next;
	size_t used, size;
	_Alignas(max_align_t) char data[];
};

void arena_out_of_memory(void)
{
	static const char text[] = "berth: out of memory\n";
	ssize_t n = write(STDERR_FILENO, text, sizeof(text) - 1);

	(void)n;
	_exit(1);
}

void *arena_alloc(struct arena *a, size_t n)
{
	const size_t align = _Alignof(max_align_t);
	struct arena_chunk *c = a->chunk;
	void *p;

	if (n > SIZE_MAX / 2)
		arena_out_of_memory();
	n = (n + align - 1) / align * align;
	if (!c || c->size - c->used < n) {
		size_t size = n > CHUNK_SIZE ? n : CHUNK_SIZE;

		c = malloc(sizeof(*c) + size);
		if (!c)
			arena_out_of_memory();
		c->next = a->chunk;
		c->used = 0;
		c->size = size;
		a->chunk = c;
	}
	p = c->data + c->used;
	c->used += n;
	return memset(p, 0, n);
}

void *arena_array(struct arena *a, size_t n, size_t size)
{
	if (size && n > SIZE_MAX / 4 / size)
		arena_out_of_memory();
	return arena_alloc(a, n * size);
}

void *arena_grow(struct arena *a, void *p, size_t old, size_t n)
{
	const size_t align = _Alignof(max_align_t);
	size_t held = (old + align - 1) / align * align;
	struct arena_chunk *c = a->chunk;
	void *q;

	if (n <= held)
		return p;
	if (p && (char *)p + held == c->data + c->used && n < SIZE_MAX / 2 &&
	    (n + align - 1) / align * align - held <= c->size - c->used) {
		arena_alloc(a, n - held);
		return p;
	}
	q = arena_alloc(a, n);
	if (p && old)
		memcpy(q, p, old);
	return q;
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
	char *p = arena_alloc(a, n + 1);

	memcpy(p, s, n);
	return p;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return arena_strndup(a, s, strlen(s));
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap, again;
	char *p;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	p = arena_alloc(a, (size_t)n + 1);
	vsnprintf(p, (size_t)n + 1, fmt, again);
	va_end(again);
	return p;
}

void arena_free(struct arena *a)
{
	while (a->chunk) {
		struct arena_chunk *next = a->chunk->next;

		free(a->chunk);
		a->chunk = next;
	}
}

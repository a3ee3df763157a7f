/* SPDX-License-Identifier: Apache-2.0 */
/* Text that grows. */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "view/view.h"

void view_text_free(struct view_text *t)
{
	free(t->buf);
	*t = (struct view_text){0};
}

void view_append(struct view_text *t, const char *s, size_t n)
{
	if (t->len + n + 1 > t->size) {
		size_t size = (t->len + n + 1) * 2;
		char *grown = realloc(t->buf, size);

		if (!grown)
			arena_out_of_memory();
		t->buf = grown;
		t->size = size;
	}
	if (n)
		memcpy(t->buf + t->len, s, n);
	t->len += n;
	t->buf[t->len] = '\0';
}

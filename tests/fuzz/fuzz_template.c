/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz: a template of --format (up to the first NUL) on a value of JSON (behind it), alone and as a table. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "view/view.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char row[] =
	"{\"ID\":\"a\",\"List\":[1,\"b\",null],\"Map\":{\"k\":{\"x\":true}},\"N\":-1.5e3}";

static void check(bool is_true)
{
	if (!is_true)
		abort();
}

/* What was written is whole, and an error says something. */
static void check_result(int r, const struct view_text *t, const struct err *e)
{
	check((r < 0) == (e->code != 0) && (r >= 0 || e->text[0]));
	check(t->len <= t->size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = {0};
	char *text = arena_strndup(&a, (const char *)data, size);
	size_t n = strlen(text);
	struct view_value value = {0};
	struct view_list list = {.format = arena_printf(&a, "table %s", text)};
	static const struct view_column columns[] = {{"ID", "ID", false}, {0}};
	struct err e = {0};
	bool is_given = n < size && view_parse(text + n + 1, size - n - 1, &a, &value, &e) == 0;

	list.columns = columns;
	e.code = 0;
	if (!is_given)
		check(view_parse(row, sizeof(row) - 1, &a, &value, &e) == 0);
	{
		auto_view_text struct view_text t = {0};

		check_result(view_template(text, &value, &t, &e), &t, &e);
	}
	e = (struct err){0};
	if (value.kind == VIEW_OBJECT) {
		auto_view_text struct view_text t = {0};

		check_result(view_rows(&list, &value, 1, &t, &e), &t, &e);
	}
	arena_free(&a);
	return 0;
}

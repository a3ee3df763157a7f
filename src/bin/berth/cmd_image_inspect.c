/* SPDX-License-Identifier: Apache-2.0 */
/* berth image inspect: all about images, as JSON. */
#include <stddef.h>

#include "base/auto.h"
#include "base/str.h"
#include "bin/berth/image_words.h"
#include "view/view.h"

struct options {
	const char *format;
};

static const struct opt options[] = {
	{"format", 'f', OPT_STRING, offsetof(struct options, format), "TEMPLATE",
	 "json, or a template: '{{.Config.Cmd}}'", false},
	{0},
};

/* By template, each on a line of its own; "json": each as one line of JSON. */
static int add_formatted(const struct invocation *in, const char *format, const struct image *image,
			 struct view_text *text, struct err *e)
{
	auto_json_writer struct json_writer w = {0};
	struct view_value value;
	int r = 0;

	image_inspect_print(&in->engine, image, in->arena, &w);
	if (str_eq(format, "json")) {
		view_append(text, w.buf, w.len);
	} else {
		r = view_parse(w.buf, w.len, in->arena, &value, e);
		if (r == 0)
			r = view_template(format, &value, text, e);
	}
	if (r == 0)
		view_append(text, "\n", 1);
	return r;
}

static int inspect_main(const struct invocation *in, int *ret_code, struct err *e)
{
	const struct options *o = in->values;
	auto_json_writer struct json_writer w = {.is_pretty = true, .indent = 4};
	auto_view_text struct view_text text = {0};
	int r;

	json_begin_array(&w);
	for (size_t i = 0; i < in->words.n; i++) {
		struct err why = {0};
		struct image image;

		r = image_find(&in->engine, in->words.v[i], in->arena, &image, &why);
		if (r < 0) {
			complain(&why);
			*ret_code = 1;
		} else if (o->format) {
			r = add_formatted(in, o->format, &image, &text, e);
			if (r < 0)
				return r;
		} else {
			image_inspect_print(&in->engine, &image, in->arena, &w);
		}
	}
	json_end_array(&w);
	if (o->format)
		return print_text(text.buf ? text.buf : "", text.len, e);
	return print_json(&w, e);
}

const struct command cmd_image_inspect = {
	.name = "image inspect",
	.usage = "IMAGE...",
	.help = "Show all about images as JSON",
	.group = "images",
	.options = options,
	.values_size = sizeof(struct options),
	.words_min = 1,
	.words_max = WORDS_MANY,
	.enters = true,
	.main = inspect_main,
};

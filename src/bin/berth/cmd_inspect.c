/* SPDX-License-Identifier: Apache-2.0 */
/* berth inspect: all about containers, images and volumes, as JSON. */
#include <errno.h>
#include <stddef.h>

#include "base/auto.h"
#include "base/str.h"
#include "bin/berth/container_words.h"
#include "bin/berth/image_words.h"
#include "bin/berth/volume_words.h"
#include "view/view.h"

struct options {
	const char *format, *type;
	bool size;
};

static const struct opt options[] = {
	{"format", 'f', OPT_STRING, offsetof(struct options, format), "TEMPLATE",
	 "json, or such as '{{.State.Pid}}'", false},
	{"size", 's', OPT_FLAG, offsetof(struct options, size), NULL,
	 "with how much a container has written", false},
	{"type", 0, OPT_STRING, offsetof(struct options, type), "TYPE",
	 "container, image or volume", false},
	{0},
};

/* Each writes one object and returns 0, or -ENOENT where there is none of its kind. */
static int print_container(const struct invocation *in, const char *name, struct json_writer *w,
			   struct err *e)
{
	const struct options *o = in->values;
	struct container_info c = {0};
	int r = container_find(&in->engine, name, in->arena, &c, e);

	if (r == 0)
		container_inspect_print(&in->engine, &c, o->size, in->arena, w);
	return r;
}

static int print_image(const struct invocation *in, const char *name, struct json_writer *w,
		       struct err *e)
{
	struct image image;
	int r = image_find(&in->engine, name, in->arena, &image, e);

	if (r == 0)
		image_inspect_print(&in->engine, &image, in->arena, w);
	return r;
}

static int print_one_volume(const struct invocation *in, const char *name, struct json_writer *w,
			    struct err *e)
{
	struct volume v = {0};
	int r = volume_find(&in->engine, name, in->arena, &v, e);

	if (r == 0)
		volume_print(w, &v, in->arena);
	return r;
}

static const struct {
	const char *type;
	int (*print)(const struct invocation *in, const char *name, struct json_writer *w,
		     struct err *e);
} kinds[] = {
	{"container", print_container},
	{"image", print_image},
	{"volume", print_one_volume},
};

/* The first kind that knows the name. */
static int print_any(const struct invocation *in, const char *type, const char *name,
		     struct json_writer *w, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		struct err why = {0};
		int r;

		if (type && !str_eq(type, kinds[i].type))
			continue;
		r = kinds[i].print(in, name, w, &why);
		if (r == 0)
			return 0;
		if (type || r != -ENOENT) {
			*e = why;
			return r;
		}
	}
	return err_say(e, -ENOENT, "no such object: %s", name);
}

static int print_formatted(const char *format, struct json_writer *w, struct view_text *text,
			   struct arena *a, struct err *e)
{
	struct view_value v;
	int r = 0;

	if (str_eq(format, "json")) {
		view_append(text, w->buf, w->len);
	} else {
		r = view_parse(w->buf, w->len, a, &v, e);
		if (r == 0)
			r = view_template(format, &v, text, e);
	}
	if (r == 0)
		view_append(text, "\n", 1);
	return r;
}

static int inspect(const struct invocation *in, const char *type, int *ret_code, struct err *e)
{
	const struct options *o = in->values;
	auto_json_writer struct json_writer all = {.is_pretty = true, .indent = 4};
	auto_view_text struct view_text text = {0};
	int r = 0;

	json_begin_array(&all);
	for (size_t i = 0; r == 0 && i < in->words.n; i++) {
		auto_json_writer struct json_writer one = {0};
		struct err why = {0};

		if (print_any(in, type, in->words.v[i], o->format ? &one : &all, &why) < 0) {
			complain(&why);
			*ret_code = 1;
		} else if (o->format) {
			r = print_formatted(o->format, &one, &text, in->arena, e);
		}
	}
	json_end_array(&all);
	if (r < 0)
		return r;
	return o->format ? print_text(text.buf ? text.buf : "", text.len, e) : print_json(&all, e);
}

static int inspect_main(const struct invocation *in, int *ret_code, struct err *e)
{
	const struct options *o = in->values;
	bool is_known = !o->type;

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		is_known |= str_eq(o->type, kinds[i].type);
	if (!is_known)
		return err_say(e, -EINVAL, "--type %s: want container, image or volume", o->type);
	return inspect(in, o->type, ret_code, e);
}

static int container_inspect_main(const struct invocation *in, int *ret_code, struct err *e)
{
	return inspect(in, "container", ret_code, e);
}

const struct command cmd_inspect = {
	.name = "inspect",
	.usage = "NAME...",
	.help = "Show all about containers, images and volumes as JSON",
	.group = "containers",
	.options = options,
	.values_size = sizeof(struct options),
	.words_min = 1,
	.words_max = WORDS_MANY,
	.main = inspect_main,
};

const struct command cmd_container_inspect = {
	.name = "container inspect",
	.usage = "CONTAINER...",
	.help = "Show all about containers as JSON",
	.group = "containers",
	.options = options,
	.values_size = sizeof(struct options),
	.words_min = 1,
	.words_max = WORDS_MANY,
	.is_hidden = true,
	.main = container_inspect_main,
};

/* SPDX-License-Identifier: Apache-2.0 */
/* berth history: how an image was made, newest step first. */
#include <stddef.h>
#include <string.h>

#include "base/auto.h"
#include "base/str.h"
#include "base/utf8.h"
#include "bin/berth/image_words.h"
#include "engine/image/time.h"
#include "view/view.h"

struct options {
	bool human, no_trunc, quiet, no_heading;
	const char *format;
};

static const struct opt options[] = {
	{"human", 'H', OPT_FLAG, offsetof(struct options, human), NULL,
	 "sizes and times for people (the default; --human=false: exact ones)", false},
	{"no-trunc", 0, OPT_FLAG, offsetof(struct options, no_trunc), NULL,
	 "show whole ids and commands", false},
	{"quiet", 'q', OPT_FLAG, offsetof(struct options, quiet), NULL, "only ids", false},
	{"format", 0, OPT_STRING, offsetof(struct options, format), "TEMPLATE",
	 "table, json, or a template: '{{.CreatedBy}}'", false},
	{"noheading", 'n', OPT_FLAG, offsetof(struct options, no_heading), NULL, "no heading",
	 false},
	{0},
};

enum { COMMAND_WIDTH = 45 }; /* characters of CREATED BY, as Docker cuts it */

static const char *shorten(const char *text, struct arena *a)
{
	size_t n = 0, characters = 0, cut = 0;

	while (text[n] && characters < COMMAND_WIDTH) {
		size_t step = utf8_length(text + n);

		n += step ? step : 1;
		if (++characters == COMMAND_WIDTH - 1)
			cut = n;
	}
	return text[n] ? arena_printf(a, "%.*s\u2026", (int)cut, text) : text;
}

/* Tabs and line ends would break the table. */
static const char *one_line(const char *text, struct arena *a)
{
	char *copy = arena_strdup(a, text ? text : "");

	for (char *p = copy; *p; p++)
		if (*p == '\t' || *p == '\n')
			*p = ' ';
	return copy;
}

static void print_row(const struct invocation *in, const struct oci_history *h, const char *id,
		      int64_t size, bool is_human, struct json_writer *w)
{
	const struct options *o = in->values;
	const char *command = one_line(h->created_by, in->arena);
	int64_t created = time_parse(h->created);
	const char *ago = created ? view_ago(created, image_now_ns(), in->arena) : "N/A";
	const char *stamp = h->created ? h->created : "";

	json_begin_object(w);
	json_put_string(w, "ID", id);
	json_put_string(w, "CreatedAt", stamp);
	json_put_string(w, "CreatedSince", is_human ? ago : stamp);
	json_put_string(w, "CreatedBy", o->no_trunc ? command : shorten(command, in->arena));
	json_put_string(w, "Size",
			is_human ? view_size(size, in->arena)
				 : arena_printf(in->arena, "%lld", (long long)size));
	json_put_string(w, "Comment", h->comment ? h->comment : "");
	json_end_object(w);
}

static void print_rows(const struct invocation *in, const struct image *image, bool is_human,
		       struct json_writer *w)
{
	const struct options *o = in->values;
	const char *id = image_id_text(image->id, o->no_trunc, in->arena);
	const struct oci_history unknown = {.comment = "no history"};
	size_t steps = image->config.history.n, layers = 0;

	for (size_t i = 0; i < steps; i++)
		layers += !image->config.history.v[i].empty_layer;
	/* A history of fewer steps than there are layers says nothing of the topmost ones. */
	for (size_t k = image->layers.n; k > layers; k--, id = "<missing>")
		print_row(in, &unknown, id, image_layer_size(&in->engine, image->layers.v[k - 1]),
			  is_human, w);
	for (size_t i = steps; i-- > 0; id = "<missing>") {
		const struct oci_history *h = &image->config.history.v[i];
		int64_t size = 0;

		if (!h->empty_layer && layers-- <= image->layers.n)
			size = image_layer_size(&in->engine, image->layers.v[layers]);
		print_row(in, h, id, size, is_human, w);
	}
}

static const struct view_column columns[] = {
	{"IMAGE", "ID", false},
	{"CREATED", "CreatedSince", false},
	{"CREATED BY", "CreatedBy", false},
	{"SIZE", "Size", false},
	{"COMMENT", "Comment", false},
	{0},
};

/* --human is on unless --human=false is there; the table of options cannot tell it from absence. */
static bool is_for_people(const struct invocation *in)
{
	bool is_human = true;

	for (char **arg = in->argv; *arg; arg++)
		if (str_eq(*arg, "--human=false") || str_eq(*arg, "-H=false"))
			is_human = false;
	return is_human;
}

static int history_main(const struct invocation *in, int *ret_code, struct err *e)
{
	const struct options *o = in->values;
	const struct view_list list = {.columns = columns,
				       .format = o->format,
				       .quiet_key = o->quiet ? "ID" : NULL,
				       .no_heading = o->no_heading};
	auto_json_writer struct json_writer w = {0};
	auto_view_text struct view_text text = {0};
	struct view_value rows;
	struct image image;
	int r = image_find(&in->engine, in->words.v[0], in->arena, &image, e);

	(void)ret_code;
	if (r < 0)
		return r;
	json_begin_array(&w);
	print_rows(in, &image, is_for_people(in), &w);
	json_end_array(&w);
	r = view_parse(w.buf, w.len, in->arena, &rows, e);
	if (r == 0)
		r = view_rows(&list, rows.items, rows.n, &text, e);
	return r < 0 ? r : print_text(text.buf ? text.buf : "", text.len, e);
}

#define HISTORY(words, hidden)                                                                \
	{                                                                                     \
		.name = (words), .usage = "IMAGE", .help = "Show how an image was made",      \
		.group = "images", .options = options, .values_size = sizeof(struct options), \
		.words_min = 1, .words_max = 1, .is_hidden = (hidden), .enters = true,        \
		.main = history_main,                                                         \
	}

const struct command cmd_history = HISTORY("history", false);
const struct command cmd_image_history = HISTORY("image history", true);

/* SPDX-License-Identifier: Apache-2.0 */
/* berth why: what ended a container, or slows it, with the evidence and what would mend it. */
#include "engine/why/why.h"

#include <stddef.h>
#include <string.h>

#include "base/auto.h"
#include "base/str.h"
#include "bin/berth/command.h"
#include "view/view.h"

struct options {
	bool is_json;
};

static const struct opt options[] = {
	{"json", 0, OPT_FLAG, offsetof(struct options, is_json), NULL, "for programs", false},
	{0},
};

static void print_report(struct json_writer *w, const struct why_report *r)
{
	json_begin_object(w);
	json_put_string(w, "name", r->name);
	json_put_string(w, "id", r->id);
	json_put_string(w, "state", r->state);
	json_key(w, "statements");
	json_begin_array(w);
	for (size_t i = 0; i < r->statements.n; i++) {
		const struct why_statement *s = &r->statements.v[i];

		json_begin_object(w);
		json_put_string(w, "severity", why_severity_names[s->severity]);
		json_put_string(w, "cause", s->cause);
		json_put_string(w, "text", s->text);
		json_key(w, "evidence");
		json_begin_array(w);
		for (size_t k = 0; k < s->evidence.n; k++)
			json_string(w, s->evidence.v[k]);
		json_end_array(w);
		if (s->mend)
			json_put_string(w, "mend", s->mend);
		json_end_object(w);
	}
	json_end_array(w);
	json_end_object(w);
}

static void add(struct view_text *to, const char *a, const char *b)
{
	view_append(to, a, strlen(a));
	view_append(to, b, strlen(b));
	view_append(to, "\n", 1);
}

static void print_text_report(struct view_text *to, const struct why_report *r, struct arena *a)
{
	add(to, arena_printf(a, "%s (%.12s): ", r->name, r->id), r->state);
	for (size_t i = 0; i < r->statements.n; i++) {
		const struct why_statement *s = &r->statements.v[i];

		add(to, arena_printf(a, "\n%s: ", why_severity_names[s->severity]), s->text);
		for (size_t k = 0; k < s->evidence.n; k++)
			add(to, "    ", s->evidence.v[k]);
		if (s->mend)
			add(to, "    mend: ", s->mend);
	}
}

static int why_main(const struct invocation *in, int *ret_code, struct err *e)
{
	const struct options *o = in->values;
	auto_json_writer struct json_writer w = {.is_pretty = true, .indent = 4};
	auto_view_text struct view_text text = {0};
	struct why_report report = {0};
	int r = why_container(&in->engine, in->words.v[0], in->arena, &report, e);

	(void)ret_code;
	if (r < 0)
		return r;
	if (o->is_json) {
		print_report(&w, &report);
		return print_json(&w, e);
	}
	print_text_report(&text, &report, in->arena);
	return print_text(text.buf, text.len, e);
}

const struct command cmd_why = {
	.name = "why",
	.usage = "CONTAINER",
	.help = "Tell what ended a container, or slows it, with the evidence",
	.group = "containers",
	.details = "Also of one that was removed lately. Each statement stands on what the kernel "
		   "or berth wrote "
		   "down, which is shown below it, and then what would mend it.",
	.options = options,
	.values_size = sizeof(struct options),
	.words_min = 1,
	.words_max = 1,
	.main = why_main,
};

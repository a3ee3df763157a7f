/* SPDX-License-Identifier: Apache-2.0 */
/* berth limits: each limit of a container, what was asked, what the kernel holds, and where the tightest one sits. */
#include <stddef.h>
#include <string.h>

#include "base/auto.h"
#include "base/str.h"
#include "bin/berth/command.h"
#include "engine/limits/show.h"
#include "view/view.h"

struct options {
	const char *format;
};

static const struct opt options[] = {
	{"format", 0, OPT_STRING, offsetof(struct options, format), "TEMPLATE",
	 "json, or such as '{{.Limit}} {{.Tightest}}'", false},
	{0},
};

static const struct view_column columns[] = {
	{"LIMIT", "Limit", false},
	{"ASKED", "Asked", true},
	{"KERNEL", "Kernel", true},
	{"TIGHTEST", "Tightest", true},
	{"WHERE", "Where", false},
	{"FILE", "File", false},
	{0},
};

static const char *value_text(enum limit_unit unit, double value, struct arena *a)
{
	if (value < 0)
		return "none";
	switch (unit) {
	case LIMIT_BYTES:
		return view_binary_size((int64_t)value, a);
	case LIMIT_CPUS:
		return arena_printf(a, "%.4g cpus", value);
	case LIMIT_COUNT:
	case LIMIT_WEIGHT:
	case LIMIT_RATE:
	case LIMIT_TEXT:
		break;
	}
	return arena_printf(a, "%.0f", value);
}

static void print_row(struct json_writer *w, const struct limit_row *row, struct arena *a)
{
	const char *own =
		row->unit == LIMIT_TEXT ? row->kernel : value_text(row->unit, row->value, a);

	json_begin_object(w);
	json_put_string(w, "Limit", row->name);
	json_put_string(w, "Asked", row->asked ? row->asked : "-");
	json_put_string(w, "Kernel", row->kernel ? own : "-");
	json_put_string(w, "Tightest",
			!row->kernel && !row->where ? "-"
			: row->unit == LIMIT_TEXT   ? own
						    : value_text(row->unit, row->tightest, a));
	json_put_string(w, "Where", row->where ? row->where : "-");
	json_put_string(w, "File", row->where_file ? row->where_file : row->file ? row->file : "-");
	json_put_string(w, "OwnFile", row->file ? row->file : "");
	json_put_string(w, "OwnText", row->kernel ? row->kernel : "");
	json_key(w, "Value");
	json_double(w, row->value);
	json_key(w, "TightestValue");
	json_double(w, row->tightest);
	json_end_object(w);
}

static int limits_main(const struct invocation *in, int *ret_code, struct err *e)
{
	const struct options *o = in->values;
	const struct view_list list = {.columns = columns, .format = o->format};
	auto_json_writer struct json_writer w = {0};
	auto_view_text struct view_text text = {0};
	struct container_info c = {0};
	struct limit_rows limits = {0};
	struct view_value rows = {0};
	int r = container_find(&in->engine, in->words.v[0], in->arena, &c, e);

	(void)ret_code;
	if (r >= 0)
		r = limits_show(&in->engine, &c, in->arena, &limits, e);
	if (r < 0)
		return r;
	json_begin_array(&w);
	for (size_t i = 0; i < limits.n; i++)
		print_row(&w, &limits.v[i], in->arena);
	json_end_array(&w);
	r = view_parse(w.buf, w.len, in->arena, &rows, e);
	if (r == 0)
		r = view_rows(&list, rows.items, rows.n, &text, e);
	return r < 0 ? r : print_text(text.buf ? text.buf : "", text.len, e);
}

const struct command cmd_limits = {
	.name = "limits",
	.usage = "CONTAINER",
	.help = "Show each limit of a container, and where the tightest one sits",
	.group = "containers",
	.options = options,
	.values_size = sizeof(struct options),
	.words_min = 1,
	.words_max = 1,
	.main = limits_main,
};

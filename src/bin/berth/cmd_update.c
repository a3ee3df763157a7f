/* SPDX-License-Identifier: Apache-2.0 */
/* berth update and berth pool update: other limits, for containers and pools that run or not. */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "base/auto.h"
#include "base/str.h"
#include "bin/berth/command.h"
#include "engine/limits/options.h"
#include "engine/limits/update.h"
#include "view/view.h"

struct options {
	struct container_request limits; /* first: its rows count from here */
	struct str_slice pools;
	bool is_dry, is_forced;
	const char *format;
};

#define COMMON_ROWS                                                                    \
	{"dry-run", 0,                                                                 \
	 OPT_FLAG,  offsetof(struct options, is_dry),                                  \
	 NULL,      "only show each file with its old and new value",                  \
	 false},                                                                       \
		{"force",  'f',                                                        \
		 OPT_FLAG, offsetof(struct options, is_forced),                        \
		 NULL,     "also where a process is killed for want of memory",        \
		 false},                                                               \
	{                                                                              \
		"format", 0, OPT_STRING, offsetof(struct options, format), "TEMPLATE", \
			"of --dry-run: json, or such as '{{.File}} {{.New}}'", false   \
	}

static const struct opt update_options[] = {
	LIMIT_ROWS_CONTAINER,
	{"pool", 0, OPT_LIST, offsetof(struct options, pools), "POOL", "a pool, too", false},
	COMMON_ROWS,
	{0},
};

static const struct opt pool_options[] = {
	LIMIT_ROWS_POOL,
	COMMON_ROWS,
	{0},
};

/* ---- what is shown ------------------------------------------------------------------------------- */

static const struct view_column columns[] = {
	{"OF", "Of", false},
	{"FILE", "File", false},
	{"OLD", "Old", false},
	{"NEW", "New", false},
	{0},
};

static int show(const struct invocation *in, const struct limit_changes *changes, struct err *e)
{
	const struct options *o = in->values;
	const struct view_list list = {.columns = columns, .format = o->format};
	auto_json_writer struct json_writer w = {0};
	auto_view_text struct view_text text = {0};
	struct view_value rows = {0};
	int r;

	json_begin_array(&w);
	for (size_t i = 0; i < changes->n; i++) {
		json_begin_object(&w);
		json_put_string(&w, "Of", changes->v[i].who);
		json_put_string(&w, "File", changes->v[i].file);
		json_put_string(&w, "Old", changes->v[i].old);
		json_put_string(&w, "New", changes->v[i].value);
		json_end_object(&w);
	}
	json_end_array(&w);
	r = view_parse(w.buf, w.len, in->arena, &rows, e);
	if (r == 0)
		r = view_rows(&list, rows.items, rows.n, &text, e);
	return r < 0 ? r : print_text(text.buf ? text.buf : "", text.len, e);
}

/* ---- both commands ------------------------------------------------------------------------------- */

static int update(const struct invocation *in, const struct str_slice *containers,
		  const struct str_slice *pools, struct err *e)
{
	const struct options *o = in->values;
	const struct limit_request q = {.containers = containers,
					.pools = pools,
					.limits = &o->limits,
					.is_dry = o->is_dry,
					.is_forced = o->is_forced};
	const char *bad =
		pools->n ? limit_outside(limit_options_container, limit_options_pool, &o->limits)
			 : NULL;
	struct limit_changes changes = {0};
	int r;

	if (limit_is_empty(limit_options_container, &o->limits))
		return err_say(e, -EINVAL,
			       "you must provide one or more flags when using this command");
	if (bad)
		return err_say(e, -EINVAL, "--%s: a pool has no such limit", bad);
	r = limits_update(&in->engine, &q, in->arena, &changes, e);
	if (r == 0 && o->is_dry)
		return show(in, &changes, e);
	for (size_t i = 0; r == 0 && i < containers->n; i++)
		r = print_line(containers->v[i], e);
	for (size_t i = 0; r == 0 && i < pools->n; i++)
		r = print_line(pools->v[i], e);
	return r;
}

static int update_main(const struct invocation *in, int *ret_code, struct err *e)
{
	const struct options *o = in->values;

	(void)ret_code;
	if (!in->words.n && !o->pools.n)
		return err_say(e, -EINVAL, "want the name of a container, or --pool NAME");
	return update(in, &in->words, &o->pools, e);
}

const struct command cmd_update = {
	.name = "update",
	.usage = "CONTAINER...",
	.help = "Change the limits of containers, also while they run",
	.group = "containers",
	.details = "All that is named changes, or nothing does. What would make the kernel kill a "
		   "process for want "
		   "of memory is refused without --force.",
	.options = update_options,
	.values_size = sizeof(struct options),
	.words_max = WORDS_MANY,
	.main = update_main,
};

static int pool_update_main(const struct invocation *in, int *ret_code, struct err *e)
{
	const struct str_slice none = {0};

	(void)ret_code;
	return update(in, &none, &in->words, e);
}

const struct command cmd_pool_update = {
	.name = "pool update",
	.usage = "POOL...",
	.help = "Change the limits of pools, also while containers run in them",
	.group = "pools",
	.options = pool_options,
	.values_size = sizeof(struct options),
	.words_min = 1,
	.words_max = WORDS_MANY,
	.main = pool_update_main,
};

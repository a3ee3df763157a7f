/* SPDX-License-Identifier: Apache-2.0 */
/* berth pool create, ls, inspect, rm and tree. */
#include "engine/pool/pool.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "base/auto.h"
#include "base/str.h"
#include "bin/berth/command.h"
#include "engine/container/container.h"
#include "engine/event.h"
#include "engine/limits/options.h"
#include "view/view.h"

/* ---- create -------------------------------------------------------------------------------------- */

struct create_options {
	struct container_request limits; /* first: its rows count from here */
	const char *parent;
};

static const struct opt create_options[] = {
	{"parent", 0, OPT_STRING, offsetof(struct create_options, parent), "POOL",
	 "the pool that it is in; the same as a name \"POOL/NAME\"", false},
	LIMIT_ROWS_POOL,
	{0},
};

static int create_main(const struct invocation *in, int *ret_code, struct err *e)
{
	const struct create_options *o = in->values;
	const char *name = in->words.v[0];
	auto_close int lock = pool_lock(&in->engine, true, e);
	struct pool p = {0};
	int r;

	(void)ret_code;
	if (lock < 0)
		return lock;
	if (o->parent)
		name = arena_printf(in->arena, "%s/%s", o->parent, name);
	r = pool_create(&in->engine, name, &o->limits, in->arena, &p, e);
	if (r < 0)
		return r;
	event_emit(&in->engine, "pool", "create", name, name, NULL);
	return print_line(name, e);
}

const struct command cmd_pool_create = {
	.name = "pool create",
	.usage = "NAME",
	.help = "Make a pool of resources that containers share",
	.group = "pools",
	.details = "Containers of `run --pool NAME` share what the pool has. Among themselves "
		   "pools, and "
		   "containers without a pool, share the machine by weight; whoever starts more "
		   "processes gets no more by that. A pool \"a/b\" is inside pool \"a\".",
	.options = create_options,
	.values_size = sizeof(struct create_options),
	.words_min = 1,
	.words_max = 1,
	.main = create_main,
};

/* ---- as JSON ------------------------------------------------------------------------------------- */

static void put_list(struct json_writer *w, const char *key, const struct str_slice *list)
{
	json_key(w, key);
	json_begin_array(w);
	for (size_t i = 0; i < list->n; i++)
		json_string(w, list->v[i]);
	json_end_array(w);
}

/* The limits as an object: "memory": "1g"; of options that can be given again, lists. */
static void put_limits(struct json_writer *w, const struct container_request *q)
{
	json_key(w, "Limits");
	json_begin_object(w);
	for (const struct opt *o = limit_options_pool; o->name; o++) {
		const void *place = (const char *)q + o->offset;
		const struct str_slice *list = place;

		if (o->is_hidden)
			continue;
		if (o->kind == OPT_STRING && *(const char *const *)place)
			json_put_string(w, o->name, *(const char *const *)place);
		else if (o->kind == OPT_LIST && list->n)
			put_list(w, o->name, list);
	}
	json_end_object(w);
}

static int print_pool(const struct engine *g, const struct pool *p, struct arena *a,
		      struct json_writer *w, struct err *e)
{
	struct container_request q = {0};
	struct str_slice containers = {0}, pools = {0};
	const char *parent = pool_parent(p->name, a), *path = "";
	int r = limit_words_read(limit_options_pool, &p->limits, a, &q, e);

	if (r == 0)
		r = pool_members(g, p->name, a, &containers, &pools, e);
	if (r < 0)
		return r;
	pool_path(g, p, a, &path, NULL);
	json_begin_object(w);
	json_put_string(w, "Name", p->name);
	json_put_string(w, "Parent", parent ? parent : "");
	json_put_string(w, "Created", runtime_time_text(p->created_ns, a));
	json_put_string(w, "CgroupPath", path);
	put_limits(w, &q);
	/* For the columns of ls. */
	json_put_string(w, "CpuWeight",
			q.cpu_weight   ? q.cpu_weight
			: q.cpu_shares ? arena_printf(a, "%s shares", q.cpu_shares)
				       : "100");
	json_put_string(w, "Cpus", q.cpus ? q.cpus : "-");
	json_put_string(w, "Memory", q.memory ? q.memory : "-");
	json_put_string(w, "Pids", q.pids_limit ? q.pids_limit : "-");
	put_list(w, "Containers", &containers);
	json_put_uint(w, "ContainerCount", containers.n);
	put_list(w, "Pools", &pools);
	json_end_object(w);
	return 0;
}

/* ---- ls ------------------------------------------------------------------------------------------ */

struct list_options {
	bool quiet;
	const char *format;
};

static const struct opt list_options[] = {
	{"quiet", 'q', OPT_FLAG, offsetof(struct list_options, quiet), NULL, "names alone", false},
	{"format", 0, OPT_STRING, offsetof(struct list_options, format), "TEMPLATE",
	 "json, or such as '{{.Name}}'", false},
	{0},
};

static const struct view_column columns[] = {
	{"POOL", "Name", false},
	{"CPU WEIGHT", "CpuWeight", true},
	{"CPUS", "Cpus", true},
	{"MEMORY", "Memory", true},
	{"PIDS", "Pids", true},
	{"CONTAINERS", "ContainerCount", true},
	{0},
};

static int list_main(const struct invocation *in, int *ret_code, struct err *e)
{
	const struct list_options *o = in->values;
	const struct view_list list = {
		.columns = columns, .format = o->format, .quiet_key = o->quiet ? "Name" : NULL};
	auto_json_writer struct json_writer w = {0};
	auto_view_text struct view_text text = {0};
	struct view_value rows = {0};
	struct pool *pools = NULL;
	size_t n = 0;
	int r = pool_list(&in->engine, in->arena, &pools, &n, e);

	(void)ret_code;
	json_begin_array(&w);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = print_pool(&in->engine, &pools[i], in->arena, &w, e);
	if (r < 0)
		return r;
	json_end_array(&w);
	r = view_parse(w.buf, w.len, in->arena, &rows, e);
	if (r == 0)
		r = view_rows(&list, rows.items, rows.n, &text, e);
	return r < 0 ? r : print_text(text.buf ? text.buf : "", text.len, e);
}

#define POOL_LS(words, hidden)                                                        \
	{                                                                             \
		.name = (words), .usage = "", .help = "List pools", .group = "pools", \
		.options = list_options, .values_size = sizeof(struct list_options),  \
		.is_hidden = (hidden), .main = list_main,                             \
	}
const struct command cmd_pool_ls = POOL_LS("pool ls", false);
const struct command cmd_pool_list = POOL_LS("pool list", true);

/* ---- inspect ------------------------------------------------------------------------------------- */

struct inspect_options {
	const char *format;
};

static const struct opt inspect_options[] = {
	{"format", 'f', OPT_STRING, offsetof(struct inspect_options, format), "TEMPLATE",
	 "such as '{{.CgroupPath}}'", false},
	{0},
};

static int inspect_main(const struct invocation *in, int *ret_code, struct err *e)
{
	const struct inspect_options *o = in->values;
	auto_json_writer struct json_writer w = {.is_pretty = !o->format, .indent = 4};

	json_begin_array(&w);
	for (size_t i = 0; i < in->words.n; i++) {
		struct pool p = {0};
		struct err why = {0};
		int r = pool_find(&in->engine, in->words.v[i], in->arena, &p, &why);

		if (r == 0)
			r = print_pool(&in->engine, &p, in->arena, &w, &why);
		if (r < 0) {
			complain(&why);
			*ret_code = 1;
		}
	}
	json_end_array(&w);
	return o->format ? print_template(o->format, &w, in->arena, e) : print_json(&w, e);
}

const struct command cmd_pool_inspect = {
	.name = "pool inspect",
	.usage = "POOL...",
	.help = "Show all about pools as JSON",
	.group = "pools",
	.options = inspect_options,
	.values_size = sizeof(struct inspect_options),
	.words_min = 1,
	.words_max = WORDS_MANY,
	.main = inspect_main,
};

/* ---- rm ------------------------------------------------------------------------------------------ */

static int remove_main(const struct invocation *in, int *ret_code, struct err *e)
{
	for (size_t i = 0; i < in->words.n; i++) {
		struct err why = {0};
		int r = pool_remove(&in->engine, in->words.v[i], &why);

		if (r < 0) {
			complain(&why);
			*ret_code = 1;
		} else if ((r = print_line(in->words.v[i], e)) < 0) {
			return r;
		}
	}
	return 0;
}

#define POOL_RM(words, hidden)                                                                    \
	{                                                                                         \
		.name = (words), .usage = "POOL...", .help = "Remove pools that are empty",       \
		.group = "pools", .words_min = 1, .words_max = WORDS_MANY, .is_hidden = (hidden), \
		.main = remove_main,                                                              \
	}
const struct command cmd_pool_rm = POOL_RM("pool rm", false);
const struct command cmd_pool_remove = POOL_RM("pool remove", true);

/* ---- tree ---------------------------------------------------------------------------------------- */

static unsigned depth_of(const char *name)
{
	unsigned depth = 0;

	for (; (name = strchr(name, '/')); name++)
		depth++;
	return depth;
}

static const char *join_limits(const struct pool *p, struct arena *a)
{
	const char *text = "";

	for (size_t i = 0; i < p->limits.n; i++)
		text = arena_printf(a, "%s%s%s", text, i ? ", " : "  ", p->limits.v[i] + 2);
	return text;
}

static void add_line(struct view_text *to, unsigned depth, const char *text)
{
	for (unsigned i = 0; i < depth; i++)
		view_append(to, "  ", 2);
	view_append(to, text, strlen(text));
	view_append(to, "\n", 1);
}

static const char *container_line(const struct container_info *c, struct arena *a)
{
	return arena_printf(a, "%s (%s)", c->record.name, container_state_names[c->status.state]);
}

static int tree_main(const struct invocation *in, int *ret_code, struct err *e)
{
	auto_view_text struct view_text text = {0};
	struct container_info *list = NULL;
	struct pool *pools = NULL;
	size_t n = 0, n_pools = 0;
	struct arena *a = in->arena;
	int r = container_list(&in->engine, false, a, &list, &n, e);

	(void)ret_code;
	if (r == 0)
		r = pool_list(&in->engine, a, &pools, &n_pools, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n_pools; i++) {
		const char *slash = strrchr(pools[i].name, '/');
		unsigned depth = depth_of(pools[i].name);

		add_line(&text, depth,
			 arena_printf(a, "%s/%s", slash ? slash + 1 : pools[i].name,
				      join_limits(&pools[i], a)));
		for (size_t k = 0; k < n; k++)
			if (str_eq(list[k].record.pool, pools[i].name))
				add_line(&text, depth + 1, container_line(&list[k], a));
	}
	for (size_t k = 0; k < n; k++)
		if (!list[k].record.pool)
			add_line(&text, 0, container_line(&list[k], a));
	return print_text(text.buf ? text.buf : "", text.len, e);
}

const struct command cmd_pool_tree = {
	.name = "pool tree",
	.usage = "",
	.help = "Show pools and the containers in them as a tree",
	.group = "pools",
	.main = tree_main,
};

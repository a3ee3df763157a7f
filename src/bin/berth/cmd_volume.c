/* SPDX-License-Identifier: Apache-2.0 */
/* berth volume create, ls, inspect, rm and prune. */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/str.h"
#include "bin/berth/volume_words.h"
#include "engine/container/spec_parts.h"
#include "engine/image/image.h"
#include "view/view.h"

/* ---- create -------------------------------------------------------------------------------------- */

struct create_options {
	const char *driver;
	struct str_slice labels, options;
};

static const struct opt create_options[] = {
	{"label", 'l', OPT_LIST, offsetof(struct create_options, labels), "NAME[=VALUE]", "a label",
	 false},
	{"opt", 'o', OPT_LIST, offsetof(struct create_options, options), "NAME=VALUE",
	 "type=, device= and o= of mount(8): it is mounted from there", false},
	{"driver", 'd', OPT_STRING, offsetof(struct create_options, driver), "NAME",
	 "local, the only one", false},
	{0},
};

static int read_pairs(const char *option, const struct str_slice *list, struct arena *a,
		      struct oci_pairs *ret, struct err *e)
{
	for (size_t i = 0; i < list->n; i++) {
		size_t n = strcspn(list->v[i], "=");

		if (!n)
			return err_say(e, -EINVAL, "--%s %s: want NAME=VALUE", option, list->v[i]);
		pairs_set(ret, arena_strndup(a, list->v[i], n),
			  list->v[i][n] ? list->v[i] + n + 1 : "", a);
	}
	return 0;
}

static int create_main(const struct invocation *in, int *ret_code, struct err *e)
{
	const struct create_options *o = in->values;
	const char *name = in->words.n ? in->words.v[0] : NULL;
	struct oci_pairs labels = {0}, options = {0};
	auto_close int lock = -EBADF;
	struct volume v = {0};
	bool is_new;
	int r;

	(void)ret_code;
	if (o->driver && !str_eq(o->driver, "local"))
		return err_say(e, -EINVAL, "--driver %s: there is no volume driver but local",
			       o->driver);
	if ((r = read_pairs("label", &o->labels, in->arena, &labels, e)) < 0 ||
	    (r = read_pairs("opt", &o->options, in->arena, &options, e)) < 0)
		return r;
	lock = engine_lock_store(&in->engine, false, true, e);
	if (lock < 0)
		return lock;
	r = volume_need(&in->engine, name, !name, &labels, &options, in->arena, &v, &is_new, e);
	return r < 0 ? r : print_line(v.name, e);
}

const struct command cmd_volume_create = {
	.name = "volume create",
	.usage = "[NAME]",
	.help = "Make a volume",
	.group = "volumes",
	.options = create_options,
	.values_size = sizeof(struct create_options),
	.words_max = 1,
	.enters = true,
	.main = create_main,
};

/* ---- ls ------------------------------------------------------------------------------------------ */

struct list_options {
	bool quiet;
	const char *format;
	struct str_slice filter;
};

static const struct opt list_options[] = {
	{"quiet", 'q', OPT_FLAG, offsetof(struct list_options, quiet), NULL, "names alone", false},
	{"format", 0, OPT_STRING, offsetof(struct list_options, format), "TEMPLATE",
	 "json, or such as '{{.Name}}'", false},
	{"filter", 'f', OPT_LIST, offsetof(struct list_options, filter), "KEY=VALUE",
	 "name=, label=, dangling=true", false},
	{0},
};

static const struct view_column columns[] = {
	{"DRIVER", "Driver", false},
	{"VOLUME NAME", "Name", false},
	{0},
};

struct matching {
	const struct engine *g;
	const struct volume *v;
	struct arena *a;
};

static int match_dangling(const struct matching *m, const char *value, struct err *e)
{
	struct str_slice users = {0};
	int r;

	if (!str_eq(value, "true") && !str_eq(value, "false"))
		return err_say(e, -EINVAL, "--filter dangling=%s: want true or false", value);
	r = volume_users(m->g, m->v->name, m->a, &users, e);
	return r < 0 ? r : (users.n == 0) == str_eq(value, "true");
}

static int match(void *arg, const char *key, const char *value, struct err *e)
{
	const struct matching *m = arg;

	if (str_eq(key, "name"))
		return strstr(m->v->name, value) != NULL;
	if (str_eq(key, "driver"))
		return str_eq(value, "local");
	if (str_eq(key, "label")) {
		size_t n = strcspn(value, "=");
		const char *has = pairs_get(&m->v->labels, arena_strndup(m->a, value, n));

		return has && (!value[n] || str_eq(has, value + n + 1));
	}
	if (str_eq(key, "dangling"))
		return match_dangling(m, value, e);
	return err_say(e, -EINVAL, "--filter %s=%s: invalid filter: want name, label or dangling",
		       key, value);
}

static int list_main(const struct invocation *in, int *ret_code, struct err *e)
{
	const struct list_options *o = in->values;
	const struct view_list list = {
		.columns = columns, .format = o->format, .quiet_key = o->quiet ? "Name" : NULL};
	auto_json_writer struct json_writer w = {0};
	auto_view_text struct view_text text = {0};
	struct view_value rows;
	struct volume *v;
	size_t n;
	int r = volume_list(&in->engine, in->arena, &v, &n, e);

	(void)ret_code;
	if (r < 0)
		return r;
	json_begin_array(&w);
	for (size_t i = 0; i < n; i++) {
		struct matching m = {&in->engine, &v[i], in->arena};

		r = view_filter(&o->filter, match, &m, e);
		if (r < 0)
			return r;
		if (r > 0)
			volume_print(&w, &v[i], in->arena);
	}
	json_end_array(&w);
	r = view_parse(w.buf, w.len, in->arena, &rows, e);
	if (r == 0)
		r = view_rows(&list, rows.items, rows.n, &text, e);
	return r < 0 ? r : print_text(text.buf ? text.buf : "", text.len, e);
}

#define VOLUME_LS(words, hidden)                                                          \
	{                                                                                 \
		.name = (words), .usage = "", .help = "List volumes", .group = "volumes", \
		.options = list_options, .values_size = sizeof(struct list_options),      \
		.is_hidden = (hidden), .enters = true, .main = list_main,                 \
	}
const struct command cmd_volume_ls = VOLUME_LS("volume ls", false);
const struct command cmd_volume_list = VOLUME_LS("volume list", true);

/* ---- inspect ------------------------------------------------------------------------------------- */

struct inspect_options {
	const char *format;
};

static const struct opt inspect_options[] = {
	{"format", 'f', OPT_STRING, offsetof(struct inspect_options, format), "TEMPLATE",
	 "such as '{{.Mountpoint}}'", false},
	{0},
};

static int inspect_main(const struct invocation *in, int *ret_code, struct err *e)
{
	const struct inspect_options *o = in->values;
	auto_json_writer struct json_writer w = {.is_pretty = !o->format, .indent = 4};
	int r;

	json_begin_array(&w);
	for (size_t i = 0; i < in->words.n; i++) {
		struct volume v = {0};
		struct err why = {0};

		if (volume_find(&in->engine, in->words.v[i], in->arena, &v, &why) == 0) {
			volume_print(&w, &v, in->arena);
		} else {
			complain(&why);
			*ret_code = 1;
		}
	}
	json_end_array(&w);
	r = o->format ? print_template(o->format, &w, in->arena, e) : print_json(&w, e);
	return r;
}

const struct command cmd_volume_inspect = {
	.name = "volume inspect",
	.usage = "VOLUME...",
	.help = "Show all about volumes as JSON",
	.group = "volumes",
	.options = inspect_options,
	.values_size = sizeof(struct inspect_options),
	.words_min = 1,
	.words_max = WORDS_MANY,
	.enters = true,
	.main = inspect_main,
};

/* ---- rm, prune ----------------------------------------------------------------------------------- */

struct remove_options {
	bool force, all;
};

static const struct opt remove_options[] = {
	{"force", 'f', OPT_FLAG, offsetof(struct remove_options, force), NULL,
	 "no error for one that is not there", false},
	{0},
};

static int remove_main(const struct invocation *in, int *ret_code, struct err *e)
{
	const struct remove_options *o = in->values;

	for (size_t i = 0; i < in->words.n; i++) {
		struct err why = {0};
		int r = volume_remove(&in->engine, in->words.v[i], o->force, &why);

		if (r < 0) {
			complain(&why);
			*ret_code = 1;
		} else if ((r = print_line(in->words.v[i], e)) < 0) {
			return r;
		}
	}
	return 0;
}

#define VOLUME_RM(words, hidden)                                                                  \
	{                                                                                         \
		.name = (words), .usage = "VOLUME...", .help = "Remove volumes that nobody uses", \
		.group = "volumes", .options = remove_options,                                    \
		.values_size = sizeof(struct remove_options), .words_min = 1,                     \
		.words_max = WORDS_MANY, .is_hidden = (hidden), .enters = true,                   \
		.main = remove_main,                                                              \
	}
const struct command cmd_volume_rm = VOLUME_RM("volume rm", false);
const struct command cmd_volume_remove = VOLUME_RM("volume remove", true);

static const struct opt prune_options[] = {
	{"force", 'f', OPT_FLAG, offsetof(struct remove_options, force), NULL, "do not ask", false},
	{"all", 'a', OPT_FLAG, offsetof(struct remove_options, all), NULL,
	 "those that were given a name, too", false},
	{0},
};

static int prune_main(const struct invocation *in, int *ret_code, struct err *e)
{
	const struct remove_options *o = in->values;
	struct str_slice names = {0};
	int64_t bytes = 0;
	int r = 0;

	(void)ret_code;
	if (!o->force) {
		r = confirm(o->all ? "This will remove all volumes that no container uses."
				   : "This will remove anonymous volumes that no container uses.",
			    e);
		if (r <= 0)
			return r;
	}
	r = volume_prune(&in->engine, o->all, in->arena, &names, &bytes, e);
	if (r == 0 && names.n)
		r = print_line("Deleted Volumes:", e);
	for (size_t i = 0; r == 0 && i < names.n; i++)
		r = print_line(names.v[i], e);
	return r < 0 ? r
		     : print_line(arena_printf(in->arena, "%sTotal reclaimed space: %s",
					       names.n ? "\n" : "", view_size(bytes, in->arena)),
				  e);
}

const struct command cmd_volume_prune = {
	.name = "volume prune",
	.usage = "",
	.help = "Remove volumes that no container uses",
	.group = "volumes",
	.options = prune_options,
	.values_size = sizeof(struct remove_options),
	.enters = true,
	.main = prune_main,
};

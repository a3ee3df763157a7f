/* SPDX-License-Identifier: Apache-2.0 */
/* berth network create, ls, inspect, rm and prune. */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/str.h"
#include "bin/berth/network_words.h"
#include "engine/container/spec_parts.h"
#include "engine/image/image.h"
#include "view/view.h"

/* ---- create -------------------------------------------------------------------------------------- */

struct create_options {
	const char *driver;
	struct str_slice subnet, gateway, ip_range, labels, options;
	bool ipv6, internal, ignored;
};

#define CREATE(name, letter, kind, member, arg, help)                                         \
	{                                                                                     \
		name, letter, kind, offsetof(struct create_options, member), arg, help, false \
	}
static const struct opt create_options[] = {
	CREATE("driver", 'd', OPT_STRING, driver, "NAME",
	       "bridge (which it is by itself) or macvlan"),
	CREATE("subnet", 0, OPT_LIST, subnet, "ADDRESS/PREFIX",
	       "its addresses, one subnet of each family; else one that nothing uses is chosen"),
	CREATE("gateway", 0, OPT_LIST, gateway, "ADDRESS", "the host's own address in it"),
	CREATE("ip-range", 0, OPT_LIST, ip_range, "ADDRESS/PREFIX",
	       "containers get addresses of this part of the subnet"),
	CREATE("ipv6", '6', OPT_FLAG, ipv6, NULL, "with a subnet of IPv6 too"),
	CREATE("internal", 0, OPT_FLAG, internal, NULL, "nothing goes out and nothing comes in"),
	CREATE("label", 'l', OPT_LIST, labels, "NAME[=VALUE]", "a label"),
	CREATE("opt", 'o', OPT_LIST, options, "NAME=VALUE",
	       "mtu=, bridge= (its link's name), parent= (of macvlan: a link of the host)"),
	{"attachable", 0, OPT_FLAG, offsetof(struct create_options, ignored), NULL, NULL, true},
	{0},
};

static int read_pairs(const char *option, const struct str_slice *list, bool needs_value,
		      struct arena *a, struct oci_pairs *ret, struct err *e)
{
	for (size_t i = 0; i < list->n; i++) {
		size_t n = strcspn(list->v[i], "=");

		if (!n || (needs_value && !list->v[i][n]))
			return err_say(e, -EINVAL, "--%s %s: want NAME=VALUE", option, list->v[i]);
		pairs_set(ret, arena_strndup(a, list->v[i], n),
			  list->v[i][n] ? list->v[i] + n + 1 : "", a);
	}
	return 0;
}

static int create_main(const struct invocation *in, int *ret_code, struct err *e)
{
	const struct create_options *o = in->values;
	struct network_request q = {.name = in->words.v[0],
				    .driver = o->driver,
				    .subnet = o->subnet,
				    .gateway = o->gateway,
				    .ip_range = o->ip_range,
				    .ipv6 = o->ipv6,
				    .internal = o->internal};
	struct network n = {0};
	int r;

	(void)ret_code;
	if ((r = read_pairs("label", &o->labels, false, in->arena, &q.labels, e)) < 0 ||
	    (r = read_pairs("opt", &o->options, true, in->arena, &q.options, e)) < 0 ||
	    (r = network_create(&in->engine, &q, in->arena, &n, e)) < 0)
		return r;
	return print_line(n.id, e);
}

const struct command cmd_network_create = {
	.name = "network create",
	.usage = "NETWORK",
	.help = "Make a network",
	.group = "networks",
	.options = create_options,
	.values_size = sizeof(struct create_options),
	.words_min = 1,
	.words_max = 1,
	.enters = true,
	.main = create_main,
};

/* ---- ls ------------------------------------------------------------------------------------------ */

struct list_options {
	bool quiet, no_trunc;
	const char *format;
	struct str_slice filter;
};

static const struct opt list_options[] = {
	{"quiet", 'q', OPT_FLAG, offsetof(struct list_options, quiet), NULL, "ids alone", false},
	{"no-trunc", 0, OPT_FLAG, offsetof(struct list_options, no_trunc), NULL, "whole ids",
	 false},
	{"format", 0, OPT_STRING, offsetof(struct list_options, format), "TEMPLATE",
	 "json, or such as '{{.Name}}'", false},
	{"filter", 'f', OPT_LIST, offsetof(struct list_options, filter), "KEY=VALUE",
	 "name=, id=, driver=, label=, dangling=true", false},
	{0},
};

static const struct view_column columns[] = {
	{"NETWORK ID", "ID", false},
	{"NAME", "Name", false},
	{"DRIVER", "Driver", false},
	{"SUBNET", "Subnet", false},
	{0},
};

struct matching {
	const struct engine *g;
	const struct network *n;
	struct arena *a;
};

static int match_dangling(const struct matching *m, const char *value, struct err *e)
{
	struct str_slice users = {0};
	int r;

	if (!str_eq(value, "true") && !str_eq(value, "false"))
		return err_say(e, -EINVAL, "--filter dangling=%s: want true or false", value);
	r = network_users(m->g, m->n->name, m->a, &users, e);
	return r < 0 ? r : (users.n == 0 && !m->n->is_default) == str_eq(value, "true");
}

static int match(void *arg, const char *key, const char *value, struct err *e)
{
	const struct matching *m = arg;

	if (str_eq(key, "name"))
		return strstr(m->n->name, value) != NULL;
	if (str_eq(key, "id"))
		return str_starts(m->n->id, value);
	if (str_eq(key, "driver"))
		return str_eq(value, m->n->driver);
	if (str_eq(key, "label")) {
		size_t n = strcspn(value, "=");
		const char *has = pairs_get(&m->n->labels, arena_strndup(m->a, value, n));

		return has && (!value[n] || str_eq(has, value + n + 1));
	}
	if (str_eq(key, "dangling"))
		return match_dangling(m, value, e);
	return err_say(e, -EINVAL,
		       "--filter %s=%s: invalid filter: want name, id, driver, label or dangling",
		       key, value);
}

static void print_row(struct json_writer *w, const struct network *n, bool is_whole,
		      struct arena *a)
{
	const struct network_range *v4 = &n->range[NETWORK_V4];

	json_begin_object(w);
	json_put_string(w, "ID", is_whole ? n->id : arena_strndup(a, n->id, 12));
	json_put_string(w, "Name", n->name);
	json_put_string(w, "Driver", n->driver);
	json_put_string(w, "Scope", "local");
	json_put_string(w, "Subnet", v4->is_set ? subnet_text(&v4->subnet, a) : "");
	json_put_bool(w, "Internal", n->is_internal);
	json_put_bool(w, "IPv6", n->range[NETWORK_V6].is_set);
	json_put_string(w, "CreatedAt", runtime_time_text(n->created_ns, a));
	json_end_object(w);
}

static int list_main(const struct invocation *in, int *ret_code, struct err *e)
{
	const struct list_options *o = in->values;
	const struct view_list list = {
		.columns = columns, .format = o->format, .quiet_key = o->quiet ? "ID" : NULL};
	auto_json_writer struct json_writer w = {0};
	auto_view_text struct view_text text = {0};
	struct view_value rows;
	struct network *n = NULL;
	size_t count = 0;
	int r = network_list(&in->engine, in->arena, &n, &count, e);

	(void)ret_code;
	if (r < 0)
		return r;
	json_begin_array(&w);
	for (size_t i = 0; i < count; i++) {
		struct matching m = {&in->engine, &n[i], in->arena};

		r = view_filter(&o->filter, match, &m, e);
		if (r < 0)
			return r;
		if (r > 0)
			print_row(&w, &n[i], o->no_trunc, in->arena);
	}
	json_end_array(&w);
	r = view_parse(w.buf, w.len, in->arena, &rows, e);
	if (r == 0)
		r = view_rows(&list, rows.items, rows.n, &text, e);
	return r < 0 ? r : print_text(text.buf ? text.buf : "", text.len, e);
}

#define NETWORK_LS(words, hidden)                                                           \
	{                                                                                   \
		.name = (words), .usage = "", .help = "List networks", .group = "networks", \
		.options = list_options, .values_size = sizeof(struct list_options),        \
		.is_hidden = (hidden), .enters = true, .main = list_main,                   \
	}
const struct command cmd_network_ls = NETWORK_LS("network ls", false);
const struct command cmd_network_list = NETWORK_LS("network list", true);

/* ---- inspect ------------------------------------------------------------------------------------- */

struct inspect_options {
	const char *format;
};

static const struct opt inspect_options[] = {
	{"format", 'f', OPT_STRING, offsetof(struct inspect_options, format), "TEMPLATE",
	 "such as '{{.Driver}}'", false},
	{0},
};

static int inspect_main(const struct invocation *in, int *ret_code, struct err *e)
{
	const struct inspect_options *o = in->values;
	auto_json_writer struct json_writer w = {.is_pretty = !o->format, .indent = 4};
	struct network_state *states = NULL;
	size_t n_states = 0;
	int r = network_states(&in->engine, in->arena, &states, &n_states, e);

	if (r < 0)
		return r;
	json_begin_array(&w);
	for (size_t i = 0; i < in->words.n; i++) {
		struct network n = {0};
		struct err why = {0};

		if (network_find(&in->engine, in->words.v[i], in->arena, &n, &why) == 0) {
			network_print(&w, &n, states, n_states, in->arena);
		} else {
			complain(&why);
			*ret_code = 1;
		}
	}
	json_end_array(&w);
	return o->format ? print_template(o->format, &w, in->arena, e) : print_json(&w, e);
}

const struct command cmd_network_inspect = {
	.name = "network inspect",
	.usage = "NETWORK...",
	.help = "Show all about networks as JSON",
	.group = "networks",
	.options = inspect_options,
	.values_size = sizeof(struct inspect_options),
	.words_min = 1,
	.words_max = WORDS_MANY,
	.enters = true,
	.main = inspect_main,
};

/* ---- rm, prune ----------------------------------------------------------------------------------- */

struct remove_options {
	bool force;
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
		int r = network_remove(&in->engine, in->words.v[i], &why);

		if (r < 0 && !(o->force && r == -ENOENT)) {
			complain(&why);
			*ret_code = 1;
		} else if ((r = print_line(in->words.v[i], e)) < 0) {
			return r;
		}
	}
	return 0;
}

#define NETWORK_RM(words, hidden)                                                               \
	{                                                                                       \
		.name = (words), .usage = "NETWORK...",                                         \
		.help = "Remove networks that no container is in", .group = "networks",         \
		.options = remove_options, .values_size = sizeof(struct remove_options),        \
		.words_min = 1, .words_max = WORDS_MANY, .is_hidden = (hidden), .enters = true, \
		.main = remove_main,                                                            \
	}
const struct command cmd_network_rm = NETWORK_RM("network rm", false);
const struct command cmd_network_remove = NETWORK_RM("network remove", true);

static const struct opt prune_options[] = {
	{"force", 'f', OPT_FLAG, offsetof(struct remove_options, force), NULL, "do not ask", false},
	{0},
};

static int prune_main(const struct invocation *in, int *ret_code, struct err *e)
{
	const struct remove_options *o = in->values;
	struct str_slice names = {0};
	int r = 1;

	(void)ret_code;
	if (!o->force)
		r = confirm("This will remove all networks that no container uses.", e);
	if (r <= 0 || (r = network_prune(&in->engine, in->arena, &names, e)) < 0)
		return r;
	r = names.n ? print_line("Deleted Networks:", e) : 0;
	for (size_t i = 0; r == 0 && i < names.n; i++)
		r = print_line(names.v[i], e);
	return r;
}

const struct command cmd_network_prune = {
	.name = "network prune",
	.usage = "",
	.help = "Remove networks that no container uses",
	.group = "networks",
	.options = prune_options,
	.values_size = sizeof(struct remove_options),
	.enters = true,
	.main = prune_main,
};

/* SPDX-License-Identifier: Apache-2.0 */
/* berth ps: the containers there are. */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "base/auto.h"
#include "base/str.h"
#include "bin/berth/container_words.h"
#include "bin/berth/network_words.h"
#include "bin/berth/time_option.h"
#include "engine/container/spec_parts.h"
#include "kernel/tree.h"
#include "view/view.h"

enum { ID_SHORT = 12, COMMAND_SHORT = 20 };

struct options {
	bool all, quiet, latest, no_trunc, size, no_heading;
	const char *last, *format;
	struct str_slice filter;
};

#define VALUE(member) offsetof(struct options, member)
static const struct opt options[] = {
	{"all", 'a', OPT_FLAG, VALUE(all), NULL, "those that do not run, too", false},
	{"quiet", 'q', OPT_FLAG, VALUE(quiet), NULL, "ids alone", false},
	{"filter", 'f', OPT_LIST, VALUE(filter), "KEY=VALUE",
	 "id, name, label, status, exited, ancestor, before, since, volume, network, health",
	 false},
	{"format", 0, OPT_STRING, VALUE(format), "TEMPLATE", "json, or such as '{{.Names}}'",
	 false},
	{"last", 'n', OPT_STRING, VALUE(last), "NUMBER", "the newest so many, running or not",
	 false},
	{"latest", 'l', OPT_FLAG, VALUE(latest), NULL, "the newest, running or not", false},
	{"no-trunc", 0, OPT_FLAG, VALUE(no_trunc), NULL, "ids and commands in full", false},
	{"size", 's', OPT_FLAG, VALUE(size), NULL, "how much they have written", false},
	{"noheading", 0, OPT_FLAG, VALUE(no_heading), NULL, "without the line of heads", false},
	{0},
};

static const struct view_column columns[] = {
	{"CONTAINER ID", "ID", false}, {"IMAGE", "Image", false},
	{"COMMAND", "Command", false}, {"CREATED", "RunningFor", false},
	{"STATUS", "Status", false},   {"PORTS", "Ports", false},
	{"NAMES", "Names", false},     {0},
};
static const struct view_column sized_columns[] = {
	{"CONTAINER ID", "ID", false},
	{"IMAGE", "Image", false},
	{"COMMAND", "Command", false},
	{"CREATED", "RunningFor", false},
	{"STATUS", "Status", false},
	{"PORTS", "Ports", false},
	{"NAMES", "Names", false},
	{"SIZE", "Size", false},
	{0},
};

/* ---- filters ------------------------------------------------------------------------------------- */

struct matching {
	const struct invocation *in;
	const struct container_info *c;
};

static int match_label(const struct matching *m, const char *value, struct err *e)
{
	size_t n = strcspn(value, "=");
	const char *has = pairs_get(&m->c->record.labels, arena_strndup(m->in->arena, value, n));

	(void)e;
	return has && (!value[n] || str_eq(has, value + n + 1));
}

static int match_id(const struct matching *m, const char *value, struct err *e)
{
	(void)e;
	return str_starts(m->c->record.id, value);
}

static int match_name(const struct matching *m, const char *value, struct err *e)
{
	(void)e;
	/* Docker's names begin with a slash, and people anchor them: ^/web$. */
	value += *value == '^';
	value += *value == '/';
	if (str_ends(value, "$"))
		return str_eq(m->c->record.name,
			      arena_strndup(m->in->arena, value, strlen(value) - 1));
	return strstr(m->c->record.name, value) != NULL;
}

static int match_status(const struct matching *m, const char *value, struct err *e)
{
	static const char *const known[] = {"created", "running", "paused",  "restarting",
					    "exited",  "dead",    "removing"};

	if (str_index(value, known, ARRAY_LEN(known)) < 0)
		return err_say(e, -EINVAL,
			       "--filter status=%s: invalid filter: want created, running, paused, "
			       "restarting, exited or dead",
			       value);
	return str_eq(container_state_names[m->c->status.state], value);
}

static int match_exited(const struct matching *m, const char *value, struct err *e)
{
	int64_t code;

	if (str_to_i64(value, &code) < 0)
		return err_say(e, -EINVAL, "--filter exited=%s: want a number", value);
	return m->c->status.state == CONTAINER_EXITED && m->c->status.exit_code == code;
}

static int match_ancestor(const struct matching *m, const char *value, struct err *e)
{
	const char *id = m->c->record.image_id ? m->c->record.image_id : "";
	const char *hex = str_starts(id, "sha256:") ? id + strlen("sha256:") : id;
	struct image image;

	(void)e;
	if (str_eq(m->c->record.image, value) || str_eq(id, value) ||
	    (strlen(value) >= ID_SHORT && str_starts(hex, value)))
		return 1;
	return image_find(&m->in->engine, value, m->in->arena, &image, NULL) == 0 &&
	       str_eq(image.id, id);
}

static int match_age(const struct matching *m, const char *value, bool is_before, struct err *e)
{
	struct container_info other = {0};
	int r = container_find(&m->in->engine, value, m->in->arena, &other, e);

	if (r < 0)
		return r;
	return is_before ? m->c->record.created_ns < other.record.created_ns
			 : m->c->record.created_ns > other.record.created_ns;
}

static int match_before(const struct matching *m, const char *value, struct err *e)
{
	return match_age(m, value, true, e);
}

static int match_since(const struct matching *m, const char *value, struct err *e)
{
	return match_age(m, value, false, e);
}

static int match_volume(const struct matching *m, const char *value, struct err *e)
{
	(void)e;
	for (size_t i = 0; i < m->c->record.n_mounts; i++) {
		const struct record_mount *mount = &m->c->record.mounts[i];

		if (str_eq(mount->name, value) || str_eq(mount->source, value) ||
		    str_eq(mount->destination, value))
			return 1;
	}
	return 0;
}

static int match_network(const struct matching *m, const char *value, struct err *e)
{
	(void)e;
	return str_eq(m->c->record.network, value);
}

static int match_health(const struct matching *m, const char *value, struct err *e)
{
	const char *health = m->c->status.health;

	(void)e;
	return str_eq(health && *health ? health : "none", value);
}

static const struct {
	const char *key;
	int (*match)(const struct matching *m, const char *value, struct err *e);
} matches[] = {
	{"id", match_id},           {"name", match_name},     {"label", match_label},
	{"status", match_status},   {"exited", match_exited}, {"ancestor", match_ancestor},
	{"before", match_before},   {"since", match_since},   {"volume", match_volume},
	{"network", match_network}, {"health", match_health},
};

static int match(void *arg, const char *key, const char *value, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(matches); i++)
		if (str_eq(matches[i].key, key))
			return matches[i].match(arg, value, e);
	return err_say(
		e, -EINVAL,
		"invalid filter '%s': want id, name, label, status, exited, ancestor, before, "
		"since, volume, network or health",
		key);
}

/* ---- rows ---------------------------------------------------------------------------------------- */

static const char *labels_text(const struct record *r, struct arena *a)
{
	const char *text = "";

	for (size_t i = 0; i < r->labels.n; i++)
		text = arena_printf(a, "%s%s%s=%s", text, i ? "," : "", r->labels.v[i].key,
				    r->labels.v[i].value);
	return text;
}

static const char *mounts_text(const struct record *r, struct arena *a)
{
	const char *text = "";

	for (size_t i = 0; i < r->n_mounts; i++)
		text = arena_printf(a, "%s%s%s", text, i ? "," : "",
				    r->mounts[i].name ? r->mounts[i].name : r->mounts[i].source);
	return text;
}

static const char *size_text(const struct engine *g, const struct record *r, struct arena *a)
{
	int64_t bytes = 0;

	tree_size_at(g->data_fd, arena_printf(a, "containers/%s/upper", r->id), &bytes, NULL);
	return view_size(bytes, a);
}

static void print_row(const struct invocation *in, const struct container_info *c, int64_t now,
		      struct json_writer *w)
{
	const struct options *o = in->values;
	const struct record *r = &c->record;
	const char *command = container_command_text(r, in->arena);
	bool is_long = !o->no_trunc && strlen(command) > COMMAND_SHORT;
	struct arena *a = in->arena;

	json_begin_object(w);
	json_put_string(w, "ID", o->no_trunc ? r->id : arena_strndup(a, r->id, ID_SHORT));
	json_put_string(w, "Image", r->image ? r->image : "");
	/* Quoted, as Docker does; a cut is marked. */
	json_put_string(w, "Command",
			arena_printf(a, "\"%.*s%s\"", is_long ? COMMAND_SHORT - 1 : 1 << 20,
				     command, is_long ? "\xe2\x80\xa6" : ""));
	json_put_string(w, "CreatedAt", container_time_text(r->created_ns, a));
	json_put_string(w, "RunningFor", view_ago(r->created_ns, now, a));
	json_put_string(w, "State", container_state_names[c->status.state]);
	json_put_string(w, "Status", container_status_text(c, now, a));
	json_put_string(w, "Ports", ports_text(&in->engine, c, a));
	json_put_string(w, "Names", r->name);
	json_put_string(w, "Labels", labels_text(r, a));
	json_put_string(w, "Mounts", mounts_text(r, a));
	json_put_string(w, "Networks", r->network ? r->network : "none");
	json_put_string(w, "Size", o->size ? size_text(&in->engine, r, a) : "");
	json_put_int(w, "ExitCode", c->status.exit_code);
	json_put_int(w, "Pid", c->status.pid);
	json_end_object(w);
}

/* Filters by state ask for those that do not run, too. */
static bool wants_all(const struct options *o)
{
	bool is_asked = o->all || o->latest || o->last;

	for (size_t i = 0; i < o->filter.n; i++)
		is_asked |= str_starts(o->filter.v[i], "status=") ||
			    str_starts(o->filter.v[i], "exited=");
	return is_asked;
}

static int choose_rows(const struct invocation *in, const struct options *o, struct json_writer *w,
		       struct err *e)
{
	uint32_t limit = o->latest ? 1 : UINT32_MAX;
	int64_t now = time_now();
	struct container_info *list;
	size_t n;
	int r;

	if (o->last && str_to_u32(o->last, &limit) < 0)
		return err_say(e, -EINVAL, "--last %s: want a number", o->last);
	r = container_list(&in->engine, !wants_all(o), in->arena, &list, &n, e);
	json_begin_array(w);
	for (size_t i = 0; r >= 0 && i < n && limit > 0; i++) {
		struct matching m = {in, &list[i]};

		if (list[i].is_broken)
			continue;
		r = view_filter(&o->filter, match, &m, e);
		if (r > 0) {
			print_row(in, &list[i], now, w);
			limit--;
		}
	}
	json_end_array(w);
	return r < 0 ? r : 0;
}

static int ps_main(const struct invocation *in, int *ret_code, struct err *e)
{
	const struct options *o = in->values;
	const struct view_list list = {.columns = o->size ? sized_columns : columns,
				       .format = o->format,
				       .quiet_key = o->quiet ? "ID" : NULL,
				       .no_heading = o->no_heading};
	auto_json_writer struct json_writer w = {0};
	auto_view_text struct view_text text = {0};
	struct view_value rows;
	int r = choose_rows(in, o, &w, e);

	(void)ret_code;
	if (r == 0)
		r = view_parse(w.buf, w.len, in->arena, &rows, e);
	if (r == 0)
		r = view_rows(&list, rows.items, rows.n, &text, e);
	return r < 0 ? r : print_text(text.buf ? text.buf : "", text.len, e);
}

#define PS(words, hidden)                                                                         \
	{                                                                                         \
		.name = (words), .usage = "", .help = "List containers", .group = "containers",   \
		.options = options, .values_size = sizeof(struct options), .is_hidden = (hidden), \
		.main = ps_main,                                                                  \
	}

const struct command cmd_ps = PS("ps", false);
const struct command cmd_container_ls = PS("container ls", true);
const struct command cmd_container_list = PS("container list", true);

/* SPDX-License-Identifier: Apache-2.0 */
/* berth ns: the map of namespaces of containers, other engines' too, and of plain processes. */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/str.h"
#include "bin/berth/command.h"
#include "engine/container/container.h"
#include "engine/namespaces/scan.h"
#include "view/view.h"

struct options {
	const char *format;
};

static const struct opt options[] = {
	{"format", 0, OPT_STRING, offsetof(struct options, format), "TEMPLATE",
	 "json, or such as '{{.Name}} {{.Net}}'", false},
	{0},
};

/* Heads and keys of the map's columns, by kind. */
static const char *const keys[] = {"Cgroup", "Ipc", "Mnt", "Net", "Pid", "Time", "User", "Uts"};
_Static_assert(ARRAY_LEN(keys) == NS_MAP_KINDS, "one key for each kind");

static const struct view_column map_columns[] = {
	{"NAME", "Name", false},      {"ENGINE", "Engine", false},
	{"PROCESS", "Process", true}, {"COUNT", "Count", true},
	{"CGROUP", "Cgroup", false},  {"IPC", "Ipc", false},
	{"MNT", "Mnt", false},        {"NET", "Net", false},
	{"PID", "Pid", false},        {"TIME", "Time", false},
	{"USER", "User", false},      {"UTS", "Uts", false},
	{"IDS", "Ids", false},        {0},
};

static const struct view_column one_columns[] = {
	{"KIND", "Kind", false},          {"NAMESPACE", "Inode", true},
	{"SHARED WITH", "Shared", false}, {"OWNED BY", "Owner", false},
	{"MADE BY", "OwnerUid", false},   {0},
};

static int show(const struct invocation *in, const struct view_column *columns,
		const struct json_writer *w, struct err *e)
{
	const struct options *o = in->values;
	const struct view_list list = {.columns = columns, .format = o->format};
	auto_view_text struct view_text text = {0};
	struct view_value rows = {0};
	int r = view_parse(w->buf, w->len, in->arena, &rows, e);

	if (r == 0)
		r = view_rows(&list, rows.items, rows.n, &text, e);
	return r < 0 ? r : print_text(text.buf ? text.buf : "", text.len, e);
}

/* ---- the whole map ------------------------------------------------------------------------------- */

static void print_kinds(struct json_writer *w, const struct ns_map *m, const struct ns_group *g,
			struct arena *a)
{
	json_key(w, "Namespaces");
	json_begin_object(w);
	for (size_t k = 0; k < NS_MAP_KINDS; k++) {
		json_key(w, ns_map_kind_names[k]);
		json_begin_object(w);
		json_put_uint(w, "Inode", g->first->inode[k]);
		json_put_bool(w, "IsHost", g->is_hosts[k]);
		json_key(w, "With");
		json_begin_array(w);
		for (size_t i = 0; i < g->n_with[k]; i++)
			json_string(w, m->v[g->with[k][i]].name);
		json_end_array(w);
		json_end_object(w);
	}
	json_end_object(w);
	for (size_t k = 0; k < NS_MAP_KINDS; k++)
		json_put_string(w, keys[k], ns_map_text(m, g, (enum ns_map_kind)k, a));
}

static void print_group(struct json_writer *w, const struct ns_map *m, const struct ns_group *g,
			struct arena *a)
{
	json_begin_object(w);
	json_put_string(w, "Name", g->name);
	json_put_string(w, "Engine", *g->engine ? g->engine : "-");
	json_put_string(w, "Id", g->id);
	json_put_int(w, "Process", g->first->pid);
	json_put_string(w, "Command", g->first->command);
	json_put_uint(w, "Count", g->processes);
	print_kinds(w, m, g, a);
	json_put_string(w, "Ids", ns_map_ids(g->first->uid_map, a));
	json_put_string(w, "GroupIds", ns_map_ids(g->first->gid_map, a));
	json_end_object(w);
}

static int show_map(const struct invocation *in, const struct ns_map *m, struct err *e)
{
	auto_json_writer struct json_writer w = {0};
	int r;

	json_begin_array(&w);
	for (size_t i = 0; i < m->n; i++)
		print_group(&w, m, &m->v[i], in->arena);
	json_end_array(&w);
	r = show(in, map_columns, &w, e);
	if (r == 0 && m->hidden && !((const struct options *)in->values)->format)
		fprintf(stderr,
			"berth: the namespaces of %zu processes of others may not be read\n",
			m->hidden);
	return r;
}

/* ---- one ----------------------------------------------------------------------------------------- */

static const char *user_name(const struct ns_map *m, const struct ns_group *g, uint64_t inode,
			     struct arena *a)
{
	if (!inode)
		return "?";
	if (m->n && inode == m->v[0].first->inode[NS_MAP_USER])
		return "the host's user namespace";
	if (inode == g->first->inode[NS_MAP_USER])
		return "its own user namespace";
	for (size_t i = 0; i < m->n; i++)
		if (m->v[i].first->inode[NS_MAP_USER] == inode)
			return arena_printf(a, "user namespace of %s", m->v[i].name);
	return arena_printf(a, "user namespace %llu", (unsigned long long)inode);
}

static int show_one(const struct invocation *in, const struct ns_map *m, const struct ns_group *g,
		    struct err *e)
{
	const struct options *o = in->values;
	auto_json_writer struct json_writer w = {0};
	struct arena *a = in->arena;
	int r;

	if (!g->first)
		return err_say(e, -ESRCH, "%s has no process", g->name);
	json_begin_array(&w);
	for (size_t k = 0; k < NS_MAP_KINDS; k++) {
		struct ns_owner owner;

		ns_scan_owner(g->first->pid, (enum ns_map_kind)k, &owner);
		json_begin_object(&w);
		json_put_string(&w, "Kind", ns_map_kind_names[k]);
		json_put_uint(&w, "Inode", g->first->inode[k]);
		json_put_string(&w, "Shared", ns_map_text(m, g, (enum ns_map_kind)k, a));
		json_put_string(&w, "Owner", user_name(m, g, owner.user_inode, a));
		json_put_string(&w, "OwnerUid",
				owner.uid < 0 ? "-"
					      : arena_printf(a, "uid %lld", (long long)owner.uid));
		json_end_object(&w);
	}
	json_end_array(&w);
	if (!o->format) {
		r = print_line(
			arena_printf(a,
				     "%s%s%s: process %lld (%s), %zu in all; user ids %s, group "
				     "ids %s",
				     g->engine, *g->engine ? " container " : "", g->name,
				     (long long)g->first->pid, g->first->command, g->processes,
				     ns_map_ids(g->first->uid_map, a),
				     ns_map_ids(g->first->gid_map, a)),
			e);
		if (r < 0)
			return r;
	}
	return show(in, one_columns, &w, e);
}

/* A process by number has a group of its own, whatever group it is in. */
static int find_process(const struct ns_scan *scan, int64_t pid, struct ns_map *m,
			struct ns_group *ret, struct arena *a)
{
	for (size_t i = 0; i < scan->n; i++) {
		if (scan->v[i].pid != pid)
			continue;
		for (size_t k = 0; k < m->n; k++) {
			*ret = m->v[k];
			if (m->v[k].first->pid == pid)
				return 0;
		}
		*ret = (struct ns_group){
			.first = &scan->v[i], .id = "", .engine = "", .processes = 1};
		ret->name = arena_printf(a, "%s (%lld)", scan->v[i].command, (long long)pid);
		for (size_t k = 0; k < NS_MAP_KINDS; k++) {
			ret->is_hidden[k] = !scan->v[i].inode[k];
			ret->is_hosts[k] = m->n && scan->v[i].inode[k] == m->v[0].first->inode[k];
			ret->with[k] = arena_array(a, m->n + 1, sizeof(size_t));
			for (size_t j = 0; j < m->n && !ret->is_hosts[k]; j++)
				if (m->v[j].first->inode[k] == scan->v[i].inode[k])
					ret->with[k][ret->n_with[k]++] = j;
		}
		return 0;
	}
	return -ESRCH;
}

static int find_group(const struct invocation *in, const struct ns_scan *scan, struct ns_map *m,
		      const char *word, struct ns_group *ret, struct err *e)
{
	struct container_info c = {0};
	struct err why = {0};
	size_t n = strlen(word);
	int64_t pid;

	for (size_t i = 0; i < m->n; i++) {
		*ret = m->v[i];
		if (*ret->id && (str_eq(ret->name, word) || (n >= 3 && str_starts(ret->id, word))))
			return 0;
	}
	if (str_to_i64(word, &pid) == 0 && find_process(scan, pid, m, ret, in->arena) == 0)
		return 0;
	if (container_find(&in->engine, word, in->arena, &c, &why) >= 0)
		return err_say(e, -ESRCH, "container %s is not running: it has no namespaces",
			       c.record.name);
	return err_say(e, -ENOENT, "no such container or process: %s", word);
}

static int ns_main(const struct invocation *in, int *ret_code, struct err *e)
{
	struct ns_scan scan = {0};
	struct ns_map map = {0};
	struct ns_group one = {0};
	int r = ns_scan_read(&in->engine, in->arena, &scan, e);

	(void)ret_code;
	if (r < 0)
		return r;
	ns_map_make(&scan, in->arena, &map);
	if (!in->words.n)
		return show_map(in, &map, e);
	r = find_group(in, &scan, &map, in->words.v[0], &one, e);
	return r < 0 ? r : show_one(in, &map, &one, e);
}

const struct command cmd_ns = {
	.name = "ns",
	.usage = "[CONTAINER|PROCESS]",
	.help = "Show the map of namespaces: who shares what with whom",
	.group = "containers",
	.details = "Without a word: every container, of other engines too, and every process that "
		   "has namespaces of "
		   "its own. Each cell says whose the namespace is: own, the host's, or the name "
		   "of who shares "
		   "it. IDS are user ids as INSIDE:OUTSIDE:COUNT.",
	.options = options,
	.values_size = sizeof(struct options),
	.words_max = 1,
	.main = ns_main,
};

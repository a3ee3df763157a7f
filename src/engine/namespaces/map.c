/* SPDX-License-Identifier: Apache-2.0 */
/* The map of namespaces: containers of any engine and plain processes, and who shares what with whom. */
#include "engine/namespaces/map.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/str.h"

const char *const ns_map_kind_names[] = {
	[NS_MAP_CGROUP] = "cgroup", [NS_MAP_IPC] = "ipc", [NS_MAP_MNT] = "mnt",
	[NS_MAP_NET] = "net",       [NS_MAP_PID] = "pid", [NS_MAP_TIME] = "time",
	[NS_MAP_USER] = "user",     [NS_MAP_UTS] = "uts",
};
_Static_assert(ARRAY_LEN(ns_map_kind_names) == NS_MAP_KINDS, "one name for each kind");

enum { ID_LENGTH = 64 };

/* ---- whose group --------------------------------------------------------------------------------- */

/* What stands before the id, in the same word or the one before, and whose it is. */
static const struct {
	const char *prefix, *engine;
} marks[] = {
	{"docker-", "docker"},      {"libpod-conmon-", NULL},
	{"libpod-", "podman"},      {"cri-containerd-", "containerd"},
	{"crio-conmon-", NULL},     {"crio-", "cri-o"},
	{"nerdctl-", "containerd"},
};
static const struct {
	const char *folder, *engine;
} folders[] = {
	{"/berth", "berth"},          {"/docker", "docker"},      {"/k8s.io", "containerd"},
	{"/libpod_parent", "podman"}, {"/default", "containerd"}, {"/moby", "docker"},
	{"/machine.slice", "podman"},
};

static size_t count_hex(const char *s)
{
	return strspn(s, "0123456789abcdef");
}

/* Below a folder of berth's: the group itself, or a pool's. */
static bool is_in_pool(const char *path, const char *id)
{
	const char *last = NULL;

	for (const char *p = strstr(path, "/pool-"); p && p < id; p = strstr(p + 1, "/pool-"))
		last = p;
	return last && last + 1 + strcspn(last + 1, "/") + 1 == id;
}

static const char *engine_of(const char *path, const char *word, const char *id)
{
	for (size_t i = 0; i < ARRAY_LEN(marks); i++)
		if (word + strlen(marks[i].prefix) == id && str_starts(word, marks[i].prefix))
			return marks[i].engine;
	if (word != id)
		return NULL;
	if (is_in_pool(path, id))
		return "berth";
	for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
		size_t n = strlen(folders[i].folder);

		if ((size_t)(word - 1 - path) >= n &&
		    strncmp(word - 1 - n, folders[i].folder, n) == 0)
			return folders[i].engine;
	}
	return "container";
}

/* One path: the innermost word that carries an id wins. */
static const char *find_in_path(const char *path, size_t n, struct arena *a, const char **ret_id)
{
	const char *text = arena_strndup(a, path, n), *engine = NULL;

	for (const char *word = text; *word; word += strcspn(word, "/")) {
		const char *id;
		size_t length;

		word += *word == '/';
		length = strcspn(word, "/");
		for (id = word; id < word + length; id++)
			if (count_hex(id) == ID_LENGTH)
				break;
		if (id >= word + length || (id > word && id[-1] != '-'))
			continue;
		if (!engine_of(text, word, id))
			continue;
		engine = engine_of(text, word, id);
		*ret_id = arena_strndup(a, id, ID_LENGTH);
	}
	return engine;
}

const char *ns_map_container(const char *cgroup, struct arena *a, const char **ret_id)
{
	*ret_id = "";
	while (cgroup && *cgroup) {
		size_t n = strcspn(cgroup, "\n");
		const char *path = memchr(cgroup, ':', n);
		const char *engine;

		path = path ? memchr(path + 1, ':', n - (size_t)(path + 1 - cgroup)) : NULL;
		if (path) {
			engine = find_in_path(path + 1, n - (size_t)(path + 1 - cgroup), a, ret_id);
			if (engine)
				return engine;
		}
		cgroup += n + (cgroup[n] == '\n');
	}
	return NULL;
}

/* ---- groups -------------------------------------------------------------------------------------- */

static bool is_readable(const struct ns_process *p)
{
	for (size_t k = 0; k < NS_MAP_KINDS; k++)
		if (p->inode[k])
			return true;
	return false;
}

static bool has_same(const struct ns_process *a, const struct ns_process *b)
{
	return memcmp(a->inode, b->inode, sizeof(a->inode)) == 0;
}

/* By its group; an ordinary user's container may have none: by its first process. */
static const struct ns_known *find_known(const struct ns_scan *scan, const char *id, int64_t pid)
{
	for (size_t i = 0; i < scan->n_known; i++)
		if (*id ? str_eq(scan->known[i].id, id) : scan->known[i].pid == pid)
			return &scan->known[i];
	return NULL;
}

struct making {
	const struct ns_scan *scan;
	struct arena *a;
	struct ns_map map;
};

static struct ns_group *find_group(struct making *m, const struct ns_process *p, const char *id)
{
	for (size_t i = 0; i < m->map.n; i++) {
		struct ns_group *g = &m->map.v[i];

		if (*id ? str_eq(g->id, id) : (!*g->id || g->has_no_group) && has_same(g->first, p))
			return g;
	}
	return NULL;
}

static void add_process(struct making *m, const struct ns_process *p, const struct ns_process *host)
{
	const char *id = "", *engine = ns_map_container(p->cgroup, m->a, &id);
	const struct ns_known *known = find_known(m->scan, id, p->pid);
	bool has_no_group = known && !*id;
	struct ns_group *g;

	if (has_no_group) {
		id = known->id;
		engine = "berth";
	}
	g = find_group(m, p, id);
	if (!g) {
		g = &m->map.v[m->map.n++];
		*g = (struct ns_group){.first = p, .id = id, .engine = engine ? engine : ""};
		g->has_no_group = has_no_group;
		g->is_host = !engine && has_same(p, host);
		g->name = known ? known->name
			  : *id ? arena_strndup(m->a, id, 12)
			  : g->is_host
				  ? "host"
				  : arena_printf(m->a, "%s (%lld)", p->command, (long long)p->pid);
	}
	/* Its first process, as its record has it: a helper of the engine may have a smaller number. */
	if (known && known->pid == p->pid)
		g->first = p;
	g->processes++;
}

static int by_class(const void *a, const void *b)
{
	const struct ns_group *x = a, *y = b;
	int cx = x->is_host ? 0 : *x->id ? 1 : 2, cy = y->is_host ? 0 : *y->id ? 1 : 2;

	return cx != cy ? cx - cy
			: (x->first->pid > y->first->pid) - (x->first->pid < y->first->pid);
}

static void compare(struct making *m, struct ns_group *g, const struct ns_process *host)
{
	for (size_t k = 0; k < NS_MAP_KINDS; k++) {
		g->is_hidden[k] = !g->first->inode[k];
		g->is_hosts[k] = g->first->inode[k] && g->first->inode[k] == host->inode[k];
		g->with[k] = arena_array(m->a, m->map.n, sizeof(*g->with[k]));
		for (size_t i = 0; i < m->map.n; i++)
			if (&m->map.v[i] != g && !g->is_hidden[k] && !g->is_hosts[k] &&
			    m->map.v[i].first->inode[k] == g->first->inode[k])
				g->with[k][g->n_with[k]++] = i;
	}
}

void ns_map_make(const struct ns_scan *scan, struct arena *a, struct ns_map *ret)
{
	static const struct ns_process nobody = {0};
	struct making m = {.scan = scan, .a = a};
	const struct ns_process *host = &nobody;

	/* Of the first process where we may, else of a kernel thread. */
	for (size_t i = scan->n; i-- > 0;)
		if (is_readable(&scan->v[i]))
			host = &scan->v[i];
	m.map.v = arena_array(a, scan->n + 1, sizeof(*m.map.v));
	for (size_t i = 0; i < scan->n; i++) {
		if (!is_readable(&scan->v[i]))
			m.map.hidden++;
		else if (scan->v[i].inode[NS_MAP_MNT]) /* else it is at its end */
			add_process(&m, &scan->v[i], host);
	}
	if (m.map.n)
		qsort(m.map.v, m.map.n, sizeof(*m.map.v), by_class);
	for (size_t i = 0; i < m.map.n; i++)
		compare(&m, &m.map.v[i], host);
	*ret = m.map;
}

/* ---- as text ------------------------------------------------------------------------------------- */

const char *ns_map_text(const struct ns_map *m, const struct ns_group *g, enum ns_map_kind k,
			struct arena *a)
{
	const char *text = "own";

	if (g->is_hidden[k])
		return "?";
	if (g->is_hosts[k])
		return "host";
	for (size_t i = 0; i < g->n_with[k]; i++)
		text = arena_printf(a, "%s%s", i ? arena_printf(a, "%s, ", text) : "",
				    m->v[g->with[k][i]].name);
	return text;
}

const char *ns_map_ids(const char *map, struct arena *a)
{
	const char *text = "", *line = map;
	unsigned inside = 0, outside = 0, n = 0;

	while (line && sscanf(line, "%u %u %u", &inside, &outside, &n) == 3) {
		if (!inside && !outside && n == UINT32_MAX)
			return "all";
		text = arena_printf(a, "%s%s%u:%u:%u", text, *text ? ", " : "", inside, outside, n);
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	return text;
}

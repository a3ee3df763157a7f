/* SPDX-License-Identifier: Apache-2.0 */
/* The figures of a container in the shape of runc's `events --stats`. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "cgroup/figures.h"
#include "kernel/fd.h"

static int find_group(const struct figures *f, enum cgroup_controller c)
{
	for (unsigned i = 0; i < f->c->n; i++) {
		uint32_t bits = f->c->group[i].controllers;

		if (f->c->group[i].dir_fd < 0)
			continue;
		/* v2 accounts for processor time without any controller. */
		if (bits & 1U << c || (c == CG_CPU && f->c->group[i].is_v2 && f->c->n == 1))
			return (int)i;
	}
	return -1;
}

int figures_is_v2(const struct figures *f, enum cgroup_controller c)
{
	int i = find_group(f, c);

	return i < 0 ? -ENOENT : f->c->group[i].is_v2;
}

const char *figures_text(const struct figures *f, enum cgroup_controller c, const char *file)
{
	int i = find_group(f, c);
	char *text;

	if (i < 0 || file_read_at(f->c->group[i].dir_fd, file, f->arena, 4 << 20, &text, NULL) < 0)
		return NULL;
	return text;
}

uint64_t figures_number(const struct figures *f, enum cgroup_controller c, const char *file)
{
	int i = find_group(f, c);
	char text[64];
	uint64_t v;

	if (i < 0 || file_read_small(f->c->group[i].dir_fd, file, text, sizeof(text)) < 0)
		return 0;
	if (str_eq(text, "max"))
		return UINT64_MAX;
	return str_to_u64(text, &v) < 0 ? 0 : v;
}

int figures_keyed(const char *text, const char *key, uint64_t *ret)
{
	size_t n = strlen(key);

	for (const char *line = text; line && *line;) {
		const char *end = strchr(line, '\n');

		if (!strncmp(line, key, n) && line[n] == ' ') {
			*ret = strtoull(line + n + 1, NULL, 10);
			return 0;
		}
		line = end ? end + 1 : NULL;
	}
	return -ENODATA;
}

const char *figures_word(const char *at, size_t *ret_n)
{
	at += strspn(at, " \n");
	*ret_n = strcspn(at, " \n");
	return *ret_n ? at : NULL;
}

void figures_put(struct json_writer *w, const char *key, uint64_t v)
{
	if (v)
		json_put_uint(w, key, v);
}

static const struct {
	const char *key;
	void (*print)(const struct figures *f);
} parts[] = {
	{"cpu", cpu_figures},   {"cpuset", cpuset_figures}, {"memory", memory_figures},
	{"pids", pids_figures}, {"blkio", io_figures},      {"hugetlb", hugetlb_figures},
};

int cgroup_stats_print(const struct cgroup *c, struct json_writer *w, struct err *e)
{
	auto_arena struct arena a = {0};
	struct figures f = {.c = c, .w = w, .arena = &a};
	bool has_any = false;

	for (unsigned i = 0; i < c->n; i++)
		has_any = has_any || c->group[i].dir_fd >= 0;
	if (!has_any)
		return err_say(e, -ENOENT, "the container has no cgroup: there are no figures");
	json_begin_object(w);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		json_key(w, parts[i].key);
		json_begin_object(w);
		parts[i].print(&f);
		json_end_object(w);
	}
	json_key(w, "intel_rdt");
	json_begin_object(w);
	json_end_object(w);
	json_key(w, "network_interfaces");
	json_null(w);
	json_end_object(w);
	return 0;
}

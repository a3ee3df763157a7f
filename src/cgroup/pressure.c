/* SPDX-License-Identifier: Apache-2.0 */
/* Pressure stall information: how long a group had to wait for processor, memory or disk. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "cgroup/figures.h"
#include "kernel/fd.h"

static int find_field(const char *line, const char *key, const char **ret)
{
	const char *end = strchrnul(line, '\n'), *at = strstr(line, key);

	if (!at || at >= end)
		return -ENODATA;
	*ret = at + strlen(key);
	return 0;
}

int pressure_parse(const char *text, const char *kind, struct pressure_line *ret)
{
	const char *line = strstr(text, kind), *avg10, *avg60, *avg300, *total;

	if (!line || find_field(line, "avg10=", &avg10) < 0 ||
	    find_field(line, "avg60=", &avg60) < 0 || find_field(line, "avg300=", &avg300) < 0 ||
	    find_field(line, "total=", &total) < 0)
		return -ENODATA;
	ret->avg10 = strtod(avg10, NULL);
	ret->avg60 = strtod(avg60, NULL);
	ret->avg300 = strtod(avg300, NULL);
	ret->total = strtoull(total, NULL, 10);
	return 0;
}

static void put_line(struct json_writer *w, const char *key, const char *text)
{
	struct pressure_line p;

	if (pressure_parse(text, key, &p) < 0)
		return;
	json_key(w, key);
	json_begin_object(w);
	json_key(w, "avg10");
	json_double(w, p.avg10);
	json_key(w, "avg60");
	json_double(w, p.avg60);
	json_key(w, "avg300");
	json_double(w, p.avg300);
	json_put_uint(w, "total", p.total);
	json_end_object(w);
}

void pressure_figures(const struct figures *f, const char *resource)
{
	char file[32], text[512];

	snprintf(file, sizeof(file), "%s.pressure", resource);
	for (unsigned i = 0; i < f->c->n; i++) {
		if (!f->c->group[i].is_v2 || f->c->group[i].dir_fd < 0 ||
		    file_read_small(f->c->group[i].dir_fd, file, text, sizeof(text)) < 0)
			continue;
		json_key(f->w, "psi");
		json_begin_object(f->w);
		put_line(f->w, "some", text);
		put_line(f->w, "full", text);
		json_end_object(f->w);
		return;
	}
}

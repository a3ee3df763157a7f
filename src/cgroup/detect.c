/* SPDX-License-Identifier: Apache-2.0 */
/* Finds which hierarchies the machine mounts, where, and the caller's own group in each. */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "cgroup/detect.h"
#include "cgroup/limits.h"
#include "kernel/fd.h"

#ifndef CGROUP_SUPER_MAGIC
#define CGROUP_SUPER_MAGIC 0x27e0eb
#endif
#ifndef CGROUP2_SUPER_MAGIC
#define CGROUP2_SUPER_MAGIC 0x63677270
#endif

/*
 * Theory of operation
 *
 * /proc/self/cgroup lists "ID:CONTROLLERS:PATH" for each hierarchy, v2 as "0::PATH" (cgroups(7)).
 * By the convention of every distribution they are mounted on /sys/fs/cgroup itself (v2) or on
 * directories of a tmpfs there named by their controllers (v1), "unified" for v2; one statfs(2)
 * each proves it. Only where that fails is mountinfo read: on a machine with thousands of mounts
 * that costs more than the rest of a start.
 */

static const char top[] = "/sys/fs/cgroup";

static bool is_mounted(const char *path, long magic)
{
	struct statfs s;

	return statfs(path, &s) == 0 && (long)s.f_type == magic;
}

static uint32_t parse_names(const char *list, char separator, bool is_v2)
{
	uint32_t bits = 0;

	while (*list) {
		const char *end = strchrnul(list, separator);
		size_t n = (size_t)(end - list);

		for (unsigned i = 0; i < CG_CONTROLLER_COUNT; i++) {
			const char *name = is_v2 ? controller_names[i].v2 : controller_names[i].v1;

			if (name && strlen(name) == n && !memcmp(name, list, n))
				bits |= 1U << i;
		}
		list = *end ? end + 1 : end;
	}
	return bits;
}

uint32_t detect_parse_controllers(const char *list, bool is_v2)
{
	return parse_names(list, is_v2 ? ' ' : ',', is_v2);
}

/* The mount point of a hierarchy by its options, from mountinfo; NULL: not mounted. */
static const char *find_mount(const char *mountinfo, const char *controllers, struct arena *a)
{
	bool is_v2 = !*controllers;

	for (const char *line = mountinfo; line && *line;) {
		const char *end = strchrnul(line, '\n');
		char *text = arena_strndup(a, line, (size_t)(end - line));
		char *dash = strstr(text, " - "), *point, *save = NULL;
		const char *type = NULL, *options = NULL;
		unsigned i = 0;

		line = *end ? end + 1 : NULL;
		if (!dash)
			continue;
		*dash = '\0';
		for (char *word = strtok_r(dash + 3, " ", &save); word;
		     word = strtok_r(NULL, " ", &save), i++) {
			if (i == 0)
				type = word;
			if (i == 2)
				options = word;
		}
		if (!str_eq(type, is_v2 ? "cgroup2" : "cgroup") || !options)
			continue;
		if (!is_v2 &&
		    (parse_names(options, ',', false) != parse_names(controllers, ',', false)))
			continue;
		point = text;
		for (i = 0; i < 4 && point; i++) {
			point = strchr(point, ' ');
			point = point ? point + 1 : NULL;
		}
		if (!point)
			continue;
		*strchrnul(point, ' ') = '\0';
		return point;
	}
	return NULL;
}

static const char *usual_mount(const char *controllers, bool is_pure_v2, struct arena *a)
{
	const char *path;

	if (!*controllers) {
		if (is_pure_v2)
			return top;
		path = arena_printf(a, "%s/unified", top);
		return is_mounted(path, CGROUP2_SUPER_MAGIC) ? path : NULL;
	}
	path = arena_printf(a, "%s/%s", top, controllers);
	return is_mounted(path, CGROUP_SUPER_MAGIC) ? path : NULL;
}

int detect_parse_self(const char *text, struct detect_line *ret, unsigned max, struct arena *a)
{
	unsigned n = 0;

	while (*text) {
		const char *end = strchrnul(text, '\n');
		char *line = arena_strndup(a, text, (size_t)(end - text));
		char *names = strchr(line, ':'), *path = names ? strchr(names + 1, ':') : NULL;

		text = *end ? end + 1 : end;
		if (!path)
			return -EINVAL;
		*path = '\0';
		if (n == max)
			return -E2BIG;
		ret[n].controllers = names + 1;
		ret[n++].path = path + 1;
	}
	return (int)n;
}

static void add_hierarchy(struct cgroup_layout *layout, const struct detect_line *line,
			  const char *mount, struct arena *a)
{
	struct cgroup_hierarchy *h = &layout->hierarchy[layout->n];
	bool is_v2 = !*line->controllers;
	uint32_t bits;
	char text[512];

	if (is_v2) {
		const char *file = arena_printf(a, "%s/cgroup.controllers", mount);

		if (file_read_small(AT_FDCWD, file, text, sizeof(text)) < 0)
			text[0] = '\0';
		bits = detect_parse_controllers(text, true);
	} else {
		bits = detect_parse_controllers(line->controllers, false);
	}
	if (layout->n == CGROUP_HIERARCHY_MAX || (!is_v2 && !bits))
		return; /* a named hierarchy (systemd's), or a controller that we do not know */
	*h = (struct cgroup_hierarchy){
		.is_v2 = is_v2,
		.name = line->controllers,
		.mount = mount,
		/* Outside of our cgroup namespace's root the path starts with "/..": our mount
		 * shows the namespace's root, below which we have no group of our own. */
		.own = str_starts(line->path, "/..") ? "/" : line->path,
		.controllers = bits,
	};
	for (unsigned c = 0; c < CG_CONTROLLER_COUNT; c++)
		if ((bits & 1U << c) && layout->of[c] < 0)
			layout->of[c] = (int8_t)layout->n;
	layout->n++;
}

int cgroup_detect(struct arena *a, struct cgroup_layout *ret, struct err *e)
{
	struct cgroup_layout layout = {.mode = CGROUP_NONE};
	struct detect_line lines[32];
	bool is_pure_v2 = is_mounted(top, CGROUP2_SUPER_MAGIC), has_v1 = false, has_v2 = false;
	char *text, *mountinfo = NULL;
	int n, r = file_read_at(AT_FDCWD, "/proc/self/cgroup", a, 64 << 10, &text, NULL);

	memset(layout.of, -1, sizeof(layout.of));
	if (r == -ENOENT) { /* a kernel without control groups */
		*ret = layout;
		return 0;
	}
	if (r < 0)
		return err_sys(e, r, "reading /proc/self/cgroup");
	n = detect_parse_self(text, lines, sizeof(lines) / sizeof(lines[0]), a);
	if (n < 0)
		return err_say(e, n, "/proc/self/cgroup: not understood");
	for (int i = 0; i < n; i++) {
		const char *mount;

		if (str_starts(lines[i].controllers, "name=") ||
		    (is_pure_v2 && *lines[i].controllers))
			continue;
		mount = usual_mount(lines[i].controllers, is_pure_v2, a);
		/* A v2 line alone is there on every kernel, mounted or not: no reason to search. */
		if (!mount && (*lines[i].controllers || n == 1)) {
			if (!mountinfo && file_read_at(AT_FDCWD, "/proc/self/mountinfo", a,
						       64 << 20, &mountinfo, NULL) < 0)
				mountinfo = arena_strdup(a, "");
			mount = find_mount(mountinfo, lines[i].controllers, a);
		}
		if (mount)
			add_hierarchy(&layout, &lines[i], mount, a);
	}
	for (unsigned i = 0; i < layout.n; i++)
		*(layout.hierarchy[i].is_v2 ? &has_v2 : &has_v1) = true;
	layout.mode =
		has_v1 ? (has_v2 ? CGROUP_HYBRID : CGROUP_V1) : (has_v2 ? CGROUP_V2 : CGROUP_NONE);
	*ret = layout;
	return 0;
}

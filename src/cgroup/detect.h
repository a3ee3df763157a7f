/* SPDX-License-Identifier: Apache-2.0 */
/* Inside cgroup/: the parsers behind cgroup_detect, for it and for tests. */
#ifndef BERTH_CGROUP_DETECT_H
#define BERTH_CGROUP_DETECT_H

#include <stdbool.h>
#include <stdint.h>

struct arena;

struct detect_line {             /* of /proc/PID/cgroup */
	const char *controllers; /* "cpu,cpuacct", "name=systemd", "" for v2 */
	const char *path;
};

/* Returns the number of lines, -EINVAL, or -E2BIG for more than max. */
int detect_parse_self(const char *text, struct detect_line *ret, unsigned max, struct arena *a);

/* The bits of a v1 comma list or of v2's cgroup.controllers. */
uint32_t detect_parse_controllers(const char *list, bool is_v2);

#endif

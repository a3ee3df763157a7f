/* SPDX-License-Identifier: Apache-2.0 */
/* Inside cgroup/: reading a group's figures and writing them as JSON, controller by controller. */
#ifndef BERTH_CGROUP_FIGURES_H
#define BERTH_CGROUP_FIGURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"
#include "cgroup/cgroup.h"

struct figures {
	const struct cgroup *c;
	struct json_writer *w;
	struct arena *arena;
};

/* 1: the controller's group is a v2 one; 0: v1; -ENOENT: the container has none. */
int figures_is_v2(const struct figures *f, enum cgroup_controller c);

/* A whole file of the controller's group as text, or NULL. On v2 CG_CPUACCT is the one group. */
const char *figures_text(const struct figures *f, enum cgroup_controller c, const char *file);

/* One number; "max" is UINT64_MAX; 0 where there is no such file. */
uint64_t figures_number(const struct figures *f, enum cgroup_controller c, const char *file);

/* The number behind a key of a "KEY VALUE\n" list. Returns 0 or -ENODATA (*ret untouched). */
int figures_keyed(const char *text, const char *key, uint64_t *ret);

/* The next word of a text, as begin and length; NULL at the end. */
const char *figures_word(const char *at, size_t *ret_n);

/* Writes "KEY": v unless v is 0, as runc leaves zeros out. */
void figures_put(struct json_writer *w, const char *key, uint64_t v);

/* Each writes one value: the object under its key of runc's "data". */
void cpu_figures(const struct figures *f);
void cpuset_figures(const struct figures *f);
void memory_figures(const struct figures *f);
void pids_figures(const struct figures *f);
void io_figures(const struct figures *f);
void hugetlb_figures(const struct figures *f);

/* Pressure stall information of one resource ("cpu", "memory", "io"): writes "psi":{some,full} into
 * the open object where the kernel tells it. */
void pressure_figures(const struct figures *f, const char *resource);

/* One line of a pressure file: "some avg10=0.00 avg60=0.00 avg300=0.00 total=0". */
struct pressure_line {
	double avg10, avg60, avg300;
	uint64_t total; /* microseconds */
};
int pressure_parse(const char *text, const char *kind, struct pressure_line *ret);

#endif

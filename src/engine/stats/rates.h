/* SPDX-License-Identifier: Apache-2.0 */
/* From two samples to rates, and who is entitled to how much processor time: arithmetic only. */
#ifndef BERTH_ENGINE_STATS_RATES_H
#define BERTH_ENGINE_STATS_RATES_H

#include <stddef.h>

#include "engine/recorder/sample.h"

/* What happened between two samples. Percents of one processor (or of the time); the others a second. */
struct rates {
	double seconds;
	double cpu;            /* percent: 100 is one processor */
	double throttled;      /* percent of the quota's periods in which it was held back */
	double throttled_time; /* percent of the time, summed over processors */
	double read_bytes, written_bytes, reads, writes, rx_bytes, tx_bytes;
	double some[PRESSURE_COUNT], full[PRESSURE_COUNT]; /* percent of the time */
	double oom_kills;
};

/* Counters that went back count from 0. No time between them: all is 0. */
void rates_compute(const struct sample *before, const struct sample *now, struct rates *ret);
/* Adds the figures of a part to those of the whole (a pool's are its containers' together). */
void rates_add(struct rates *whole, const struct rates *part);

/* A node of the tree of groups that share the processors. */
struct share {
	int parent;      /* index; -1: below the root */
	uint64_t weight; /* cpu.weight or cpu.shares: one kind in one tree; 0 counts as 1 */
	double cap;      /* processors that its own quota allows; 0: no quota */
	bool is_busy;    /* wants processor time now (a leaf) */
	double entitled; /* result: processors */
};

/* Fills in entitled: what each node would get if it wanted all it may have, beside those that want some now.
 * The kernel's way: from the root down the time is shared out by weight among the children that want some;
 * what a quota keeps one from using goes to the others. A parent comes before its children. */
void shares_compute(struct share *v, size_t n, double processors);

#endif

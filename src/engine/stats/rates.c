/* SPDX-License-Identifier: Apache-2.0 */
/* Rates between two samples, and shares of the processors by weight and quota. */
#include "engine/stats/rates.h"

#include <stdlib.h>

static double difference(uint64_t before, uint64_t now)
{
	return now >= before ? (double)(now - before) : (double)now;
}

void rates_compute(const struct sample *before, const struct sample *now, struct rates *ret)
{
	double ns = (double)(now->time_ns - before->time_ns), s = ns / 1e9;
	double periods = difference(before->periods, now->periods);

	*ret = (struct rates){0};
	if (ns <= 0)
		return;
	ret->seconds = s;
	ret->cpu = difference(before->cpu_ns, now->cpu_ns) / ns * 100;
	if (periods > 0)
		ret->throttled = difference(before->throttled_periods, now->throttled_periods) /
				 periods * 100;
	ret->throttled_time = difference(before->throttled_ns, now->throttled_ns) / ns * 100;
	ret->read_bytes = difference(before->read_bytes, now->read_bytes) / s;
	ret->written_bytes = difference(before->written_bytes, now->written_bytes) / s;
	ret->reads = difference(before->reads, now->reads) / s;
	ret->writes = difference(before->writes, now->writes) / s;
	ret->rx_bytes = difference(before->rx_bytes, now->rx_bytes) / s;
	ret->tx_bytes = difference(before->tx_bytes, now->tx_bytes) / s;
	ret->oom_kills = difference(before->oom_kills, now->oom_kills) / s;
	for (size_t i = 0; i < PRESSURE_COUNT; i++) {
		const struct sample_pressure *a = &before->pressure[i], *b = &now->pressure[i];

		ret->some[i] = difference(a->some_us, b->some_us) * 1000 / ns * 100;
		ret->full[i] = difference(a->full_us, b->full_us) * 1000 / ns * 100;
	}
}

void rates_add(struct rates *whole, const struct rates *part)
{
	if (part->seconds > whole->seconds)
		whole->seconds = part->seconds;
	whole->cpu += part->cpu;
	whole->read_bytes += part->read_bytes;
	whole->written_bytes += part->written_bytes;
	whole->reads += part->reads;
	whole->writes += part->writes;
	whole->rx_bytes += part->rx_bytes;
	whole->tx_bytes += part->tx_bytes;
	whole->oom_kills += part->oom_kills;
}

/* ---- shares -------------------------------------------------------------------------------------- */

enum { NONE = -1 };

/* The tree with its links; index n is the root. */
struct node {
	int first_child, next, busy_leaves;
	double cap;   /* what it can use with its busy leaves, 0: no end */
	double level; /* processors a unit of weight that its busy children get; < 0: not known */
};

struct tree {
	struct share *v;
	struct node *nodes;
};

static double weight_of(const struct share *s)
{
	return s->weight ? (double)s->weight : 1;
}

static double smaller_cap(double a, double b)
{
	return a <= 0 ? b : b <= 0 ? a : a < b ? a : b;
}

/* Shares capacity out among the children of parent that are busy, and `also` (NONE: nobody else), which wants
 * as much as it can get. Returns the processors that a unit of weight is worth. */
static double fill(const struct tree *t, int parent, double capacity, int also)
{
	double level = -1;

	/* Each round takes out those whose quota is too small for their share; then the others get more. */
	for (;;) {
		double left = capacity, weights = 0, next;

		for (int c = t->nodes[parent].first_child; c != NONE; c = t->nodes[c].next) {
			double cap = c == also ? t->v[c].cap : t->nodes[c].cap;

			if (!t->nodes[c].busy_leaves && c != also)
				continue;
			if (cap > 0 && level >= 0 && cap <= weight_of(&t->v[c]) * level)
				left -= cap;
			else
				weights += weight_of(&t->v[c]);
		}
		next = weights > 0 && left > 0 ? left / weights : 0;
		if (weights <= 0 || next <= level * (1 + 1e-9))
			return level > next ? level : next;
		level = next;
	}
}

static void link_nodes(struct tree *t, int n)
{
	for (int i = 0; i <= n; i++)
		t->nodes[i] = (struct node){.first_child = NONE, .next = NONE, .level = -1};
	for (int i = n - 1; i >= 0; i--) {
		int parent = t->v[i].parent < 0 ? n : t->v[i].parent;

		t->nodes[i].next = t->nodes[parent].first_child;
		t->nodes[parent].first_child = i;
	}
}

/* From the leaves up: how many are busy below, and how much they can use at most. */
static void sum_up(struct tree *t, int n)
{
	for (int i = n - 1; i >= 0; i--) {
		struct node *node = &t->nodes[i];
		double sum = 0;
		bool is_endless = node->first_child == NONE || t->v[i].is_busy;

		node->busy_leaves += t->v[i].is_busy;
		for (int c = node->first_child; c != NONE; c = t->nodes[c].next) {
			node->busy_leaves += t->nodes[c].busy_leaves;
			sum += t->nodes[c].cap;
			is_endless |= t->nodes[c].busy_leaves && t->nodes[c].cap <= 0;
			if (!t->nodes[c].busy_leaves)
				sum -= t->nodes[c].cap;
		}
		node->cap = smaller_cap(t->v[i].cap, is_endless ? 0 : sum);
	}
}

/* From the root down. */
static void share_out(struct tree *t, int n, double processors)
{
	for (int i = 0; i < n; i++) {
		int parent = t->v[i].parent < 0 ? n : t->v[i].parent;
		double capacity = parent == n ? processors : t->v[parent].entitled, level;

		/* Whose cap is its own quota gains nothing by wanting more: the busy share one level. */
		if (t->nodes[i].busy_leaves && t->nodes[i].cap == t->v[i].cap) {
			if (t->nodes[parent].level < 0)
				t->nodes[parent].level = fill(t, parent, capacity, NONE);
			level = t->nodes[parent].level;
		} else {
			level = fill(t, parent, capacity, i);
		}
		t->v[i].entitled = smaller_cap(weight_of(&t->v[i]) * level, t->v[i].cap);
		if (t->v[i].entitled > capacity)
			t->v[i].entitled = capacity;
	}
}

void shares_compute(struct share *v, size_t n, double processors)
{
	struct tree t = {.v = v, .nodes = calloc(n + 1, sizeof(struct node))};

	for (size_t i = 0; i < n; i++)
		v[i].entitled = 0;
	if (!t.nodes)
		return;
	link_nodes(&t, (int)n);
	sum_up(&t, (int)n);
	share_out(&t, (int)n, processors);
	free(t.nodes);
}

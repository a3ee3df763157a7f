/* SPDX-License-Identifier: Apache-2.0 */
/* The options that set limits, for containers and for pools, and requests as lists of such words. */
#include "engine/limits/options.h"

#include "base/arena.h"
#include "base/err.h"
#include "engine/container/spec_parts.h"

const struct opt limit_options_pool[] = {
	LIMIT_ROWS_POOL,
	{0},
};

const struct opt limit_options_container[] = {
	LIMIT_ROWS_CONTAINER,
	{0},
};

static const char *string_at(const struct opt *o, const struct container_request *q)
{
	return *(const char *const *)(const void *)((const char *)q + o->offset);
}

static const struct str_slice *list_at(const struct opt *o, const struct container_request *q)
{
	return (const void *)((const char *)q + o->offset);
}

static bool is_given(const struct opt *o, const struct container_request *q)
{
	return o->kind == OPT_STRING ? string_at(o, q) != NULL : list_at(o, q)->n > 0;
}

void limit_words(const struct opt *table, const struct container_request *q, struct arena *a,
		 struct str_slice *ret)
{
	for (const struct opt *o = table; o->name; o++) {
		if (o->is_hidden || !is_given(o, q))
			continue;
		if (o->kind == OPT_STRING)
			strings_add(ret, arena_printf(a, "--%s=%s", o->name, string_at(o, q)), a);
		for (size_t i = 0; o->kind == OPT_LIST && i < list_at(o, q)->n; i++)
			strings_add(ret, arena_printf(a, "--%s=%s", o->name, list_at(o, q)->v[i]),
				    a);
	}
}

int limit_words_read(const struct opt *table, const struct str_slice *words, struct arena *a,
		     struct container_request *ret, struct err *e)
{
	struct container_request q = {0};
	struct str_slice rest = {0};
	int r = opt_parse(table, (int)words->n, (char **)words->v, false, a, &q, &rest, e);

	if (r == 0)
		*ret = q;
	return r < 0 ? r : 0;
}

void limit_merge(const struct opt *table, const struct container_request *q,
		 struct container_request *to)
{
	for (const struct opt *o = table; o->name; o++) {
		void *place = (char *)to + o->offset;

		if (!is_given(o, q))
			continue;
		if (o->kind == OPT_STRING)
			*(const char **)place = string_at(o, q);
		else
			*(struct str_slice *)place = *list_at(o, q);
	}
	if (q->cpus)
		to->cpu_quota = to->cpu_period = NULL;
	else if (q->cpu_quota || q->cpu_period)
		to->cpus = NULL;
	if (q->cpu_weight)
		to->cpu_shares = NULL;
	else if (q->cpu_shares)
		to->cpu_weight = NULL;
}

bool limit_is_empty(const struct opt *table, const struct container_request *q)
{
	for (const struct opt *o = table; o->name; o++)
		if (is_given(o, q))
			return false;
	return true;
}

const char *limit_outside(const struct opt *all, const struct opt *table,
			  const struct container_request *q)
{
	for (const struct opt *o = all; o->name; o++) {
		const struct opt *found = table;

		while (found->name && found->offset != o->offset)
			found++;
		if (is_given(o, q) && !found->name)
			return o->name;
	}
	return NULL;
}

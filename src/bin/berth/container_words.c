/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands that show containers have in common. */
#include "bin/berth/container_words.h"

#include <string.h>

#include "base/auto.h"
#include "base/str.h"
#include "view/view.h"

const char *container_time_text(int64_t ns, struct arena *a)
{
	return ns ? runtime_time_text(ns, a) : "0001-01-01T00:00:00Z";
}

const char *container_command_text(const struct record *r, struct arena *a)
{
	const struct str_slice *parts[] = {&r->entrypoint, &r->command};
	size_t size = 1, n = 0;
	char *text;

	for (size_t k = 0; k < ARRAY_LEN(parts); k++)
		for (size_t i = 0; i < parts[k]->n; i++)
			size += strlen(parts[k]->v[i]) + 1;
	text = arena_alloc(a, size);
	for (size_t k = 0; k < ARRAY_LEN(parts); k++)
		for (size_t i = 0; i < parts[k]->n; i++) {
			size_t length = strlen(parts[k]->v[i]);

			if (n)
				text[n++] = ' ';
			memcpy(text + n, parts[k]->v[i], length);
			n += length;
		}
	return text;
}

static const char *health_text(const struct status *s, struct arena *a)
{
	if (!s->health || !*s->health)
		return "";
	if (str_eq(s->health, "starting"))
		return " (health: starting)";
	return arena_printf(a, " (%s)", s->health);
}

const char *container_status_text(const struct container_info *c, int64_t now_ns, struct arena *a)
{
	const struct status *s = &c->status;
	const char *since = view_duration(now_ns - s->started_ns, a);

	switch (s->state) {
	case CONTAINER_CREATED:
		return "Created";
	case CONTAINER_RUNNING:
		return arena_printf(a, "Up %s%s", since, health_text(s, a));
	case CONTAINER_PAUSED:
		return arena_printf(a, "Up %s (Paused)", since);
	case CONTAINER_RESTARTING:
		return arena_printf(a, "Restarting (%lld) %s", (long long)s->exit_code,
				    view_ago(s->finished_ns, now_ns, a));
	case CONTAINER_EXITED:
		return arena_printf(a, "Exited (%lld) %s", (long long)s->exit_code,
				    view_ago(s->finished_ns, now_ns, a));
	case CONTAINER_DEAD:
		return "Dead";
	}
	return "";
}

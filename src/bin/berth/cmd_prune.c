/* SPDX-License-Identifier: Apache-2.0 */
/* berth container prune and berth system prune: what nobody needs any more. */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "base/auto.h"
#include "base/str.h"
#include "bin/berth/command.h"
#include "bin/berth/time_option.h"
#include "engine/container/container.h"
#include "engine/container/spec_parts.h"
#include "engine/image/image.h"
#include "engine/volume/volume.h"
#include "kernel/tree.h"
#include "view/view.h"

struct options {
	bool force, all, volumes;
	struct str_slice filter;
};

#define VALUE(member) offsetof(struct options, member)
#define FORCE                                                                   \
	{                                                                       \
		"force", 'f', OPT_FLAG, VALUE(force), NULL, "do not ask", false \
	}
#define FILTER                                                              \
	{                                                                   \
		"filter", 0, OPT_LIST, VALUE(filter), "KEY=VALUE",          \
			"containers: until=TIME, label=NAME[=VALUE]", false \
	}

static const struct opt container_options[] = {FORCE, FILTER, {0}};
static const struct opt system_options[] = {
	{"all", 'a', OPT_FLAG, VALUE(all), NULL, "all images that no container uses", false},
	{"volumes", 0, OPT_FLAG, VALUE(volumes), NULL, "volumes without a name, too", false},
	FORCE,
	FILTER,
	{0},
};

/* ---- containers ---------------------------------------------------------------------------------- */

struct matching {
	const struct container_info *c;
	struct arena *a;
};

static int match(void *arg, const char *key, const char *value, struct err *e)
{
	const struct matching *m = arg;
	size_t n = strcspn(value, "=");
	const char *has;
	int64_t until = 0;
	int r;

	if (str_eq(key, "label")) {
		has = pairs_get(&m->c->record.labels, arena_strndup(m->a, value, n));
		return has && (!value[n] || str_eq(has, value + n + 1));
	}
	if (!str_eq(key, "until"))
		return err_say(e, -EINVAL, "invalid filter '%s': want until or label", key);
	r = time_option_read(value, "filter until", &until, e);
	return r < 0 ? r : m->c->record.created_ns < until;
}

static int prune_containers(const struct invocation *in, int64_t *bytes, struct err *e)
{
	const struct options *o = in->values;
	struct container_info *list;
	bool is_told = false;
	size_t n;
	int r = container_repair_all(&in->engine, e);

	if (r < 0)
		return r;
	r = container_list(&in->engine, false, in->arena, &list, &n, e);

	for (size_t i = 0; r >= 0 && i < n; i++) {
		struct matching m = {&list[i], in->arena};
		struct err why = {0};
		int64_t size = 0;

		if (list[i].is_broken || list[i].status.state == CONTAINER_RUNNING ||
		    list[i].status.state == CONTAINER_PAUSED ||
		    list[i].status.state == CONTAINER_RESTARTING)
			continue;
		r = view_filter(&o->filter, match, &m, e);
		if (r <= 0)
			continue;
		tree_size_at(in->engine.data_fd,
			     arena_printf(in->arena, "containers/%s", list[i].record.id), &size,
			     NULL);
		if (container_remove(&in->engine, &list[i], false, false, &why) < 0) {
			complain(&why);
			continue;
		}
		*bytes += size;
		r = is_told ? 0 : print_line("Deleted Containers:", e);
		if (r == 0)
			r = print_line(list[i].record.id, e);
		is_told = true;
	}
	return r < 0 ? r : is_told ? print_line("", e) : 0;
}

static int print_sum(const struct invocation *in, int64_t bytes, struct err *e)
{
	return print_line(
		arena_printf(in->arena, "Total reclaimed space: %s", view_size(bytes, in->arena)),
		e);
}

static int container_prune_main(const struct invocation *in, int *ret_code, struct err *e)
{
	const struct options *o = in->values;
	int64_t bytes = 0;
	int r = 1;

	(void)ret_code;
	if (!o->force)
		r = confirm("This will remove all stopped containers.", e);
	if (r <= 0)
		return r;
	r = prune_containers(in, &bytes, e);
	return r < 0 ? r : print_sum(in, bytes, e);
}

const struct command cmd_container_prune = {
	.name = "container prune",
	.usage = "",
	.help = "Remove all stopped containers",
	.group = "containers",
	.options = container_options,
	.values_size = sizeof(struct options),
	.enters = true,
	.main = container_prune_main,
};

/* ---- everything ---------------------------------------------------------------------------------- */

static int print_lines(const char *head, const struct str_slice *lines, struct err *e)
{
	int r = lines->n ? print_line(head, e) : 0;

	for (size_t i = 0; r == 0 && i < lines->n; i++)
		r = print_line(lines->v[i], e);
	return r == 0 && lines->n ? print_line("", e) : r;
}

static int system_prune_main(const struct invocation *in, int *ret_code, struct err *e)
{
	const struct options *o = in->values;
	struct str_slice lines = {0};
	int64_t bytes = 0, more = 0;
	int r = 1;

	(void)ret_code;
	/* Only containers can be filtered: what the filter was to spare must not go with the rest. */
	if (o->filter.n && (o->all || o->volumes))
		return err_say(e, -EINVAL,
			       "--filter chooses among containers: not together with %s",
			       o->all ? "--all" : "--volumes");
	if (!o->force)
		r = confirm(o->all ? "This will remove all stopped containers, and all images "
				     "without at least one container associated to them."
				   : "This will remove all stopped containers, and all dangling "
				     "images.",
			    e);
	if (r <= 0)
		return r;
	r = prune_containers(in, &bytes, e);
	if (r == 0 && o->volumes) {
		r = volume_prune(&in->engine, false, in->arena, &lines, &more, e);
		bytes += more;
		if (r == 0)
			r = print_lines("Deleted Volumes:", &lines, e);
	}
	lines = (struct str_slice){0};
	more = 0;
	if (r == 0 && !o->filter.n)
		r = image_prune(&in->engine, o->all, in->arena, &lines, &more, e);
	if (r == 0)
		r = print_lines("Deleted Images:", &lines, e);
	return r < 0 ? r : print_sum(in, bytes + more, e);
}

const struct command cmd_system_prune = {
	.name = "system prune",
	.usage = "",
	.help = "Remove what nobody needs any more",
	.group = "system",
	.options = system_options,
	.values_size = sizeof(struct options),
	.enters = true,
	.main = system_prune_main,
};

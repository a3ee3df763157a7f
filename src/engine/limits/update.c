/* SPDX-License-Identifier: Apache-2.0 */
/* Limits of containers and pools changed together: all or none. */
#include "engine/limits/update.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "cgroup/figures.h"
#include "engine/container/attach.h"
#include "engine/container/spec_parts.h"
#include "engine/event.h"
#include "engine/limits/options.h"
#include "engine/limits/target.h"
#include "engine/network/network.h"
#include "kernel/fd.h"

struct update {
	const struct engine *g;
	const struct limit_request *q;
	struct arena *a;
	struct target *targets;
	size_t n;
};

/* ---- what would be written ----------------------------------------------------------------------- */

/* Of a file with a line for each device the line in question; of any other the whole. */
static const char *old_text(const struct cgroup_change *c, struct arena *a)
{
	size_t key = strcspn(c->value, " ");
	const char *line = c->old;

	if (!c->old)
		return "";
	if (c->value[key] && memchr(c->value, ':', key)) {
		for (; line && strncmp(line, c->value, key) != 0; line = strchr(line, '\n'))
			line += *line == '\n';
		return line ? arena_strndup(a, line, strcspn(line, "\n")) : "";
	}
	return arena_strndup(a, line, strcspn(line, "\n"));
}

static int list_group(struct update *u, const struct target *t, struct limit_changes *to,
		      struct err *e)
{
	struct cgroup_change *v = NULL;
	size_t n = 0;
	int r = cgroup_update_plan(&t->group, &t->fresh, u->a, &v, &n, e);

	for (size_t i = 0; r == 0 && i < n; i++)
		LIST_ADD(to, u->a) = (struct limit_change){
			.who = t->who,
			.file = arena_printf(u->a, "%s%s/%s", v[i].mount, v[i].path, v[i].file),
			.old = old_text(&v[i], u->a),
			.value = v[i].value};
	return r < 0 && e ? err_within(e, "%s", t->who) : r;
}

/* Without groups it is the options that change. */
static void list_options(struct update *u, const struct target *t, struct limit_changes *to)
{
	struct str_slice fresh = {0}, before = {0};

	limit_words(t->options, u->q->limits, u->a, &fresh);
	limit_words(t->options, &t->before, u->a, &before);
	for (size_t i = 0; i < fresh.n; i++) {
		size_t key = strcspn(fresh.v[i], "=");
		const char *old = "";

		for (size_t k = 0; k < before.n; k++)
			if (strncmp(before.v[k], fresh.v[i], key + 1) == 0)
				old = before.v[k] + key + 1;
		LIST_ADD(to, u->a) = (struct limit_change){
			.who = t->who,
			.file = arena_printf(u->a, "%.*s (%s)", (int)key, fresh.v[i],
					     t->is_pool ? "next use" : "next start"),
			.old = old,
			.value = fresh.v[i] + key + 1};
	}
}

/* ---- what would kill ----------------------------------------------------------------------------- */

static uint64_t keyed(const char *text, const char *key)
{
	uint64_t v = 0;

	if (text)
		(void)figures_keyed(text, key, &v);
	return v;
}

/* Bytes of the group that no reclaim gives back: all but clean-able file pages and such slabs. Swap does not count. */
static uint64_t bytes_fixed(const struct target *t, struct arena *a)
{
	struct figures f = {.c = &t->group, .arena = a};
	bool is_v2 = figures_is_v2(&f, CG_MEMORY) == 1;
	const char *stat = figures_text(&f, CG_MEMORY, "memory.stat");
	uint64_t used =
		figures_number(&f, CG_MEMORY, is_v2 ? "memory.current" : "memory.usage_in_bytes");
	uint64_t file = keyed(stat, is_v2 ? "file" : "total_cache");
	uint64_t shared = keyed(stat, is_v2 ? "shmem" : "total_shmem");
	uint64_t slab = is_v2 ? keyed(stat, "slab_reclaimable") : 0;
	uint64_t free_able = (file > shared ? file - shared : 0) + slab;

	return used > free_able ? used - free_able : 0;
}

static int check_memory(struct update *u, const struct target *t, struct err *e)
{
	const struct maybe_i64 *limit = &t->fresh.memory.limit;
	uint64_t fixed;

	if (u->q->is_forced || !u->q->limits->memory || !t->has_group || !limit->is_set ||
	    limit->value <= 0)
		return 0;
	fixed = bytes_fixed(t, u->a);
	if (fixed <= (uint64_t)limit->value)
		return 0;
	return err_say(
		e, -EBUSY,
		"%s: --memory %s: %llu KiB of what it uses cannot be given back, so the kernel "
		"would kill a process of it (out of memory): give it more, or use --force",
		t->who, u->q->limits->memory, (unsigned long long)fixed / 1024);
}

/* ---- files --------------------------------------------------------------------------------------- */

static const char *draft_name(const struct target_file *f, char *buf, size_t size)
{
	snprintf(buf, size, ".%s.new", f->name);
	return buf;
}

static int write_drafts(struct target *t, struct err *e)
{
	for (size_t i = 0; i < t->n_files; i++) {
		struct target_file *f = &t->files[i];
		char name[300];
		int r = file_replace_at(t->dir_fd, draft_name(f, name, sizeof(name)), f->text, f->n,
					0600);

		if (r < 0)
			return err_sys(e, r, "%s: write %s", t->who, f->name);
		f->is_written = true;
	}
	return 0;
}

static int place_files(struct target *t, struct err *e)
{
	for (size_t i = 0; i < t->n_files; i++) {
		struct target_file *f = &t->files[i];
		char name[300];

		if (renameat(t->dir_fd, draft_name(f, name, sizeof(name)), t->dir_fd, f->name) < 0)
			return err_sys(e, -errno, "%s: put %s in its place", t->who, f->name);
		f->is_placed = true;
	}
	return 0;
}

static void take_back_files(struct target *t)
{
	for (size_t i = 0; i < t->n_files; i++) {
		struct target_file *f = &t->files[i];
		char name[300];

		if (f->is_placed)
			(void)file_replace_at(t->dir_fd, f->name, f->old, f->old_n, 0600);
		else if (f->is_written)
			(void)unlinkat(t->dir_fd, draft_name(f, name, sizeof(name)), 0);
	}
}

/* ---- all of them --------------------------------------------------------------------------------- */

static int plan_all(struct update *u, struct err *e)
{
	const struct limit_request *q = u->q;
	int r = 0;

	for (size_t i = 0; r == 0 && i < q->containers->n; i++)
		r = target_plan_container(u->g, q->containers->v[i], q->limits, u->a,
					  &u->targets[u->n++], e);
	for (size_t i = 0; r == 0 && i < q->pools->n; i++)
		r = target_plan_pool(u->g, q->pools->v[i], q->limits, u->a, &u->targets[u->n++], e);
	return r;
}

static int list_all(struct update *u, struct limit_changes *to, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < u->n; i++) {
		struct target *t = &u->targets[i];

		if (t->has_group)
			r = list_group(u, t, to, e);
		else
			list_options(u, t, to);
		if (r == 0)
			r = check_memory(u, t, e);
	}
	return r;
}

/* New ones, or those from before (no limit, where there were none). */
static int set_rates(struct update *u, const struct target *t, bool is_back, struct err *e)
{
	const struct container_request *q = u->q->limits;
	const struct record *old = &t->container.record;
	const char *in = q->net_rate_in, *out = q->net_rate_out;

	if (t->is_pool || (!in && !out))
		return 0;
	if (is_back) {
		in = old->net_rate_in ? old->net_rate_in : "0";
		out = old->net_rate_out ? old->net_rate_out : "0";
	}
	return network_set_rates(u->g, old->id, in, out, e);
}

static int change_all(struct update *u, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < u->n; i++)
		r = write_drafts(&u->targets[i], e);
	for (size_t i = 0; r == 0 && i < u->n; i++) {
		struct target *t = &u->targets[i];

		if (!t->has_group)
			continue;
		r = cgroup_update_undoable(&t->group, &t->fresh, u->a, &t->undo, e);
		t->is_applied = r == 0;
		if (r < 0 && e)
			err_within(e, "%s", t->who);
	}
	for (size_t i = 0; r == 0 && i < u->n; i++)
		r = set_rates(u, &u->targets[i], false, e);
	for (size_t i = 0; r == 0 && i < u->n; i++)
		r = place_files(&u->targets[i], e);
	if (r == 0)
		return 0;
	for (size_t i = u->n; i-- > 0;) {
		struct target *t = &u->targets[i];

		if (t->is_applied)
			cgroup_undo(&t->group, &t->undo);
		set_rates(u, t, true, NULL);
		take_back_files(t);
	}
	return r;
}

static void tell_monitor(const struct engine *g, const char *id)
{
	bool has_tty = false;
	auto_close int socket = attach_connect(g, id, 0, &has_tty, NULL);

	if (socket >= 0)
		attach_send(socket, ATTACH_RELOAD, 0, NULL, 0);
}

static void tell(struct update *u, const struct target *t)
{
	struct str_slice words = {0};
	struct oci_pairs attributes = {0};

	limit_words(t->options, u->q->limits, u->a, &words);
	for (size_t i = 0; i < words.n; i++) {
		size_t key = strcspn(words.v[i], "=");

		pairs_set(&attributes, arena_strndup(u->a, words.v[i] + 2, key - 2),
			  words.v[i] + key + 1, u->a);
	}
	if (!t->is_pool)
		tell_monitor(u->g, t->container.record.id);
	event_emit(u->g, t->is_pool ? "pool" : "container", "update",
		   t->is_pool ? t->pool.name : t->container.record.id,
		   t->is_pool ? t->pool.name : t->container.record.name, &attributes);
}

int limits_update(const struct engine *g, const struct limit_request *q, struct arena *a,
		  struct limit_changes *ret, struct err *e)
{
	auto_close int lock = pool_lock(g, true, e);
	struct update u = {.g = g, .q = q, .a = a};
	struct limit_changes changes = {0};
	int r;

	if (lock < 0)
		return lock;
	u.targets = arena_array(a, q->containers->n + q->pools->n + 1, sizeof(*u.targets));
	r = plan_all(&u, e);
	if (r == 0)
		r = list_all(&u, &changes, e);
	if (r == 0 && !q->is_dry)
		r = change_all(&u, e);
	for (size_t i = 0; i < u.n; i++) {
		if (r == 0 && !q->is_dry)
			tell(&u, &u.targets[i]);
		target_close(&u.targets[i]);
	}
	if (r == 0)
		*ret = changes;
	return r;
}

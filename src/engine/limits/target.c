/* SPDX-License-Identifier: Apache-2.0 */
/* One container or pool of an update: its new request, files and resources, and its groups. */
#include "engine/limits/target.h"

#include <fcntl.h>
#include <string.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "engine/container/spec_parts.h"
#include "engine/limits/options.h"
#include "engine/network/rate.h"
#include "kernel/fd.h"
#include "oci/decode.h"
#include "oci/encode.h"

enum { FILE_MAX = 4 << 20 };

/* Remembers what the file holds and what it is to hold. */
static int add_file(struct target *t, const char *name, const struct json_writer *w,
		    struct arena *a, struct err *e)
{
	struct target_file *f = &t->files[t->n_files++];
	char *old = NULL;
	size_t n = 0;
	int r = file_read_at(t->dir_fd, name, a, FILE_MAX, &old, &n);

	if (r < 0)
		return err_sys(e, r, "%s: read %s", t->who, name);
	*f = (struct target_file){.name = name,
				  .old = old,
				  .old_n = n,
				  .text = arena_strndup(a, w->buf, w->len),
				  .n = w->len};
	return 0;
}

/* ---- containers ---------------------------------------------------------------------------------- */

static int set_restart(const struct container_request *q, struct record *r, struct arena *a,
		       struct err *e)
{
	static const char *const policies[] = {"no", "always", "unless-stopped", "on-failure"};
	const char *text = q->restart;
	size_t n = strcspn(text, ":");
	const char *name = arena_strndup(a, text, n);
	uint32_t max = 0;

	if (str_index(name, policies, ARRAY_LEN(policies)) < 0 ||
	    (text[n] && (!str_eq(name, "on-failure") || str_to_u32(text + n + 1, &max) < 0)))
		return err_say(e, -EINVAL,
			       "--restart %s: want no, always, unless-stopped or "
			       "on-failure[:NUMBER]",
			       text);
	if (r->removes_itself && !str_eq(name, "no"))
		return err_say(e, -EINVAL,
			       "--restart %s: container %s is removed at its end (--rm)", text,
			       r->name);
	r->restart = name;
	r->restart_max = max;
	return 0;
}

/* The kept specification must not say the weight in both of its ways. */
static void drop_other_weight(const struct container_request *q, struct oci_resources *r)
{
	struct oci_pairs *u = &r->unified;
	size_t n = 0;

	if (q->cpu_weight && pairs_get(u, "cpu.weight"))
		r->cpu.shares = (struct maybe_u64){0};
	if (!q->cpu_shares)
		return;
	for (size_t i = 0; i < u->n; i++)
		if (!str_eq(u->v[i].key, "cpu.weight"))
			u->v[n++] = u->v[i];
	u->n = n;
}

static int plan_resources(const struct container_request *q, struct oci_spec *spec, struct arena *a,
			  struct oci_resources *fresh, struct err *e)
{
	/* All of them together must make sense, and only the new ones are written. */
	int r = request_limits(q, a, &spec->linux_.resources, e);

	if (r < 0)
		return r;
	drop_other_weight(q, &spec->linux_.resources);
	fresh->memory = spec->linux_.resources.memory;
	r = request_limits(q, a, fresh, e);
	if (r == 0 && !q->memory && !q->memory_swap && !q->memory_reservation)
		fresh->memory = (struct oci_memory){0};
	return r;
}

static int open_groups(const struct engine *g, struct target *t, struct arena *a, struct err *e)
{
	struct container running = {0};
	int r;

	if (t->container.status.pid <= 0)
		return 0;
	r = runtime_load(&g->runtime, t->container.record.id, a, &running, e);
	if (r == 0)
		r = cgroup_open(&running.cgroup, &t->group, e);
	t->has_group = r == 0;
	return r;
}

static int set_rates(const struct container_request *q, struct record *r, struct err *e)
{
	const char *option = q->net_rate_in ? "--net-rate-in" : "--net-rate-out";
	struct rate rate = {0};
	int rc = 0;

	if (!q->net_rate_in && !q->net_rate_out)
		return 0;
	if (!r->networks.n)
		return err_say(e, -EINVAL, "%s: container %s is in no network", option, r->name);
	if (q->net_rate_in)
		rc = rate_parse("--net-rate-in", r->net_rate_in = q->net_rate_in, &rate, e);
	if (rc == 0 && q->net_rate_out)
		rc = rate_parse("--net-rate-out", r->net_rate_out = q->net_rate_out, &rate, e);
	return rc;
}

static int plan_files(struct target *t, const struct container_request *q, struct oci_spec *spec,
		      struct arena *a, struct err *e)
{
	auto_json_writer struct json_writer config = {0}, record = {0}, request = {0};
	struct record fresh = t->container.record;
	struct container_request merged = t->before;
	int r = q->restart ? set_restart(q, &fresh, a, e) : 0;

	if (r < 0 || (r = set_rates(q, &fresh, e)) < 0)
		return r;
	limit_merge(t->options, q, &merged);
	request_print(&merged, &request);
	fresh.request = arena_strdup(a, request.buf);
	oci_spec_print(spec, &config);
	record_print(&fresh, &record);
	r = add_file(t, "config.json", &config, a, e);
	return r < 0 ? r : add_file(t, "record.json", &record, a, e);
}

int target_plan_container(const struct engine *g, const char *name,
			  const struct container_request *q, struct arena *a, struct target *t,
			  struct err *e)
{
	struct oci_spec spec = {0};
	const char *request;
	char *text = NULL;
	size_t n = 0;
	int r;

	*t = (struct target){.options = limit_options_container, .dir_fd = -EBADF};
	r = container_find(g, name, a, &t->container, e);
	if (r < 0)
		return r;
	t->who = arena_printf(a, "container %s", t->container.record.name);
	request = t->container.record.request;
	t->dir_fd = record_open(g, t->container.record.id, e);
	if (t->dir_fd < 0)
		return t->dir_fd;
	r = file_read_at(t->dir_fd, "config.json", a, FILE_MAX, &text, &n);
	if (r < 0)
		return err_sys(e, r, "%s: read config.json", t->who);
	if ((r = oci_decode_spec(text, n, a, &spec, e)) < 0 ||
	    (r = request_decode(request, strlen(request), a, &t->before, e)) < 0 ||
	    (r = plan_resources(q, &spec, a, &t->fresh, e)) < 0 ||
	    (r = plan_files(t, q, &spec, a, e)) < 0)
		return r;
	return open_groups(g, t, a, e);
}

/* ---- pools --------------------------------------------------------------------------------------- */

static int open_pool_groups(const struct engine *g, struct target *t, struct arena *a,
			    struct err *e)
{
	struct cgroup_layout layout = {0};
	struct cgroup_saved saved = {0};
	const char *path = NULL;
	int r = cgroup_detect(a, &layout, e);

	if (r == 0)
		r = pool_path(g, &t->pool, a, &path, e);
	if (r < 0)
		return r;
	saved.v = arena_array(a, layout.n + 1, sizeof(*saved.v));
	for (unsigned i = 0; i < layout.n; i++) {
		saved.v[saved.n].v2 = layout.hierarchy[i].is_v2;
		saved.v[saved.n].controllers = layout.hierarchy[i].controllers;
		saved.v[saved.n].mount = layout.hierarchy[i].mount;
		saved.v[saved.n++].path = path;
	}
	r = cgroup_open(&saved, &t->group, e);
	for (unsigned i = 0; r == 0 && i < t->group.n; i++)
		t->has_group |= t->group.group[i].dir_fd >= 0;
	return r;
}

int target_plan_pool(const struct engine *g, const char *name, const struct container_request *q,
		     struct arena *a, struct target *t, struct err *e)
{
	auto_json_writer struct json_writer w = {0};
	struct container_request merged;
	struct oci_resources all = {0};
	struct pool fresh;
	int r;

	*t = (struct target){.is_pool = true, .options = limit_options_pool, .dir_fd = -EBADF};
	t->who = arena_printf(a, "pool %s", name);
	if ((r = pool_find(g, name, a, &t->pool, e)) < 0 ||
	    (r = limit_words_read(limit_options_pool, &t->pool.limits, a, &t->before, e)) < 0)
		return r;
	t->dir_fd = openat(g->data_fd, "pools", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (t->dir_fd < 0)
		return err_sys(e, -errno, "open %s/pools", g->data);
	merged = t->before;
	limit_merge(limit_options_pool, q, &merged);
	/* The whole must make sense, and only what is new is written. */
	if ((r = pool_resources(&merged, a, &all, e)) < 0 ||
	    (r = pool_resources(q, a, &t->fresh, e)) < 0)
		return r;
	fresh = t->pool;
	fresh.limits = (struct str_slice){0};
	limit_words(limit_options_pool, &merged, a, &fresh.limits);
	pool_print(&fresh, &w);
	r = add_file(t, pool_file(&fresh, a), &w, a, e);
	return r < 0 ? r : open_pool_groups(g, t, a, e);
}

void target_close(struct target *t)
{
	auto_close_fn(&t->dir_fd);
	cgroup_close(&t->group);
}

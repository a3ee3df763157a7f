/* SPDX-License-Identifier: Apache-2.0 */
/* Looking at all containers: lists, recorders, and where need be the kernel's files. */
#include "engine/stats/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <time.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "engine/recorder/sampler.h"
#include "engine/stats/pools.h"
#include "kernel/fd.h"

enum { LIST_SECONDS = 10, STALE_SECONDS = 3, POINTS_APART_MS = 200 };
#define SECOND_NS 1000000000LL

struct watched { /* one container's recorder */
	int fd;
};

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * SECOND_NS + now.tv_nsec;
}

/* ---- the list ------------------------------------------------------------------------------------ */

void watcher_open(struct watcher *w, const struct engine *g, unsigned flags)
{
	*w = (struct watcher){.engine = g, .flags = flags};
}

static void forget_list(struct watcher *w)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->watched[i].fd >= 0)
			close(w->watched[i].fd);
	w->n = 0;
	arena_free(&w->arena);
	w->arena = (struct arena){0};
}

void watcher_close(struct watcher *w)
{
	forget_list(w);
}

/* Changes with every event; 0: there are none. */
static uint64_t events_mark(const struct engine *g)
{
	struct stat st;

	if (fstatat(g->run_fd, "events.jsonl", &st, 0) < 0)
		return 0;
	return (uint64_t)st.st_size ^ (uint64_t)st.st_ino << 32;
}

static int list_anew(struct watcher *w, struct err *e)
{
	uint64_t mark = events_mark(w->engine);
	int64_t now = now_ns();
	size_t n;
	int r;

	if (w->listed_ns && mark == w->events_mark &&
	    now - w->listed_ns < LIST_SECONDS * SECOND_NS && now >= w->listed_ns)
		return 0;
	forget_list(w);
	w->pools = (struct watched_pools){0};
	r = container_list(w->engine, !(w->flags & SNAPSHOT_ALL), &w->arena, &w->list, &n, e);
	if (r == 0)
		r = pools_watch(w->engine, &w->arena, &w->pools, e);
	if (r < 0)
		return r;
	w->watched = arena_array(&w->arena, n ? n : 1, sizeof(*w->watched));
	for (size_t i = 0; i < n; i++)
		w->watched[i].fd = -EBADF;
	w->n = n;
	w->listed_ns = now;
	w->events_mark = mark;
	return 0;
}

/* ---- one container ------------------------------------------------------------------------------- */

static void describe(const struct container_info *c, struct subject *ret)
{
	*ret = (struct subject){
		.id = c->record.id,
		.name = c->record.name,
		.image = c->record.image,
		.pool = c->record.pool,
		.above = -1,
		.state = c->status.state,
		.health = c->status.health,
		.network = c->record.network,
		.pid = c->status.pid,
		.started_ns = c->status.started_ns,
		.finished_ns = c->status.finished_ns,
		.exit_code = c->status.exit_code,
		.restarts = c->status.restarts,
		.is_oom_killed = c->status.is_oom_killed,
	};
}

static bool is_running(const struct subject *s)
{
	return s->state == CONTAINER_RUNNING || s->state == CONTAINER_PAUSED;
}

/* The recorder's newest two, where they are of this life and fresh. Returns how many. */
static int read_recorder(const struct watcher *w, struct watched *watched, const struct subject *s,
			 struct sample ret[2])
{
	int64_t started;
	int n;

	if (watched->fd < 0) {
		auto_close int dir = record_open(w->engine, s->id, NULL);

		watched->fd = dir < 0 ? dir : recorder_open(dir, RECORDER_FILE);
	}
	n = watched->fd < 0 ? 0 : recorder_latest(watched->fd, ret, &started);
	/* The life before: the monitor has not made the new file yet. */
	if (n > 0 && started != s->started_ns) {
		close(watched->fd);
		watched->fd = -EBADF;
		return 0;
	}
	return n < 0 ? 0 : n;
}

static int read_kernel(const struct engine *g, const struct subject *s, struct sample *ret)
{
	auto_arena struct arena a = {0};
	struct container saved = {0};

	if (runtime_load(&g->runtime, s->id, &a, &saved, NULL) < 0)
		return -ESRCH;
	sample_read(&saved.cgroup, sampler_net_pid(s->network, s->pid), ret);
	return 0;
}

static void read_figures(const struct watcher *w, struct watched *watched, struct subject *s)
{
	struct sample kept[2];
	int n = read_recorder(w, watched, s, kept);
	bool is_fresh = n == 2 && now_ns() - kept[0].time_ns < STALE_SECONDS * SECOND_NS;

	s->before = (struct sample){.time_ns = s->started_ns};
	if (!(w->flags & SNAPSHOT_NOW) && is_fresh) {
		s->now = kept[0];
		s->before = kept[1];
		s->has_figures = true;
		return;
	}
	if (read_kernel(w->engine, s, &s->now) < 0)
		return;
	s->has_figures = true;
	/* The nearest point that is far enough away for a rate. */
	for (int i = n - 1; i >= 0; i--)
		if (s->now.time_ns - kept[i].time_ns >= POINTS_APART_MS * (SECOND_NS / 1000))
			s->before = kept[i];
}

/* ---- all ----------------------------------------------------------------------------------------- */

static bool is_named(const struct subject *s, const char *name, bool *ret_is_whole)
{
	*ret_is_whole = str_eq(s->name, name) || str_eq(s->id, name);
	return *ret_is_whole || str_starts(s->id, name);
}

/* Leaves only those that were asked for, in the order of the words. */
static int choose(const struct str_slice *only, struct arena *a, struct snapshot *s, struct err *e)
{
	struct subject *v = arena_array(a, only->n, sizeof(*v));

	for (size_t i = 0; i < only->n; i++) {
		const struct subject *found = NULL;
		bool is_whole = false;

		for (size_t k = s->n_pools; k < s->n && !is_whole; k++)
			if (is_named(&s->v[k], only->v[i], &is_whole))
				found = &s->v[k];
		if (!found)
			return err_say(e, -ENOENT, "no such container: %s", only->v[i]);
		v[i] = *found;
		v[i].above = -1;
	}
	s->v = v;
	s->n = only->n;
	s->n_pools = 0;
	return 0;
}

static void read_host(struct snapshot *s)
{
	struct sysinfo info;

	s->time_ns = now_ns();
	s->processors = (double)sysconf(_SC_NPROCESSORS_ONLN);
	if (sysinfo(&info) == 0)
		s->memory_total = (uint64_t)info.totalram * info.mem_unit;
}

int snapshot_take(struct watcher *w, const struct str_slice *only, struct arena *a,
		  struct snapshot *ret, struct err *e)
{
	struct snapshot s = {0};
	int r = list_anew(w, e);

	if (r < 0)
		return r;
	read_host(&s);
	s.v = arena_array(a, w->n + w->pools.n + 1, sizeof(*s.v));
	s.n = s.n_pools = w->pools.n;
	pools_read(&w->pools, s.time_ns, a, s.v);
	for (size_t i = 0; i < w->n; i++) {
		struct subject *x = &s.v[s.n];

		if (w->list[i].is_broken)
			continue;
		describe(&w->list[i], x);
		pools_place(&w->pools, s.v, x);
		if (is_running(x))
			read_figures(w, &w->watched[i], x);
		s.n++;
	}
	snapshot_compute(&s);
	if (only && only->n) {
		r = choose(only, a, &s, e);
		if (r < 0)
			return r;
	}
	*ret = s;
	return 0;
}

/* ---- block devices ------------------------------------------------------------------------------- */

static struct device_figures *device_of(struct device_figures **v, size_t *n, unsigned major,
					unsigned minor, struct arena *a)
{
	for (size_t i = 0; i < *n; i++)
		if ((*v)[i].major == major && (*v)[i].minor == minor)
			return &(*v)[i];
	*v = arena_grow(a, *v, *n * sizeof(**v), (*n + 1) * sizeof(**v));
	(*v)[*n] = (struct device_figures){.major = major, .minor = minor};
	return &(*v)[(*n)++];
}

static void add_v2(const char *text, struct device_figures **v, size_t *n, struct arena *a)
{
	for (const char *line = text; line && *line;
	     line = strchr(line, '\n'), line = line ? line + 1 : NULL) {
		unsigned long long rb, wb, rs, ws;
		unsigned major, minor;

		if (sscanf(line, "%u:%u rbytes=%llu wbytes=%llu rios=%llu wios=%llu", &major,
			   &minor, &rb, &wb, &rs, &ws) != 6)
			continue;
		*device_of(v, n, major, minor, a) =
			(struct device_figures){major, minor, rb, wb, rs, ws};
	}
}

static void add_v1(const char *text, bool is_bytes, struct device_figures **v, size_t *n,
		   struct arena *a)
{
	for (const char *line = text; line && *line;
	     line = strchr(line, '\n'), line = line ? line + 1 : NULL) {
		unsigned long long value;
		unsigned major, minor;
		struct device_figures *d;
		char op[16];

		if (sscanf(line, "%u:%u %15s %llu", &major, &minor, op, &value) != 4)
			continue;
		d = device_of(v, n, major, minor, a);
		if (str_eq(op, "Read"))
			*(is_bytes ? &d->read_bytes : &d->reads) = value;
		if (str_eq(op, "Write"))
			*(is_bytes ? &d->written_bytes : &d->writes) = value;
	}
}

int subject_devices(const struct engine *g, const struct subject *x, struct arena *a,
		    struct device_figures **ret, size_t *ret_n, struct err *e)
{
	static const char *const files[] = {"io.stat", "blkio.throttle.io_service_bytes_recursive",
					    "blkio.throttle.io_serviced_recursive"};
	struct container saved = {0};
	int r = runtime_load(&g->runtime, x->id, a, &saved, e);

	*ret = NULL;
	*ret_n = 0;
	for (size_t i = 0; r >= 0 && i < saved.cgroup.n; i++) {
		if (!(saved.cgroup.v[i].controllers & 1U << CG_IO))
			continue;
		for (size_t k = 0; k < ARRAY_LEN(files); k++) {
			const char *path = arena_printf(a, "%s%s/%s", saved.cgroup.v[i].mount,
							saved.cgroup.v[i].path, files[k]);
			char *text;

			if (file_read_at(AT_FDCWD, path, a, 1 << 20, &text, NULL) < 0)
				continue;
			if (k == 0)
				add_v2(text, ret, ret_n, a);
			else
				add_v1(text, k == 1, ret, ret_n, a);
		}
	}
	return r < 0 ? r : 0;
}

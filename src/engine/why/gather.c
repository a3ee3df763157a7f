/* SPDX-License-Identifier: Apache-2.0 */
/* Everything that tells of one container, read for the detectors. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "cgroup/figures.h"
#include "engine/container/spec_parts.h"
#include "engine/pool/pool.h"
#include "engine/why/case.h"
#include "engine/why/ended.h"
#include "engine/why/evidence.h"
#include "kernel/fd.h"

enum {
	LIVES_MAX = 32,
	FILE_MAX = 16 << 20,
	LOG_TAIL = 16 << 10,
	LOG_LINES = 3,
};
#define LATE_NS INT64_C(15000000000) /* `berth stop` says so when all is over */

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* ---- events -------------------------------------------------------------------------------------- */

struct event {
	int64_t time_ns;
	const char *action, *id;
	struct oci_pairs attributes;
};

static const struct json_type pairs_type =
	JSON_PAIRS(struct oci_pair, key, value, &json_string_type);
static const struct json_field event_fields[] = {
	JSON_FIELD("time", struct event, time_ns, &json_i64_type, 0),
	JSON_FIELD("action", struct event, action, &json_string_type, 0),
	JSON_FIELD("id", struct event, id, &json_string_type, 0),
	JSON_FIELD("attributes", struct event, attributes, &pairs_type, 0),
};
static const struct json_type event_type = JSON_OBJECT(struct event, event_fields);

static void take_event(struct why_case *c, const struct event *e)
{
	const struct exit_record *x = &c->life;
	const char *number = pairs_get(&e->attributes, "signal");
	int64_t signo = number ? strtoll(number, NULL, 10) : 0;
	bool is_stop = str_eq(e->action, "stop");

	if (str_eq(e->action, "pause")) {
		c->paused_ns = e->time_ns;
		c->paused_by = pairs_get(&e->attributes, "by");
	} else if (str_eq(e->action, "unpause")) {
		c->paused_ns = 0;
	}
	if (!is_stop && !str_eq(e->action, "kill"))
		return;
	if (!c->has_life || e->time_ns < x->started_ns || e->time_ns > x->finished_ns + LATE_NS ||
	    (!is_stop && signo != x->signal))
		return;
	c->signal_event = e->action;
	c->signal_by = pairs_get(&e->attributes, "by");
	c->signal_number = signo;
}

static void read_events(struct why_case *c, const char *file)
{
	char *text = NULL, *save = NULL;

	if (!c->record.id || file_read_at(c->g->run_fd, file, c->a, FILE_MAX, &text, NULL) < 0)
		return;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		struct event e = {0};

		if (strstr(line, c->record.id) &&
		    json_decode(line, strlen(line), &event_type, &e, c->a, file, NULL) == 0 &&
		    str_eq(e.id, c->record.id))
			take_event(c, &e);
	}
}

/* ---- files of its folder ------------------------------------------------------------------------- */

struct health_file {
	int64_t code;
	const char *output;
};
static const struct json_field health_fields[] = {
	JSON_FIELD("exitCode", struct health_file, code, &json_i64_type, 0),
	JSON_FIELD("output", struct health_file, output, &json_string_type, 0),
};
static const struct json_type health_type = JSON_OBJECT(struct health_file, health_fields);

static void take_health(struct why_case *c, const char *text)
{
	struct health_file h = {0};

	if (!text ||
	    json_decode(text, strlen(text), &health_type, &h, c->a, "health.json", NULL) < 0)
		return;
	c->health_code = h.code;
	c->health_output = h.output ? arena_strndup(c->a, h.output, strcspn(h.output, "\n")) : "";
}

struct log_line {
	const char *text;
};
static const struct json_field log_fields[] = {
	JSON_FIELD("log", struct log_line, text, &json_string_type, 0),
};
static const struct json_type log_type = JSON_OBJECT(struct log_line, log_fields);

/* The last lines; a byte that is no UTF-8 makes a line unreadable here, and it is left out. */
static void read_log_tail(struct why_case *c, int dir)
{
	auto_close int fd = openat(dir, "log.json", O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	char *text = arena_alloc(c->a, LOG_TAIL + 1), *save = NULL;
	off_t size = fd < 0 ? 0 : lseek(fd, 0, SEEK_END),
	      from = size > LOG_TAIL ? size - LOG_TAIL : 0;
	ssize_t n = fd < 0 ? 0 : pread(fd, text, LOG_TAIL, from);
	struct str_slice all = {0};

	if (n <= 0)
		return;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		struct log_line l = {0};

		if (json_decode(line, strlen(line), &log_type, &l, c->a, "log", NULL) == 0 &&
		    l.text)
			strings_add(&all, arena_strndup(c->a, l.text, strcspn(l.text, "\r\n")),
				    c->a);
	}
	c->log_lines = all;
	if (all.n > LOG_LINES) {
		c->log_lines.v += all.n - LOG_LINES;
		c->log_lines.n = LOG_LINES;
	}
}

/* ---- disks --------------------------------------------------------------------------------------- */

static void add_disk(struct why_case *c, const char *place, const char *source)
{
	struct statvfs s;

	if (statvfs(source, &s) < 0 || (s.f_flag & ST_RDONLY))
		return;
	LIST_ADD(&c->disks, c->a) = (struct why_disk){
		.place = place,
		.source = source,
		.size = (uint64_t)s.f_blocks * s.f_frsize,
		.free = (uint64_t)s.f_bavail * s.f_frsize,
		.files = s.f_files,
		.files_free = s.f_ffree,
	};
}

static void list_disks(struct why_case *c)
{
	const struct str_slice *tmpfs = &c->asked.tmpfs;

	add_disk(c, "its root", c->g->data);
	for (size_t i = 0; i < c->record.n_mounts; i++) {
		const struct record_mount *m = &c->record.mounts[i];

		if (m->is_writable && m->source && m->source[0] == '/')
			add_disk(c, m->destination, m->source);
	}
	if (!c->is_running)
		return;
	add_disk(c, "/dev/shm",
		 arena_printf(c->a, "/proc/%lld/root/dev/shm", (long long)c->status.pid));
	for (size_t i = 0; i < tmpfs->n; i++) {
		const char *place = arena_strndup(c->a, tmpfs->v[i], strcspn(tmpfs->v[i], ":"));

		add_disk(c, place,
			 arena_printf(c->a, "/proc/%lld/root%s", (long long)c->status.pid, place));
	}
}

/* ---- groups -------------------------------------------------------------------------------------- */

static void read_pressure(struct why_case *c, const struct cgroup *group)
{
	static const char *const files[] = {"cpu.pressure", "memory.pressure", "io.pressure"};
	struct pressure_line line = {0};
	char text[512];

	_Static_assert(ARRAY_LEN(files) == ARRAY_LEN(c->pressure), "one file for each resource");
	for (unsigned i = 0; i < group->n; i++)
		for (size_t k = 0; group->group[i].is_v2 && k < ARRAY_LEN(files); k++) {
			if (group->group[i].dir_fd < 0 ||
			    file_read_small(group->group[i].dir_fd, files[k], text, sizeof(text)) <
				    0 ||
			    pressure_parse(text, "some", &line) < 0)
				continue;
			c->pressure[k] = (struct why_pressure){
				.file = arena_printf(c->a, "%s%s/%s", group->group[i].mount,
						     group->group[i].path, files[k]),
				.some10 = line.avg10,
				.is_known = true};
		}
}

static void read_memory(struct why_case *c, const struct cgroup *group)
{
	struct figures f = {.c = group, .arena = c->a};
	bool is_v2 = figures_is_v2(&f, CG_MEMORY) == 1;
	uint64_t swap = 0;
	const char *stat = figures_text(&f, CG_MEMORY, "memory.stat");

	c->memory_used = (int64_t)figures_number(
		&f, CG_MEMORY, is_v2 ? "memory.current" : "memory.usage_in_bytes");
	if (is_v2)
		swap = figures_number(&f, CG_MEMORY, "memory.swap.current");
	else if (stat)
		(void)figures_keyed(stat, "total_swap", &swap);
	c->swap_used = (int64_t)swap;
	c->memory_file = is_v2 ? "memory.swap.current" : "memory.stat";
}

/* v2 counts a refusal where the limit is: in its pool's group. */
static void read_pool(struct why_case *c, const struct cgroup *group)
{
	struct pool p = {0};
	const char *path = NULL, *file;
	char text[256];
	uint64_t n = 0;

	if (!c->record.pool || pool_find(c->g, c->record.pool, c->a, &p, NULL) < 0 ||
	    pool_path(c->g, &p, c->a, &path, NULL) < 0)
		return;
	for (unsigned i = 0; i < group->n; i++) {
		if (!group->group[i].is_v2 || !(group->group[i].controllers & 1U << CG_PIDS))
			continue;
		file = arena_printf(c->a, "%s%s/pids.events", group->group[i].mount, path);
		if (file_read_small(AT_FDCWD, file, text, sizeof(text)) >= 0 &&
		    figures_keyed(text, "max", &n) == 0) {
			c->pool_pids_refused = (int64_t)n;
			c->pool_pids_file = file;
		}
	}
}

static bool has_group(const struct cgroup *group)
{
	for (unsigned i = 0; i < group->n; i++)
		if (group->group[i].dir_fd >= 0)
			return true;
	return false;
}

/* Returns 0, or -ESRCH where it ended in this very moment. */
static int read_groups(struct why_case *c)
{
	struct container running = {0};
	struct cgroup group = {0};
	struct container_info info = {.record = c->record, .status = c->status};
	pid_t *pids = NULL;

	if (runtime_load(&c->g->runtime, c->record.id, c->a, &running, NULL) < 0)
		return -ESRCH;
	/* An ordinary user's container may have none. */
	if (!running.cgroup.n || cgroup_open(&running.cgroup, &group, NULL) < 0)
		return 0;
	if (!has_group(&group))
		return kill((pid_t)c->status.pid, 0) == 0 || errno == EPERM ? 0 : -ESRCH;
	c->life = (struct exit_record){.started_ns = c->status.started_ns,
				       .finished_ns = c->now_ns,
				       .memory_limit = -1,
				       .memory_peak = -1,
				       .pids_limit = -1,
				       .pids_peak = -1,
				       .pids_refused = -1};
	evidence_read(&group, (pid_t)c->status.pid, c->a, &c->life);
	c->has_life = true;
	c->source =
		arena_printf(c->a, "cgroup %s", running.cgroup.n ? running.cgroup.v[0].path : "");
	read_pressure(c, &group);
	read_memory(c, &group);
	read_pool(c, &group);
	(void)limits_show(c->g, &info, c->a, &c->limits, NULL);
	if (cgroup_pids(&group, c->a, &pids, &c->n_pids, NULL) == 0)
		c->pids = pids;
	cgroup_close(&group);
	return 0;
}

/* ---- all of it ----------------------------------------------------------------------------------- */

static void take_last_life(struct why_case *c)
{
	const struct exit_record *last = c->n_lives ? &c->lives[c->n_lives - 1] : NULL;

	if (!last)
		return;
	c->life = *last;
	c->source = "exits.jsonl";
	c->has_life = !str_eq(last->reason, "start failed");
}

/* It ended a moment ago: the end is written down before the groups go, the status comes after. */
static void take_new_end(struct why_case *c, int dir)
{
	(void)exits_load(dir, LIVES_MAX, c->a, &c->lives, &c->n_lives, NULL);
	c->is_running = c->is_paused = false;
	c->status.state = CONTAINER_EXITED;
	take_last_life(c);
	c->status.exit_code = c->life.exit_code;
	c->status.finished_ns = c->life.finished_ns;
}

static void read_asked(struct why_case *c)
{
	const char *text = c->record.request;

	if (text)
		(void)request_decode(text, strlen(text), c->a, &c->asked, NULL);
}

static int gather_present(struct why_case *c, const struct container_info *info, struct err *e)
{
	auto_close int dir = record_open(c->g, info->record.id, e);
	char *text = NULL;

	if (dir < 0)
		return dir;
	c->record = info->record;
	c->status = info->status;
	c->is_paused = c->status.state == CONTAINER_PAUSED;
	c->is_running = c->status.state == CONTAINER_RUNNING || c->is_paused;
	read_asked(c);
	(void)exits_load(dir, LIVES_MAX, c->a, &c->lives, &c->n_lives, NULL);
	if (c->is_running && read_groups(c) < 0)
		take_new_end(c, dir);
	else if (!c->is_running)
		take_last_life(c);
	if (file_read_at(dir, "health.json", c->a, FILE_MAX, &text, NULL) == 0)
		take_health(c, text);
	read_log_tail(c, dir);
	if (c->has_life)
		(void)recorder_read(dir, RECORDER_FILE, c->a, &c->recording, NULL);
	list_disks(c);
	return 0;
}

static int gather_removed(struct why_case *c, const char *word, struct err *e)
{
	struct ended x = {0};
	int r = ended_find(c->g, word, c->a, &x, e);

	if (r < 0)
		return r;
	c->is_removed = true;
	c->removed_ns = x.removed_ns;
	c->record = (struct record){.id = x.id,
				    .name = x.name ? x.name : "",
				    .image = x.image,
				    .pool = x.pool,
				    .request = x.request};
	c->status.health = "";
	read_asked(c);
	if (x.status)
		(void)status_decode(x.status, strlen(x.status), c->a, &c->status, NULL);
	c->lives = ARENA_NEW(c->a, struct exit_record);
	if (x.exit && exit_decode(x.exit, strlen(x.exit), c->a, c->lives, NULL) == 0)
		c->n_lives = 1;
	take_last_life(c);
	take_health(c, x.health);
	return 0;
}

int why_gather(const struct engine *g, const char *word, struct arena *a, struct why_case *ret,
	       struct err *e)
{
	struct why_case c = {
		.g = g, .a = a, .now_ns = now_ns(), .memory_used = -1, .swap_used = -1};
	struct container_info info = {0};
	struct err why = {0};
	int r = container_find(g, word, a, &info, &why);

	if (r >= 0)
		r = gather_present(&c, &info, e);
	else if (r == -ENOENT)
		r = gather_removed(&c, word, e);
	else
		r = err_say(e, r, "%s", why.text);
	if (r < 0)
		return r;
	read_events(&c, "events.1.jsonl");
	read_events(&c, "events.jsonl");
	/* Only what it may have to say something about. */
	if (c.is_running || c.life.signal == SIGSYS)
		kmsg_read(c.life.started_ns, a, &c.log);
	*ret = c;
	return 0;
}

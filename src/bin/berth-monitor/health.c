/* SPDX-License-Identifier: Apache-2.0 */
/* Health checks: a command in the container from time to time, and what its results say. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "bin/berth-monitor/monitor.h"
#include "engine/event.h"
#include "kernel/fd.h"
#include "kernel/process.h"
#include "kernel/sys.h"

/*
 * Theory of operation
 *
 * A check runs in a child of the monitor, which enters the container by runtime_exec and passes on the code; its
 * pid in the container is in RUN/ID/health.pid, so that a check that takes too long can be killed. One
 * success makes the container healthy, `retries` failures in a row make it unhealthy; failures in the start
 * period do not count. The last result goes to health.json in the container's folder.
 */

#define NS_PER_MS 1000000

enum {
	INTERVAL_MS = 30000,
	TIMEOUT_MS = 30000,
	START_INTERVAL_MS = 5000,
	RETRIES = 3,
	NO_CODE = -1, /* of a check that was killed, as Docker has it */
};

static int64_t or_standard(int64_t ns, int64_t standard_ms)
{
	return ns > 0 ? (ns + NS_PER_MS - 1) / NS_PER_MS : standard_ms;
}

static bool has_checks(const struct monitor *m)
{
	const struct oci_health *h = &m->record.health;

	return h->test.n >= 2 && !str_eq(h->test.v[0], "NONE");
}

static bool is_starting(const struct monitor *m)
{
	int64_t since = now_real_ns() - m->status.started_ns;

	return str_eq(m->status.health, "starting") && since < m->record.health.start_period;
}

static void plan_next(struct monitor *m)
{
	const struct oci_health *h = &m->record.health;
	int64_t ms = or_standard(h->interval, INTERVAL_MS);

	if (is_starting(m)) {
		int64_t early = or_standard(h->start_interval, START_INTERVAL_MS);

		ms = early < ms ? early : ms;
	}
	timer_set(m, TIMER_HEALTH, ms);
}

void health_begin(struct monitor *m)
{
	m->health.pid = 0;
	m->health.output.fd = m->health.child.fd = -EBADF;
	m->status.health_failures = 0;
	m->status.health = has_checks(m) ? "starting" : "";
	if (has_checks(m))
		plan_next(m);
}

/* ---- the child ----------------------------------------------------------------------------------- */

static void run_check(const struct monitor *m, int output)
{
	auto_arena struct arena a = {0};
	const struct str_slice *test = &m->record.health.test;
	struct exec_request q = {.id = m->record.id, .no_subreaper = true};
	struct err e = {0};
	const char *shell[] = {"/bin/sh", "-c", test->v[1]};
	int code = 1;

	/* Order: the lock must not outlive the monitor. */
	if (dup2(m->null_fd, 0) < 0 || dup2(output, 1) < 0 || dup2(output, 2) < 0)
		_exit(1);
	sys_close_range(3, ~0U, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	q.pid_file = arena_printf(&a, "%s/%s/health.pid", m->engine.run, m->record.id);
	if (runtime_exec_defaults(&m->engine.runtime, q.id, &a, &q.process, &e) == 0) {
		q.process.terminal = false;
		q.process.args = (struct str_slice){test->v + 1, test->n - 1};
		if (str_eq(test->v[0], "CMD-SHELL"))
			q.process.args = (struct str_slice){shell, ARRAY_LEN(shell)};
		runtime_exec(&m->engine.runtime, &q, &code, &e);
	}
	if (e.code)
		dprintf(1, "%s\n", e.text);
	_exit(e.code ? 126 : code);
}

/* ---- the result ---------------------------------------------------------------------------------- */

static void save_result(const struct monitor *m, int code)
{
	auto_json_writer struct json_writer w = {0};

	json_begin_object(&w);
	json_put_int(&w, "start", m->health.begun_ns);
	json_put_int(&w, "end", now_real_ns());
	json_put_int(&w, "exitCode", code);
	json_put_string(&w, "output", m->health.text);
	json_end_object(&w);
	file_replace_at(m->dir_fd, "health.json", w.buf, w.len, 0600);
}

static void judge(struct monitor *m, int code)
{
	int64_t retries = m->record.health.retries > 0 ? m->record.health.retries : RETRIES;
	const char *before = m->status.health;
	struct oci_pair pair = {"health", NULL};
	struct oci_pairs attributes = {&pair, 1};

	if (code == 0) {
		m->status.health_failures = 0;
		m->status.health = "healthy";
	} else if (!is_starting(m) && ++m->status.health_failures >= retries) {
		m->status.health = "unhealthy";
	}
	save_result(m, code);
	life_save(m);
	if (str_eq(before, m->status.health))
		return;
	pair.value = m->status.health;
	event_emit(&m->engine, "container", "health_status", m->record.id, m->record.name,
		   &attributes);
}

static void on_health_output(struct monitor *m, struct source *s, uint32_t events)
{
	struct health *h = &m->health;
	char rest[512];
	bool is_full = h->text_n + 1 >= sizeof(h->text);
	ssize_t n = is_full ? read(s->fd, rest, sizeof(rest))
			    : read(s->fd, h->text + h->text_n, sizeof(h->text) - 1 - h->text_n);

	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		source_close(m, s);
		return;
	}
	if (!is_full)
		h->text_n += (size_t)n;
}

static void on_health_child(struct monitor *m, struct source *s, uint32_t events)
{
	struct health *h = &m->health;
	int status = 0;

	(void)events;
	process_wait(s->fd, &status);
	source_close(m, s);
	h->pid = 0;
	while (h->output.fd >= 0) {
		size_t before = h->text_n;

		on_health_output(m, &h->output, EPOLLIN);
		if (h->text_n == before)
			break;
	}
	source_close(m, &h->output);
	h->text[h->text_n] = '\0';
	if (h->is_late)
		snprintf(h->text, sizeof(h->text),
			 "the health check took longer than %lld ms and was killed",
			 (long long)or_standard(m->record.health.timeout, TIMEOUT_MS));
	judge(m, h->is_late ? NO_CODE : process_exit_code(status));
	plan_next(m);
}

/* ---- times --------------------------------------------------------------------------------------- */

static void kill_check(struct monitor *m)
{
	char path[96], text[16];
	int pidfd;

	snprintf(path, sizeof(path), "%s/health.pid", m->record.id);
	if (file_read_small(m->engine.run_fd, path, text, sizeof(text)) > 0) {
		pidfd = sys_pidfd_open((pid_t)atoi(text), 0);
		/* Order: while the child in between lives, it has not reaped that process. */
		if (pidfd >= 0 && kill(m->health.pid, 0) == 0)
			sys_pidfd_send_signal(pidfd, SIGKILL);
		auto_close_fn(&pidfd);
	}
	unlinkat(m->engine.run_fd, path, 0);
	kill(m->health.pid, SIGKILL);
}

static void begin_check(struct monitor *m)
{
	struct health *h = &m->health;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0) {
		plan_next(m);
		return;
	}
	h->begun_ns = now_real_ns();
	h->is_late = false;
	h->text_n = 0;
	h->pid = fork();
	if (h->pid == 0)
		run_check(m, ends[1]);
	close(ends[1]);
	h->output = (struct source){.ready = on_health_output, .fd = ends[0]};
	h->child = (struct source){.ready = on_health_child,
				   .fd = h->pid > 0 ? sys_pidfd_open(h->pid, 0) : -EBADF};
	if (h->child.fd < 0) {
		source_close(m, &h->output);
		h->pid = 0;
		plan_next(m);
		return;
	}
	source_watch(m, &h->output, EPOLLIN);
	source_watch(m, &h->child, EPOLLIN);
	timer_set(m, TIMER_HEALTH, or_standard(m->record.health.timeout, TIMEOUT_MS));
}

void on_timer_health(struct monitor *m)
{
	if (!m->health.pid) {
		if (!m->is_dying && has_checks(m))
			begin_check(m);
		return;
	}
	m->health.is_late = true;
	kill_check(m);
}

void health_end(struct monitor *m)
{
	timer_clear(m, TIMER_HEALTH);
	if (m->health.pid) {
		kill_check(m);
		waitpid(m->health.pid, NULL, 0);
		m->health.pid = 0;
	}
	source_close(m, &m->health.output);
	source_close(m, &m->health.child);
}

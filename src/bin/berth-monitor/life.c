/* SPDX-License-Identifier: Apache-2.0 */
/* One life of the container after another: its start, its end, and what is kept of it. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "bin/berth-monitor/monitor.h"
#include "engine/event.h"
#include "engine/image/image.h"
#include "engine/network/network.h"
#include "engine/why/evidence.h"
#include "kernel/process.h"
#include "kernel/signal.h"
#include "kernel/sys.h"

enum {
	BACKOFF_FIRST_MS = 100,
	BACKOFF_MAX_MS = 60000,
	LIFE_OF_WORTH_MS = 10000, /* who lived that long begins with the first back-off again */
	SETTLE_MS = 1000,
};

void life_save(struct monitor *m)
{
	struct err why = {0};

	m->status.log_dropped = m->log ? log_writer_dropped(m->log) : 0;
	if (status_save(m->dir_fd, &m->status, &why) < 0)
		log_warning("%s", why.text);
}

static void emit(struct monitor *m, const char *action, struct oci_pair *pairs, size_t n)
{
	struct oci_pairs attributes = {pairs, n};

	event_emit(&m->engine, "container", action, m->record.id, m->record.name, &attributes);
}

/* ---- start --------------------------------------------------------------------------------------- */

static void on_first(struct monitor *m, struct source *s, uint32_t events)
{
	(void)events;
	/* What else this turn of the loop brings comes first: somebody may tell us that he ends it. */
	m->has_exited = true;
	source_watch(m, s, 0);
}

/* What on_born needs. */
struct birth {
	struct monitor *m;
	struct network_state network;
};

static int on_born(void *arg, pid_t pid, struct err *e)
{
	const struct birth *b = arg;
	auto_close int netns = -EBADF;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
	netns = open(path, O_RDONLY | O_CLOEXEC);
	if (netns < 0)
		return err_sys(e, -errno, "open the container's net namespace");
	return network_attach(&b->m->engine, &b->network, netns, e);
}

static void leave_networks(struct monitor *m)
{
	struct err why = {0};

	if (m->has_networks && network_detach(&m->engine, m->id, &why) < 0)
		log_warning("%s", why.text);
	m->has_networks = false;
}

static int make(struct monitor *m, struct arena *a, struct err *e)
{
	auto_close int root = TAKE_FD(m->root_fd);
	struct birth birth = {.m = m};
	int r;

	if (root < 0)
		root = record_mount_root(&m->engine, &m->record, m->dir_fd, e);
	if (root < 0)
		return root;
	m->request = (struct create_request){
		.id = m->id,
		.bundle = m->bundle,
		.has_root = true,
		.root_fd = root,
		/* Our clients' terminals are raw. Order: the program may look at it before we could. */
		.keeps_onlcr = true};
	m->has_networks = network_is_ours(&m->record);
	if (m->has_networks) {
		r = network_prepare(&m->engine, &m->record, a, &birth.network, e);
		if (r < 0)
			return r;
		m->request.on_born = on_born;
		m->request.on_born_arg = &birth;
	}
	r = streams_make(m, e);
	if (r == 0)
		r = creation_make(&m->creation, &m->engine.runtime, &m->request, true, e);
	streams_release(m);
	m->request.root_fd = -EBADF;
	if (r < 0)
		return r;
	streams_start(m, TAKE_FD(m->creation.master));
	r = creation_go(&m->creation, e);
	if (r < 0)
		creation_abort(&m->creation);
	return r;
}

/* The codes that Docker gives to a program that could not be started. */
static int failure_code(const struct err *e)
{
	if (strstr(e->text, "executable file not found") || e->code == ENOENT)
		return 127;
	return e->code == EACCES ? 126 : 128;
}

static void set_failed(struct monitor *m, const struct err *e)
{
	struct exit_record x = {.started_ns = now_real_ns(),
				.finished_ns = now_real_ns(),
				.exit_code = failure_code(e),
				.memory_limit = -1,
				.memory_peak = -1,
				.pids_limit = -1,
				.pids_peak = -1,
				.pids_refused = -1,
				.reason = "start failed"};

	streams_drain(m);
	streams_close(m);
	timer_clear(m, TIMER_SILENCE);
	log_writer_flush_parts(m->log);
	snprintf(m->error, sizeof(m->error), "%s", e->text);
	m->status.error = m->error;
	m->status.exit_code = x.exit_code;
	m->status.pid = 0;
	if (!m->record.removes_itself)
		exits_append(m->dir_fd, &x, NULL);
}

int life_start(struct monitor *m, struct err *e)
{
	auto_arena struct arena a = {0};
	int r = make(m, &a, e);

	if (r < 0) {
		leave_networks(m);
		set_failed(m, e);
		return r;
	}
	m->has_creation = true;
	m->oom_kills = 0;
	m->has_exited = m->is_dying = m->is_silent = false;
	m->first = (struct source){.ready = on_first, .fd = TAKE_FD(m->creation.launch.pidfd)};
	source_watch(m, &m->first, EPOLLIN);
	timer_set(m, TIMER_SETTLE, SETTLE_MS);
	m->status.state = CONTAINER_RUNNING;
	m->status.pid = m->creation.plan.container.pid;
	m->status.monitor_pid = getpid();
	m->status.started_ns = now_real_ns();
	m->status.finished_ns = 0;
	m->status.exit_code = 0;
	m->status.is_oom_killed = false;
	m->status.error = NULL;
	health_begin(m);
	life_save(m);
	emit(m, "start", NULL, 0);
	return 0;
}

void life_notice_oom(struct monitor *m, int64_t kills)
{
	char text[24];
	struct oci_pair pair = {"kills", text};

	if (kills <= m->oom_kills)
		return;
	snprintf(text, sizeof(text), "%lld", (long long)(kills - m->oom_kills));
	m->oom_kills = kills;
	emit(m, "oom", &pair, 1);
}

/* ---- end ----------------------------------------------------------------------------------------- */

void life_exited(struct monitor *m)
{
	m->has_exited = false;
	if (process_wait(m->first.fd, &m->wait_status) < 0)
		m->wait_status = SIGKILL; /* somebody else reaped it: cannot be */
	source_close(m, &m->first);
	timer_clear(m, TIMER_KILL);
	m->is_dying = true;
	m->status.finished_ns = now_real_ns();
	streams_drain(m);
}

void on_timer_silence(struct monitor *m)
{
	if (m->is_dying && m->is_paused) {
		clients_free_starter(m);
		streams_drain(m);
		return;
	}
	m->is_silent = m->is_dying;
}

/* After a settled life: the groups as the runtime's state names them. */
static void read_saved_evidence(struct monitor *m, struct arena *a, struct exit_record *x)
{
	struct container saved = {0};
	struct cgroup group = {0};

	if (runtime_load(&m->engine.runtime, m->record.id, a, &saved, NULL) < 0 ||
	    cgroup_open(&saved.cgroup, &group, NULL) < 0)
		return;
	evidence_read(&group, (pid_t)m->status.pid, a, x);
	cgroup_close(&group);
}

static const char *find_reason(const struct monitor *m, const struct exit_record *x)
{
	if (x->oom_kills > 0 && x->signal == SIGKILL)
		return "oom";
	if (m->status.was_stopped || m->is_ending)
		return "stopped";
	return x->signal ? "killed" : "exited";
}

static void keep_record(struct monitor *m)
{
	auto_arena struct arena a = {0};
	struct exit_record x = {.started_ns = m->status.started_ns,
				.finished_ns = m->status.finished_ns,
				.exit_code = process_exit_code(m->wait_status),
				.signal =
					WIFSIGNALED(m->wait_status) ? WTERMSIG(m->wait_status) : 0,
				.memory_limit = -1,
				.memory_peak = -1,
				.pids_limit = -1,
				.pids_peak = -1,
				.pids_refused = -1};
	char code[16];
	struct oci_pair pairs[] = {{"exitCode", code}, {"reason", NULL}};
	struct err why = {0};

	recording_end(m);
	if (m->has_creation)
		evidence_read(&m->creation.cgroup, (pid_t)m->status.pid, &a, &x);
	else
		read_saved_evidence(m, &a, &x);
	x.reason = find_reason(m, &x);
	snprintf(code, sizeof(code), "%d", (int)x.exit_code);
	pairs[1].value = x.reason;
	m->status.exit_code = x.exit_code;
	m->status.is_oom_killed = x.oom_kills > 0;
	m->status.pid = 0;
	if (exits_append(m->dir_fd, &x, &why) < 0)
		log_warning("%s", why.text);
	life_notice_oom(m, x.oom_kills);
	emit(m, "die", pairs, ARRAY_LEN(pairs));
}

static void end_creation(struct monitor *m)
{
	struct err why = {0};

	timer_clear(m, TIMER_SETTLE);
	if (m->has_creation) {
		creation_end(&m->creation);
		creation_close(&m->creation);
		m->has_creation = false;
	} else if (runtime_delete(&m->engine.runtime, m->record.id, true, &why) < 0) {
		log_warning("%s", why.text);
	}
}

void on_timer_settle(struct monitor *m)
{
	recording_begin(m);
	creation_close(&m->creation);
	m->has_creation = false;
	pages_forget();
}

/* ---- restarts ------------------------------------------------------------------------------------ */

static bool is_restarted(const struct monitor *m)
{
	const char *policy = m->record.restart;

	if (m->is_ending || m->status.was_stopped || !policy)
		return false;
	if (str_eq(policy, "always") || str_eq(policy, "unless-stopped"))
		return true;
	return str_eq(policy, "on-failure") && m->status.exit_code != 0 &&
	       (m->record.restart_max == 0 || m->status.restarts < m->record.restart_max);
}

/* What comes next after a life or a start that failed. */
static void go_on(struct monitor *m)
{
	int64_t lived_ms = (m->status.finished_ns - m->status.started_ns) / 1000000;

	m->is_dying = false;
	if (!is_restarted(m)) {
		m->is_over = true;
		return;
	}
	if (!m->backoff_ms || lived_ms >= LIFE_OF_WORTH_MS)
		m->backoff_ms = BACKOFF_FIRST_MS;
	m->status.state = CONTAINER_RESTARTING;
	life_save(m);
	timer_set(m, TIMER_RESTART, m->backoff_ms);
	m->backoff_ms = m->backoff_ms * 2 > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : m->backoff_ms * 2;
}

void on_timer_restart(struct monitor *m)
{
	struct err why = {0};

	if (m->is_over)
		return;
	m->status.restarts++;
	if (life_start(m, &why) < 0) {
		log_warning("%s", why.text);
		m->status.started_ns = m->status.finished_ns = now_real_ns();
		go_on(m);
		return;
	}
	clients_send(m, ATTACH_STARTED, m->status.pid, NULL, 0);
}

void life_bury(struct monitor *m)
{
	streams_close(m);
	timer_clear(m, TIMER_SILENCE);
	timer_clear(m, TIMER_PARTS);
	log_writer_flush_parts(m->log);
	health_end(m);
	keep_record(m);
	/* Order: whoever sees "exited" may remove the folder, but not before the lock is free. */
	end_creation(m);
	leave_networks(m);
	go_on(m);
}

/* ---- SIGTERM to the monitor ---------------------------------------------------------------------- */

void life_stop(struct monitor *m)
{
	int signo = signal_number(m->record.stop_signal ? m->record.stop_signal : "SIGTERM");

	m->is_ending = true;
	if (m->status.state == CONTAINER_RESTARTING)
		m->is_over = true;
	if (m->first.fd < 0)
		return;
	sys_pidfd_send_signal(m->first.fd, signo > 0 ? signo : SIGTERM);
	timer_set(m, TIMER_KILL,
		  m->record.stop_timeout < 0 ? INT32_MAX : m->record.stop_timeout * 1000);
}

void on_timer_kill(struct monitor *m)
{
	if (m->first.fd >= 0)
		sys_pidfd_send_signal(m->first.fd, SIGKILL);
}

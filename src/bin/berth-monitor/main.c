/* SPDX-License-Identifier: Apache-2.0 */
/* berth-monitor: keeps one container of the engine, from its first start to its last end. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "bin/berth-monitor/monitor.h"
#include "engine/container/remove.h"
#include "engine/event.h"
#include "engine/why/ended.h"
#include "kernel/fd.h"
#include "kernel/sys.h"
#include "runtime/exe.h"

/* What the starter puts where (engine/container/start.c). */
enum { FD_STARTER = 3, FD_LOCK = 4, FD_ROOT = 5, FD_FIRST_FOREIGN = 6 };

static struct monitor monitor; /* not on the stack, and of zeros: only what is used takes memory */

static void init(struct monitor *m)
{
	struct source *const sources[] = {&m->signals,       &m->listener,    &m->first,
					  &m->out[0],        &m->out[1],      &m->in,
					  &m->health.output, &m->health.child};

	for (size_t i = 0; i < ARRAY_LEN(sources); i++)
		sources[i]->fd = -EBADF;
	m->dir_fd = m->lock_fd = m->root_fd = m->null_fd = m->epoll_fd = -EBADF;
	m->recorder.fd = -EBADF;
	m->status.health = "";
}

static void on_signal(struct monitor *m, struct source *s, uint32_t events)
{
	struct signalfd_siginfo info;

	(void)events;
	while (read(s->fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		life_stop(m);
}

static int watch_signals(struct monitor *m, struct err *e)
{
	static const int ending[] = {SIGTERM, SIGINT, SIGQUIT};
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_LEN(ending); i++)
		sigaddset(&set, ending[i]);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return err_sys(e, -errno, "block signals");
	m->signals = (struct source){.ready = on_signal,
				     .fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)};
	if (m->signals.fd < 0)
		return err_sys(e, -errno, "make a signalfd");
	source_watch(m, &m->signals, EPOLLIN);
	return 0;
}

/* Out of the way of whoever started us: no terminal, no folder, no descriptor of his. */
static int separate(struct monitor *m, struct err *e)
{
	sys_close_range(FD_FIRST_FOREIGN, ~0U, 0);
	for (int fd = FD_STARTER; fd < FD_FIRST_FOREIGN; fd++)
		fd_set_cloexec(fd, true);
	setsid();
	umask(022);
	prctl(PR_SET_NAME, "berth-monitor");
	m->lock_fd = FD_LOCK;
	if (fcntl(FD_ROOT, F_GETFD) >= 0)
		m->root_fd = FD_ROOT;
	m->null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	m->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (m->null_fd < 0 || m->epoll_fd < 0 || chdir("/") < 0)
		return err_sys(e, -errno, "set up the monitor");
	return watch_signals(m, e);
}

static int load(struct monitor *m, const char *id, struct err *e)
{
	struct log_options warnings = {.fd = -1};
	int r;

	r = engine_open(NULL, NULL, &m->arena, &m->engine, e);
	if (r < 0)
		return r;
	m->dir_fd = record_open(&m->engine, id, e);
	if (m->dir_fd < 0)
		return m->dir_fd;
	warnings.fd = openat(m->dir_fd, "monitor.log",
			     O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (warnings.fd >= 0)
		log_setup(&warnings);
	r = record_load(m->dir_fd, id, &m->record_arena, &m->record, e);
	if (r < 0)
		return r;
	m->id = arena_strdup(&m->arena, m->record.id);
	m->bundle = arena_printf(&m->arena, "%s/containers/%s", m->engine.data, m->record.id);
	/* A start that fails leaves the figures of the last life. */
	if (status_load(m->dir_fd, &m->arena, &m->status, NULL) < 0)
		m->status = (struct status){.health = ""};
	m->status.was_stopped = false;
	m->status.restarts = 0;
	return log_writer_open(m->dir_fd, &m->record, &m->log, e);
}

/* The container does not run any more and will not; nothing of it but its record is to be left. */
static void finish(struct monitor *m)
{
	struct err why = {0};

	m->status.state = m->status.started_ns ? CONTAINER_EXITED : CONTAINER_CREATED;
	m->status.monitor_pid = m->status.pid = 0;
	log_writer_flush_parts(m->log);
	clients_unlisten(m);
	if (m->record.removes_itself) {
		ended_append(&m->engine, m->dir_fd, &m->record, &m->status);
		if (container_forget(&m->engine, m->record.id, &m->record, true, &why) < 0)
			log_warning("%s", why.text);
		event_emit(&m->engine, "container", "destroy", m->record.id, m->record.name, NULL);
	} else {
		life_save(m);
	}
	log_writer_close(m->log);
	m->log = NULL;
	auto_close_fn(&m->lock_fd);
}

static int run(struct monitor *m, const char *id, struct err *e)
{
	int r = separate(m, e);

	if (r < 0 || (r = load(m, id, e)) < 0 || (r = clients_add_starter(m, FD_STARTER, e)) < 0)
		return r;
	r = clients_listen(m, e);
	if (r == 0)
		r = life_start(m, e);
	if (r < 0) {
		finish(m);
		clients_send(m, ATTACH_FAILED, 0, e, sizeof(*e));
		return r;
	}
	clients_send(m, ATTACH_STARTED, m->status.pid, NULL, 0);
	while (!m->is_over) {
		loop_turn(m, -1);
		if (m->has_exited)
			life_exited(m);
		if (m->is_dying && (streams_are_done(m) || m->is_silent)) {
			/* Who ends the container says so before he does it. */
			loop_turn(m, 0);
			life_bury(m);
		}
	}
	finish(m);
	clients_send(m, ATTACH_EXIT, m->status.exit_code, NULL, 0);
	return 0;
}

int main(int argc, char **argv)
{
	struct err e = {0};
	int r = argc == 2 ? exe_seal(argv, &e)
			  : err_say(&e, -EINVAL, "berth-monitor is started by berth");

	init(&monitor);
	if (r == 0)
		r = run(&monitor, argv[1], &e);
	if (r < 0 && !monitor.clients) {
		struct attach_message failed = {.type = ATTACH_FAILED};
		char packet[sizeof(failed) + sizeof(e)];

		memcpy(packet, &failed, sizeof(failed));
		memcpy(packet + sizeof(failed), &e, sizeof(e));
		if (fd_send(FD_STARTER, packet, sizeof(packet), -1) < 0)
			dprintf(2, "%s\n", e.text);
	}
	clients_finish(&monitor);
	return r < 0;
}

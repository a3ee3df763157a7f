/* SPDX-License-Identifier: Apache-2.0 */
/* The container's input and output: pipes or a terminal. */
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "bin/berth-monitor/monitor.h"

enum {
	PARTS_MS = 500, /* how long an unfinished line waits for its end */
	SILENCE_MS =
		100, /* how long a dead container's pipes may be silent before they are given up */
	BLOCKED_MS =
		10000, /* how long the end of a container waits for a starter that does not read */
	READS_AT_ONCE = 64,
};

static bool keeps_stdio(const struct monitor *m)
{
	return str_eq(m->record.log.driver, "passthrough") && !m->record.has_tty;
}

/* ---- making -------------------------------------------------------------------------------------- */

/* A pipe whose end `theirs` becomes our descriptor `number`; the other one is returned. */
static int make_pipe(int number, struct err *e)
{
	int ends[2], ours, theirs;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(e, -errno, "make a pipe for the container");
	ours = number == 0 ? ends[1] : ends[0];
	theirs = number == 0 ? ends[0] : ends[1];
	if (dup2(theirs, number) < 0 || fcntl(ours, F_SETFL, O_NONBLOCK) < 0) {
		int r = err_sys(e, -errno, "set up a pipe for the container");

		close(ours);
		close(theirs);
		return r;
	}
	close(theirs);
	return ours;
}

int streams_make(struct monitor *m, struct err *e)
{
	if (m->record.has_tty || keeps_stdio(m))
		return 0;
	for (int i = 0; i < 2; i++) {
		m->out[i].fd = make_pipe(i + 1, e);
		if (m->out[i].fd < 0)
			return m->out[i].fd;
	}
	if (!m->record.opens_stdin)
		return 0;
	m->in.fd = make_pipe(0, e);
	return m->in.fd < 0 ? m->in.fd : 0;
}

void streams_release(struct monitor *m)
{
	for (int i = 0; i < 3; i++)
		dup2(m->null_fd, i);
}

/* ---- output -------------------------------------------------------------------------------------- */

/* Returns the bytes read, 0 when there is nothing now, -ENODATA at the end. */
static ssize_t read_output(struct monitor *m, struct source *s)
{
	int stream = s == &m->out[0] ? 1 : 2;
	ssize_t n;

	do
		n = read(s->fd, m->buffer, sizeof(m->buffer));
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return 0;
	if (n <= 0) { /* a terminal says EIO when nobody has its other end */
		source_close(m, s);
		return -ENODATA;
	}
	log_writer_put(m->log, stream, m->buffer, (size_t)n, now_real_ns());
	/* Order: what a client sees is in the log. */
	log_writer_flush(m->log);
	clients_output(m, stream, m->buffer, (size_t)n);
	if (m->is_dying)
		timer_set(m, TIMER_SILENCE, SILENCE_MS);
	return n;
}

static void on_output(struct monitor *m, struct source *s, uint32_t events)
{
	(void)events;
	read_output(m, s);
	if (log_writer_is_waiting(m->log))
		timer_set(m, TIMER_PARTS, PARTS_MS);
	else
		timer_clear(m, TIMER_PARTS);
}

void on_timer_parts(struct monitor *m)
{
	log_writer_flush_parts(m->log);
	if (log_writer_is_waiting(m->log))
		timer_set(m, TIMER_PARTS, PARTS_MS);
}

void streams_drain(struct monitor *m)
{
	for (int i = 0; i < 2; i++)
		for (int n = 0; n < READS_AT_ONCE && m->out[i].fd >= 0 && !m->is_paused; n++)
			if (read_output(m, &m->out[i]) <= 0)
				break;
	if (!streams_are_done(m))
		timer_set(m, TIMER_SILENCE, m->is_paused ? BLOCKED_MS : SILENCE_MS);
}

bool streams_are_done(const struct monitor *m)
{
	return m->out[0].fd < 0 && m->out[1].fd < 0;
}

void streams_pause(struct monitor *m, bool is_paused)
{
	if (m->is_paused == is_paused)
		return;
	m->is_paused = is_paused;
	for (int i = 0; i < 2; i++)
		source_watch(m, &m->out[i], is_paused ? 0 : EPOLLIN);
	if (m->is_dying)
		timer_set(m, TIMER_SILENCE, is_paused ? BLOCKED_MS : SILENCE_MS);
}

/* ---- input --------------------------------------------------------------------------------------- */

void input_write(struct monitor *m)
{
	while (m->in_at < m->in_n && m->in.fd >= 0) {
		ssize_t n = write(m->in.fd, m->input + m->in_at, m->in_n - m->in_at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			source_watch(m, &m->in, EPOLLOUT);
			return;
		}
		if (n < 0)
			source_close(m, &m->in);
		else
			m->in_at += (size_t)n;
	}
	m->in_at = m->in_n = 0;
	/* Only its end is of interest now (EPOLLERR of a pipe that nobody reads). */
	source_watch(m, &m->in, m->record.has_tty ? 0 : EPOLLET);
	if (m->in_ends && m->in.fd >= 0)
		source_close(m, &m->in);
	m->in_ends = false;
	clients_resume(m);
}

static void on_input(struct monitor *m, struct source *s, uint32_t events)
{
	if (events & (EPOLLERR | EPOLLHUP)) {
		source_close(m, s);
		m->in_at = m->in_n = 0;
		clients_resume(m);
		return;
	}
	input_write(m);
}

void input_end(struct monitor *m)
{
	static const char end_of_file = 4; /* VEOF of a terminal in its usual mode */

	if (!m->record.stdin_once || m->in.fd < 0)
		return;
	if (!m->record.has_tty) {
		m->in_ends = true;
	} else if (m->in_n < sizeof(m->input)) {
		m->input[m->in_n++] = end_of_file;
	}
	input_write(m);
}

/* ---- a life -------------------------------------------------------------------------------------- */

void streams_start(struct monitor *m, int master)
{
	if (master >= 0) {
		fcntl(master, F_SETFL, O_NONBLOCK);
		m->out[0].fd = master;
		m->in.fd = fcntl(master, F_DUPFD_CLOEXEC, 10);
		streams_resize(m);
	}
	m->in_n = m->in_at = 0;
	m->in_ends = false;
	for (int i = 0; i < 2; i++) {
		m->out[i].ready = on_output;
		source_watch(m, &m->out[i], m->is_paused ? 0 : EPOLLIN);
	}
	m->in.ready = on_input;
	source_watch(m, &m->in, m->record.has_tty ? 0 : EPOLLET);
}

void streams_resize(struct monitor *m)
{
	struct winsize size = {.ws_row = m->rows, .ws_col = m->columns};

	if (m->record.has_tty && m->out[0].fd >= 0 && (m->rows || m->columns))
		ioctl(m->out[0].fd, TIOCSWINSZ, &size);
}

void streams_close(struct monitor *m)
{
	for (int i = 0; i < 2; i++)
		source_close(m, &m->out[i]);
	source_close(m, &m->in);
	m->in_n = m->in_at = 0;
	m->in_ends = false;
}

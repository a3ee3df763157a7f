/* SPDX-License-Identifier: Apache-2.0 */
/* Who looks at the container: the starter and those that attach. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/str.h"
#include "bin/berth-monitor/monitor.h"

enum {
	CLIENTS_MAX = 256,
	QUEUE_MAX = 1 << 20, /* bytes that one client may be behind */
	FINISH_MS = 10000,
};

struct packet {
	struct packet *next;
	size_t n;
	struct attach_message message;
	char data[];
};

struct client {
	struct source source; /* first: the loop knows nothing else */
	struct client *next;
	unsigned wants;
	bool is_starter; /* the container waits for it */
	bool is_greeted, is_gone;
	struct packet *first, **last;
	size_t queued;
	int64_t missed;
};

/* ---- sending ------------------------------------------------------------------------------------- */

static int send_packet(int fd, const struct attach_message *message, const void *data, size_t n)
{
	struct iovec io[] = {{(void *)(uintptr_t)message, sizeof(*message)},
			     {(void *)(uintptr_t)data, n}};
	struct msghdr h = {.msg_iov = io, .msg_iovlen = n ? 2 : 1};
	ssize_t r;

	do
		r = sendmsg(fd, &h, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : 0;
}

static void enqueue(struct client *c, const struct attach_message *message, const void *data,
		    size_t n)
{
	struct packet *p = malloc(sizeof(*p) + n);

	if (!p) {
		c->missed += (int64_t)n;
		return;
	}
	p->next = NULL;
	p->n = n;
	p->message = *message;
	if (n)
		memcpy(p->data, data, n);
	*c->last = p;
	c->last = &p->next;
	c->queued += n + sizeof(*p);
}

static uint32_t wanted_events(const struct monitor *m, const struct client *c)
{
	/* No more input is read than the container takes. */
	bool reads = !(c->wants & ATTACH_WANT_STDIN) || m->in_n == 0;

	return (reads ? EPOLLIN : 0) | (c->first ? EPOLLOUT : 0);
}

static void watch(struct monitor *m, struct client *c)
{
	bool is_blocked = false;

	if (!c->is_gone)
		source_watch(m, &c->source, wanted_events(m, c));
	for (struct client *other = m->clients; other; other = other->next)
		is_blocked |= other->is_starter && !other->is_gone && other->first;
	streams_pause(m, is_blocked);
}

/* The memory goes with the next client's coming or going: the loop may still hold a pointer. */
static void drop(struct monitor *m, struct client *c)
{
	if (c->is_gone)
		return;
	c->is_gone = true;
	while (c->first) {
		struct packet *next = c->first->next;

		free(c->first);
		c->first = next;
	}
	source_close(m, &c->source);
	if (c->wants & ATTACH_WANT_STDIN)
		input_end(m);
	watch(m, c);
}

static void sweep(struct monitor *m)
{
	for (struct client **at = &m->clients; *at;) {
		struct client *c = *at;

		if (!c->is_gone) {
			at = &c->next;
			continue;
		}
		*at = c->next;
		m->n_clients--;
		free(c);
	}
}

static void flush(struct monitor *m, struct client *c)
{
	while (c->first) {
		struct packet *p = c->first;
		int r = send_packet(c->source.fd, &p->message, p->data, p->n);

		if (r == -EAGAIN)
			break;
		if (r < 0) {
			drop(m, c);
			return;
		}
		c->first = p->next;
		c->queued -= p->n + sizeof(*p);
		if (!c->first)
			c->last = &c->first;
		free(p);
	}
	watch(m, c);
}

static void put(struct monitor *m, struct client *c, enum attach_type type, int64_t value,
		const void *data, size_t n)
{
	struct attach_message message = {.type = type, .value = value};
	bool may_drop = (type == ATTACH_OUT || type == ATTACH_ERR) && !c->is_starter;
	int r;

	if (c->is_gone)
		return;
	if (may_drop && c->queued + n > QUEUE_MAX) {
		c->missed += (int64_t)n;
		return;
	}
	if (c->missed) {
		struct attach_message dropped = {.type = ATTACH_DROPPED, .value = c->missed};

		c->missed = 0;
		enqueue(c, &dropped, NULL, 0);
	}
	r = c->first ? -EAGAIN : send_packet(c->source.fd, &message, data, n);
	if (r == -EAGAIN) {
		enqueue(c, &message, data, n);
		watch(m, c);
	} else if (r < 0) {
		drop(m, c);
	}
}

void clients_output(struct monitor *m, int stream, const char *data, size_t n)
{
	unsigned want = stream == 1 ? ATTACH_WANT_STDOUT : ATTACH_WANT_STDERR;

	for (struct client *c = m->clients; c; c = c->next)
		if (c->is_greeted && c->wants & want)
			put(m, c, stream == 1 ? ATTACH_OUT : ATTACH_ERR, 0, data, n);
}

void clients_send(struct monitor *m, enum attach_type type, int64_t value, const void *data,
		  size_t n)
{
	for (struct client *c = m->clients; c; c = c->next)
		if (c->is_greeted)
			put(m, c, type, value, data, n);
}

/* ---- receiving ----------------------------------------------------------------------------------- */

static void reload(struct monitor *m)
{
	struct arena fresh = {0};
	struct record record;

	if (record_load(m->dir_fd, m->engine.data, &fresh, &record, NULL) < 0) {
		arena_free(&fresh);
		return;
	}
	arena_free(&m->record_arena);
	m->record_arena = fresh;
	m->record = record;
}

static void handle(struct monitor *m, struct client *c, const struct attach_message *message,
		   size_t n)
{
	switch (message->type) {
	case ATTACH_HELLO:
		c->wants = (unsigned)message->value;
		c->is_greeted = true;
		put(m, c, ATTACH_HELLO, m->record.has_tty, NULL, 0);
		break;
	case ATTACH_IN:
		if (m->in.fd >= 0 && c->wants & ATTACH_WANT_STDIN) {
			m->in_n = n;
			m->in_at = 0;
			input_write(m);
		}
		break;
	case ATTACH_IN_EOF:
		input_end(m);
		break;
	case ATTACH_RESIZE:
		m->rows = (uint16_t)(message->value >> 16);
		m->columns = (uint16_t)message->value;
		streams_resize(m);
		break;
	case ATTACH_STOPPING:
		m->status.was_stopped = true;
		if (m->status.state == CONTAINER_RESTARTING)
			m->is_over = true;
		life_save(m);
		break;
	case ATTACH_RELOAD:
		reload(m);
		break;
	default:
		break;
	}
}

static void on_client(struct monitor *m, struct source *s, uint32_t events)
{
	struct client *c = (struct client *)s;
	struct attach_message message;
	/* In place: input is read only while the buffer is empty. */
	struct iovec io[] = {{&message, sizeof(message)}, {m->input, sizeof(m->input)}};
	struct msghdr h = {.msg_iov = io, .msg_iovlen = m->in_n ? 1 : 2};
	ssize_t n;

	if (events & EPOLLOUT)
		flush(m, c);
	if (c->is_gone || !(events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		return;
	if (!(c->source.events & EPOLLIN)) { /* gone, with input of it still to be read later */
		source_watch(m, s, 0);
		return;
	}
	n = recvmsg(s->fd, &h, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < (ssize_t)sizeof(message) || (h.msg_flags & (MSG_TRUNC | MSG_CTRUNC))) {
		drop(m, c);
		return;
	}
	handle(m, c, &message, (size_t)n - sizeof(message));
	if (!c->is_gone)
		watch(m, c);
}

void clients_resume(struct monitor *m)
{
	for (struct client *c = m->clients; c; c = c->next)
		if (!c->is_gone)
			source_watch(m, &c->source, wanted_events(m, c));
}

/* ---- coming -------------------------------------------------------------------------------------- */

static struct client *add(struct monitor *m, int fd)
{
	struct client *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->source = (struct source){.ready = on_client, .fd = fd};
	c->last = &c->first;
	c->next = m->clients;
	m->clients = c;
	m->n_clients++;
	return c;
}

static void on_listener(struct monitor *m, struct source *s, uint32_t events)
{
	auto_close int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct client *c;

	(void)events;
	sweep(m);
	if (fd < 0 || m->n_clients >= CLIENTS_MAX)
		return;
	c = add(m, fd);
	if (!c)
		return;
	TAKE_FD(fd);
	watch(m, c);
}

int clients_listen(struct monitor *m, struct err *e)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	auto_close int dir = -EBADF;
	auto_close int fd = -EBADF;

	if (mkdirat(m->engine.run_fd, m->record.id, 0700) < 0 && errno != EEXIST)
		return err_sys(e, -errno, "make %s/%s", m->engine.run, m->record.id);
	dir = openat(m->engine.run_fd, m->record.id, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return err_sys(e, -errno, "open %s/%s", m->engine.run, m->record.id);
	unlinkat(dir, "monitor.sock", 0);
	/* The path may be longer than sockaddr_un holds. */
	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/monitor.sock", dir);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(fd, 64) < 0)
		return err_sys(e, -errno, "make the monitor's socket in %s/%s", m->engine.run,
			       m->record.id);
	m->listener = (struct source){.ready = on_listener, .fd = TAKE_FD(fd)};
	source_watch(m, &m->listener, EPOLLIN);
	return 0;
}

int clients_add_starter(struct monitor *m, int fd, struct err *e)
{
	struct attach_message message;
	ssize_t n = recv(fd, &message, sizeof(message), 0);
	struct client *c;

	if (n != sizeof(message) || message.type != ATTACH_HELLO)
		return err_say(e, -EPROTO,
			       "berth-monitor is started by berth and serves its socket; it is no "
			       "command of its own");
	c = add(m, fd);
	if (!c)
		return err_sys(e, -ENOMEM, "serve the starter");
	c->wants = (unsigned)message.value;
	c->is_greeted = true;
	/* Who asked for drop-oldest wants a container that never waits. */
	c->is_starter = c->wants != 0 && !str_eq(m->record.log.mode, "drop-oldest");
	watch(m, c);
	return 0;
}

/* ---- going --------------------------------------------------------------------------------------- */

void clients_free_starter(struct monitor *m)
{
	for (struct client *c = m->clients; c; c = c->next)
		c->is_starter = false;
	streams_pause(m, false);
}

void clients_unlisten(struct monitor *m)
{
	char path[128];

	source_close(m, &m->listener);
	snprintf(path, sizeof(path), "%s/monitor.sock", m->record.id);
	unlinkat(m->engine.run_fd, path, 0);
	snprintf(path, sizeof(path), "%s/health.pid", m->record.id);
	unlinkat(m->engine.run_fd, path, 0);
	unlinkat(m->engine.run_fd, m->record.id, AT_REMOVEDIR);
}

/* 0: all is sent; 1: somebody has still to read; 2: so has the starter. */
static int unsent(const struct monitor *m)
{
	int left = 0;

	for (const struct client *c = m->clients; c; c = c->next)
		if (!c->is_gone && c->first)
			left |= c->is_starter ? 2 : 1;
	return left;
}

void clients_finish(struct monitor *m)
{
	int64_t end = now_ms() + FINISH_MS;
	int left;

	/* The one that started it gets everything, however long that takes; it may also hang up. */
	while ((left = unsent(m)) && (left & 2 || now_ms() < end))
		loop_turn(m, FINISH_MS / 10);
}

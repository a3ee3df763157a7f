/* SPDX-License-Identifier: Apache-2.0 */
/* The driver journald: systemd's native protocol, without its library. */
#include <endian.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "engine/container/record.h"
#include "engine/log/sink.h"
#include "kernel/fd.h"

#ifndef F_ADD_SEALS
#define F_ADD_SEALS 1033
#define F_SEAL_SEAL 0x0001
#define F_SEAL_SHRINK 0x0002
#define F_SEAL_GROW 0x0004
#define F_SEAL_WRITE 0x0008
#endif

/*
 * Theory of operation
 *
 * A datagram holds the fields of one entry: "NAME=VALUE\n", or "NAME\n", the length in 8 bytes little endian,
 * the value and "\n" (systemd's JOURNAL_NATIVE_PROTOCOL). One that is too long for the socket goes as a sealed
 * memfd. Entries wait in a batch while the journal's socket is full; then the container waits, or, in mode
 * drop-oldest, the oldest entries go.
 */

#define JOURNAL_SOCKET "/run/systemd/journal/socket"

enum { FIELDS_MAX = 4096, WAIT_MS = 5000, PRIORITY_OUT = 6, PRIORITY_ERR = 3 };

struct waiting {
	uint32_t n;
	uint8_t stream;
	bool is_part;
};

struct sink {
	int socket;
	bool drops_oldest;
	int64_t dropped;
	char fields[FIELDS_MAX]; /* the same in every entry */
	size_t fields_n, n;
	char batch[LOG_BATCH]; /* struct waiting and its text, again and again */
};

static int send_memfd(int socket, const struct msghdr *entry)
{
	auto_close int fd = memfd_create("journal-entry", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct msghdr message = {.msg_name = entry->msg_name,
				 .msg_namelen = entry->msg_namelen,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control)};

	if (fd < 0)
		return -errno;
	for (size_t i = 0; i < (size_t)entry->msg_iovlen; i++) {
		int r = fd_write_all(fd, entry->msg_iov[i].iov_base, entry->msg_iov[i].iov_len);

		if (r < 0)
			return r;
	}
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
		return -errno;
	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.header), &fd, sizeof(int));
	return sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

static int send_entry(struct sink *s, const struct waiting *w, const char *text)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = JOURNAL_SOCKET};
	size_t n = w->n - (w->n > 0 && text[w->n - 1] == '\n');
	uint64_t length = htole64(n);
	char more[64];
	struct iovec io[] = {
		{s->fields, s->fields_n},
		{more, (size_t)snprintf(more, sizeof(more), "PRIORITY=%d\n%sMESSAGE\n",
					w->stream == 1 ? PRIORITY_OUT : PRIORITY_ERR,
					w->is_part ? "CONTAINER_PARTIAL_MESSAGE=true\n" : "")},
		{&length, sizeof(length)},
		{(void *)(uintptr_t)text, n},
		{(char[]){'\n'}, 1},
	};
	struct msghdr message = {.msg_name = &address,
				 .msg_namelen = sizeof(address),
				 .msg_iov = io,
				 .msg_iovlen = ARRAY_LEN(io)};

	if (sendmsg(s->socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
		return 0;
	return errno == EMSGSIZE || errno == ENOBUFS ? send_memfd(s->socket, &message) : -errno;
}

static int journald_flush(struct sink *s)
{
	size_t at = 0;
	int r = 0;

	while (at < s->n) {
		struct waiting w;

		memcpy(&w, s->batch + at, sizeof(w));
		r = send_entry(s, &w, s->batch + at + sizeof(w));
		if (r == -EAGAIN)
			break;
		s->dropped += r < 0;
		at += sizeof(w) + w.n;
	}
	memmove(s->batch, s->batch + at, s->n - at);
	s->n -= at;
	return r;
}

static void drop_oldest(struct sink *s)
{
	struct waiting w;
	size_t n;

	memcpy(&w, s->batch, sizeof(w));
	n = sizeof(w) + w.n;
	memmove(s->batch, s->batch + n, s->n - n);
	s->n -= n;
	s->dropped++;
}

static void make_room(struct sink *s, size_t n)
{
	struct pollfd p = {.fd = s->socket, .events = POLLOUT};

	while (LOG_BATCH - s->n < n) {
		if (journald_flush(s) != -EAGAIN)
			continue;
		/* A journal that takes nothing for so long is no reason to hold the container for ever. */
		if (s->drops_oldest || poll(&p, 1, WAIT_MS) <= 0)
			while (LOG_BATCH - s->n < n)
				drop_oldest(s);
	}
}

static int journald_put(struct sink *s, const struct log_entry *entry)
{
	struct waiting w = {(uint32_t)entry->n, (uint8_t)entry->stream, entry->is_part};

	make_room(s, sizeof(w) + entry->n);
	memcpy(s->batch + s->n, &w, sizeof(w));
	memcpy(s->batch + s->n + sizeof(w), entry->text, entry->n);
	s->n += sizeof(w) + entry->n;
	return 0;
}

static void add_field(struct sink *s, const char *name, const char *value)
{
	int n;

	/* A newline would begin another field. */
	if (!value || strchr(value, '\n'))
		return;
	n = snprintf(s->fields + s->fields_n, FIELDS_MAX - s->fields_n, "%s=%s\n", name, value);
	if (n > 0 && (size_t)n < FIELDS_MAX - s->fields_n)
		s->fields_n += (size_t)n;
}

static int journald_open(int dir_fd, const struct record *r, struct sink **ret, struct err *e)
{
	struct sink *s = malloc(sizeof(*s));
	const char *tag = NULL;
	char id[13];

	(void)dir_fd;
	if (!s)
		return err_sys(e, -ENOMEM, "open the log");
	memset(s, 0, offsetof(struct sink, batch));
	s->socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (s->socket < 0 || access(JOURNAL_SOCKET, W_OK) < 0) {
		int rc = err_sys(e, -errno,
				 "log driver journald: reach the journal at " JOURNAL_SOCKET);

		auto_close_fn(&s->socket);
		free(s);
		return rc;
	}
	s->drops_oldest = str_eq(r->log.mode, "drop-oldest");
	for (size_t i = 0; i < r->log.options.n; i++)
		if (str_eq(r->log.options.v[i].key, "tag"))
			tag = r->log.options.v[i].value;
	snprintf(id, sizeof(id), "%s", r->id);
	add_field(s, "CONTAINER_ID", id);
	add_field(s, "CONTAINER_ID_FULL", r->id);
	add_field(s, "CONTAINER_NAME", r->name);
	add_field(s, "CONTAINER_TAG", tag ? tag : id);
	add_field(s, "SYSLOG_IDENTIFIER", tag ? tag : id);
	add_field(s, "IMAGE_NAME", r->image);
	*ret = s;
	return 0;
}

static bool journald_is_waiting(const struct sink *s)
{
	return s->n > 0;
}

static int64_t journald_dropped(const struct sink *s)
{
	return s->dropped;
}

static void journald_close(struct sink *s)
{
	struct pollfd p = {.fd = s->socket, .events = POLLOUT};

	while (journald_flush(s) == -EAGAIN && poll(&p, 1, WAIT_MS) > 0)
		continue;
	close(s->socket);
	free(s);
}

const struct sink_ops sink_journald = {
	.open = journald_open,
	.put = journald_put,
	.flush = journald_flush,
	.is_waiting = journald_is_waiting,
	.dropped = journald_dropped,
	.close = journald_close,
};

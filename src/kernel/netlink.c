/* SPDX-License-Identifier: Apache-2.0 */
/* Netlink: building one request in a fixed buffer, sending it, reading the acknowledgement. */
#include "kernel/netlink.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/auto.h"
#include "kernel/sys.h"

/* An acknowledgement carries a copy of the request after its header. */
#define ANSWER_SIZE (NETLINK_REQUEST_SIZE + 512)

int netlink_open(int family)
{
	return sys_return(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, family));
}

/* Appends n bytes, padded with zeros to the alignment that both headers share. */
static void append(struct netlink_request *q, const void *data, size_t n)
{
	size_t at = q->header.nlmsg_len, padded = NLMSG_ALIGN(n);

	if (padded < n || padded > sizeof(q->buf) - at) {
		q->error = -EMSGSIZE;
		return;
	}
	memset(q->buf + at, 0, padded);
	memcpy(q->buf + at, data, n);
	q->header.nlmsg_len += (uint32_t)padded;
}

void netlink_begin(struct netlink_request *q, uint16_t type, uint16_t flags, const void *fixed,
		   size_t n)
{
	q->error = 0;
	q->header = (struct nlmsghdr){
		.nlmsg_len = NLMSG_HDRLEN,
		.nlmsg_type = type,
		.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags),
	};
	append(q, fixed, n);
}

void netlink_put(struct netlink_request *q, uint16_t attribute, const void *value, size_t n)
{
	struct nlattr a = {.nla_type = attribute};

	/* Security: nla_len has 16 bits; a longer value must not wrap (CVE-2021-43784). */
	if (n > sizeof(q->buf)) {
		q->error = -EMSGSIZE;
		return;
	}
	a.nla_len = (uint16_t)(NLA_HDRLEN + n);
	append(q, &a, sizeof(a));
	append(q, value, n);
}

void netlink_put_string(struct netlink_request *q, uint16_t attribute, const char *value)
{
	netlink_put(q, attribute, value, strlen(value) + 1);
}

void netlink_put_u32(struct netlink_request *q, uint16_t attribute, uint32_t value)
{
	netlink_put(q, attribute, &value, sizeof(value));
}

int netlink_call(int socket, struct netlink_request *q)
{
	union {
		struct nlmsghdr header;
		char buf[ANSWER_SIZE];
	} answer;
	struct nlmsgerr *ack = NLMSG_DATA(&answer.header);
	ssize_t n;

	if (q->error < 0)
		return q->error;
	do
		n = send(socket, q->buf, q->header.nlmsg_len, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	do
		n = recv(socket, answer.buf, sizeof(answer.buf), 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if ((size_t)n < NLMSG_LENGTH(sizeof(*ack)) || answer.header.nlmsg_type != NLMSG_ERROR)
		return -EPROTO;
	return ack->error;
}

/* Returns 1 at the end of the dump, 0 where more is to come, or -errno. */
static int take_messages(const struct nlmsghdr *m, size_t n,
			 int (*take)(void *arg, const struct nlmsghdr *m), void *arg, int *ret_r)
{
	for (; n >= NLMSG_HDRLEN && m->nlmsg_len >= NLMSG_HDRLEN && m->nlmsg_len <= n;
	     n -= NLMSG_ALIGN(m->nlmsg_len),
	     m = (const struct nlmsghdr *)((const char *)m + NLMSG_ALIGN(m->nlmsg_len))) {
		const struct nlmsgerr *ack = NLMSG_DATA(m);
		int r;

		if (m->nlmsg_flags & NLM_F_DUMP_INTR)
			*ret_r = -EINTR;
		if (m->nlmsg_type == NLMSG_DONE)
			return 1;
		if (m->nlmsg_type == NLMSG_ERROR)
			return m->nlmsg_len < NLMSG_LENGTH(sizeof(*ack)) ? -EPROTO
			       : ack->error                              ? ack->error
									 : -EPROTO;
		r = *ret_r < 0 ? 0 : take(arg, m);
		if (r < 0)
			*ret_r = r;
		if (NLMSG_ALIGN(m->nlmsg_len) >= n)
			break;
	}
	return 0;
}

int netlink_dump(int socket, struct netlink_request *q,
		 int (*take)(void *arg, const struct nlmsghdr *m), void *arg)
{
	union {
		struct nlmsghdr header;
		char buf[1 << 15]; /* af_netlink.c: no message of a dump is larger than 32 KiB */
	} answer;
	int result = 0, r = 0;
	ssize_t n;

	if (q->error < 0)
		return q->error;
	q->header.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_DUMP);
	do
		n = send(socket, q->buf, q->header.nlmsg_len, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	while (r == 0) {
		do
			n = recv(socket, answer.buf, sizeof(answer.buf), 0);
		while (n < 0 && errno == EINTR);
		if (n <= 0)
			return n < 0 ? -errno : -EPROTO;
		r = take_messages(&answer.header, (size_t)n, take, arg, &result);
	}
	return r < 0 ? r : result;
}

int netlink_next(const char **at, size_t *n, const void **ret_value, size_t *ret_size)
{
	struct nlattr a;
	size_t padded;

	if (*n < NLA_HDRLEN)
		return -1;
	memcpy(&a, *at, sizeof(a));
	if (a.nla_len < NLA_HDRLEN || a.nla_len > *n)
		return -1;
	*ret_value = *at + NLA_HDRLEN;
	*ret_size = a.nla_len - (size_t)NLA_HDRLEN;
	padded = (size_t)NLA_ALIGN(a.nla_len);
	if (padded > *n)
		padded = *n;
	*at += padded;
	*n -= padded;
	return a.nla_type & NLA_TYPE_MASK;
}

/* ---- batches ------------------------------------------------------------------------------------- */

static void *batch_room(struct netlink_batch *b, size_t n)
{
	size_t size = b->size ? b->size : 1024;
	char *at;

	while (size < b->n + n)
		size *= 2;
	if (b->error < 0)
		return NULL;
	if (size > b->size) {
		char *more = realloc(b->buf, size);

		if (!more) {
			b->error = -ENOMEM;
			return NULL;
		}
		b->buf = more;
		b->size = size;
	}
	at = b->buf + b->n;
	memset(at, 0, n);
	b->n += n;
	return at;
}

/* The message's own length is the last thing that a change of it sets. */
static void batch_seal(struct netlink_batch *b)
{
	uint32_t n = (uint32_t)(b->n - b->message);

	if (b->error == 0)
		memcpy(b->buf + b->message + offsetof(struct nlmsghdr, nlmsg_len), &n, sizeof(n));
}

void netlink_batch_append(struct netlink_batch *b, const void *data, size_t n)
{
	char *at = batch_room(b, NLMSG_ALIGN(n));

	if (at && n)
		memcpy(at, data, n);
	batch_seal(b);
}

void netlink_batch_begin(struct netlink_batch *b, uint16_t type, uint16_t flags, const void *fixed,
			 size_t n)
{
	const struct nlmsghdr head = {
		.nlmsg_type = type,
		.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags),
		.nlmsg_seq = ++b->count,
	};

	b->message = b->n;
	netlink_batch_append(b, &head, sizeof(head));
	netlink_batch_append(b, fixed, n);
}

void netlink_batch_put(struct netlink_batch *b, uint16_t attribute, const void *value, size_t n)
{
	struct nlattr a = {.nla_type = attribute, .nla_len = (uint16_t)(NLA_HDRLEN + n)};

	if (n > UINT16_MAX - NLA_HDRLEN) {
		b->error = -EMSGSIZE;
		return;
	}
	netlink_batch_append(b, &a, sizeof(a));
	netlink_batch_append(b, value, n);
}

void netlink_batch_put_string(struct netlink_batch *b, uint16_t attribute, const char *value)
{
	netlink_batch_put(b, attribute, value, strlen(value) + 1);
}

void netlink_batch_put_u32(struct netlink_batch *b, uint16_t attribute, uint32_t value)
{
	netlink_batch_put(b, attribute, &value, sizeof(value));
}

size_t netlink_batch_open(struct netlink_batch *b, uint16_t attribute)
{
	size_t at = b->n;

	netlink_batch_put(b, attribute | NLA_F_NESTED, NULL, 0);
	return at;
}

void netlink_batch_close(struct netlink_batch *b, size_t open)
{
	size_t n = b->n - open;
	uint16_t length = (uint16_t)n;

	if (n > UINT16_MAX)
		b->error = -EMSGSIZE;
	if (b->error == 0)
		memcpy(b->buf + open + offsetof(struct nlattr, nla_len), &length, sizeof(length));
}

/* A batch of many elements is larger than what a socket takes by itself. */
static void make_room(int socket, size_t n)
{
	int room = n > INT32_MAX / 4 ? INT32_MAX : (int)n * 2 + 65536;

	if (n > 65536)
		setsockopt(socket, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room));
}

int netlink_batch_send(int socket, const struct netlink_batch *b, uint32_t *ret_failed)
{
	union {
		struct nlmsghdr header;
		char buf[ANSWER_SIZE];
	} answer;
	const struct nlmsgerr *ack = NLMSG_DATA(&answer.header);
	int result = 0;
	ssize_t n;

	if (ret_failed)
		*ret_failed = 0;
	if (b->error < 0)
		return b->error;
	make_room(socket, b->n);
	do
		n = send(socket, b->buf, b->n, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	for (;;) {
		n = recv(socket, answer.buf, sizeof(answer.buf), MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return result < 0 || errno == EAGAIN ? result : -errno;
		if ((size_t)n < NLMSG_LENGTH(sizeof(*ack)) ||
		    answer.header.nlmsg_type != NLMSG_ERROR || ack->error == 0 || result < 0)
			continue;
		result = ack->error;
		if (ret_failed)
			*ret_failed = answer.header.nlmsg_seq;
	}
}

void netlink_batch_free(struct netlink_batch *b)
{
	free(b->buf);
	b->buf = NULL;
}

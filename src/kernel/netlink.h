/* SPDX-License-Identifier: Apache-2.0 */
/* Netlink: building one request in a fixed buffer, sending it, reading the acknowledgement. */
#ifndef BERTH_KERNEL_NETLINK_H
#define BERTH_KERNEL_NETLINK_H

#include <linux/netlink.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Theory of operation
 *
 * netlink_begin starts a request and its fixed header, netlink_put appends attributes, netlink_call
 * sends it with NLM_F_ACK and waits for the answer. The kernel handles a request inside sendmsg(2),
 * so the answer is there when that returns: nothing ever waits. An attribute that does not fit marks
 * the request as broken and netlink_call returns -EMSGSIZE, so that the appending calls need no
 * checks.
 */

#define NETLINK_REQUEST_SIZE 1024

struct netlink_request {
	union {
		struct nlmsghdr header;
		char buf[NETLINK_REQUEST_SIZE];
	};
	int error;
};

/* Opens a socket of a family (NETLINK_ROUTE, ...) in the caller's net namespace. Returns it or
 * -errno. */
int netlink_open(int family);

/* Starts a request: message type, NLM_F_* besides REQUEST and ACK, and n bytes of the family's fixed
 * header. */
void netlink_begin(struct netlink_request *q, uint16_t type, uint16_t flags, const void *fixed,
		   size_t n);
void netlink_put(struct netlink_request *q, uint16_t attribute, const void *value, size_t n);
void netlink_put_string(struct netlink_request *q, uint16_t attribute, const char *value);
void netlink_put_u32(struct netlink_request *q, uint16_t attribute, uint32_t value);

/* Sends the request and reads its acknowledgement. Returns 0 or -errno, the kernel's own included. */
int netlink_call(int socket, struct netlink_request *q);

/* Sends the request as a dump and calls take for every message of the answer; what take returns below 0 is returned in
 * the end, the rest of the answer being read all the same. -EINTR: the list changed meanwhile; ask again. */
int netlink_dump(int socket, struct netlink_request *q,
		 int (*take)(void *arg, const struct nlmsghdr *m), void *arg);

/* The next attribute of at[0..n): its value and size (both unchanged at the end). Returns its type, or -1 at the end or
 * where what is left is not well formed. *at and *n are moved past it. */
int netlink_next(const char **at, size_t *n, const void **ret_value, size_t *ret_size);

/*
 * Several messages in one sendmsg(2). The buffer grows; memory that cannot be had marks the batch as broken, as
 * everything that does not fit does. Zero-initialise; release with netlink_batch_free or auto_netlink_batch.
 */
struct netlink_batch {
	char *buf;
	size_t n, size;
	size_t message; /* where the last message begins */
	uint32_t count;
	int error;
};

/* Starts a message; flags: all of them besides REQUEST. Its number in the batch, from 1 on, is its sequence number. */
void netlink_batch_begin(struct netlink_batch *b, uint16_t type, uint16_t flags, const void *fixed,
			 size_t n);
void netlink_batch_put(struct netlink_batch *b, uint16_t attribute, const void *value, size_t n);
void netlink_batch_put_string(struct netlink_batch *b, uint16_t attribute, const char *value);
void netlink_batch_put_u32(struct netlink_batch *b, uint16_t attribute, uint32_t value);
/* An attribute of attributes, up to netlink_batch_close with what this returned. */
size_t netlink_batch_open(struct netlink_batch *b, uint16_t attribute);
void netlink_batch_close(struct netlink_batch *b, size_t open);
/* Appends to the last message what is no attribute (a header within an attribute). */
void netlink_batch_append(struct netlink_batch *b, const void *data, size_t n);

/* Sends it and reads every answer that is there: the kernel has handled all of it when sendmsg(2) returns. Returns 0 or
 * the first error; *ret_failed (may be NULL) is the number of the message that it belongs to, else 0. */
int netlink_batch_send(int socket, const struct netlink_batch *b, uint32_t *ret_failed);
void netlink_batch_free(struct netlink_batch *b);
#define auto_netlink_batch __attribute__((cleanup(netlink_batch_free)))

#endif

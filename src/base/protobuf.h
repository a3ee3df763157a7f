/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of Protocol Buffers, written and read field by field: what the RPC of criu needs of them. */
#ifndef BERTH_BASE_PROTOBUF_H
#define BERTH_BASE_PROTOBUF_H

#include <stddef.h>
#include <stdint.h>

struct arena;

/* A message under way. Initialise with the arena that its bytes shall live in. */
struct pb_message {
	struct arena *arena;
	unsigned char *v;
	size_t n, size;
};

/* Each adds one field; number: the field's, from 1. A negative int32 or enum is to be given sign-extended to 64
 * bits. Source: protobuf.dev, "Encoding". */
void pb_put_uint(struct pb_message *m, uint32_t number, uint64_t v);
void pb_put_string(struct pb_message *m, uint32_t number, const char *s); /* NULL: no field */
void pb_put_message(struct pb_message *m, uint32_t number, const struct pb_message *inner);

/* What is left to be read of a message. */
struct pb_reader {
	const unsigned char *p, *end;
};

struct pb_field {
	uint32_t number;
	uint64_t value; /* varint and fixed fields */
	const unsigned char
		*v; /* strings and messages: n bytes within the message read; else NULL */
	size_t n;
};

/* The next field. Returns 1, 0 at the end, or -EPROTO where the bytes are no message (groups, which nobody writes
 * any more, included). */
int pb_next(struct pb_reader *r, struct pb_field *ret);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of D-Bus as bytes: written for one call, read with every length checked. Pure. */
#ifndef BERTH_BASE_DBUS_H
#define BERTH_BASE_DBUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Theory of operation
 *
 * The D-Bus specification, "Message Protocol": a fixed header of 12 bytes, an array of header fields, and a body, each
 * value aligned to its size from the message's start. Only little-endian messages are read and written: the peer is a
 * process of the same machine. A writer that runs over marks itself broken, so that appending calls need no checks.
 */

enum { DBUS_MESSAGE_MAX = 32 << 10, DBUS_HEADER_SIZE = 16 };
enum dbus_type { DBUS_CALL = 1, DBUS_RETURN, DBUS_ERROR, DBUS_SIGNAL };

struct dbus_writer {
	char buf[DBUS_MESSAGE_MAX];
	size_t n, body; /* body: where it begins */
	bool is_broken; /* it did not fit */
};

/* Starts a method call. signature: of the body that is appended next ("" for none). */
void dbus_begin(struct dbus_writer *w, uint32_t serial, const char *destination, const char *path,
		const char *interface, const char *member, const char *signature);
/* Ends it: buf[0..n) is the message. Returns 0 or -EMSGSIZE. */
int dbus_end(struct dbus_writer *w);

void dbus_put_u8(struct dbus_writer *w, uint8_t value);
void dbus_put_u32(struct dbus_writer *w, uint32_t value);
void dbus_put_u64(struct dbus_writer *w, uint64_t value);
void dbus_put_bool(struct dbus_writer *w, bool value);
void dbus_put_string(struct dbus_writer *w, const char *s); /* also of an object path */
void dbus_put_signature(struct dbus_writer *w, const char *s);
void dbus_align(struct dbus_writer *w, size_t to); /* 8: before a structure */
/* An array of elements that are aligned to `align`: open gives what close wants. */
struct dbus_array {
	size_t length_at, start;
};
struct dbus_array dbus_open_array(struct dbus_writer *w, size_t align);
void dbus_close_array(struct dbus_writer *w, struct dbus_array a);

struct dbus_reader {
	const char *buf; /* from the message's start: alignment counts from there */
	size_t n, at;
};
/* Each returns 0 or -EBADMSG; a string points into the message and ends with NUL. */
int dbus_get_u32(struct dbus_reader *r, uint32_t *ret);
int dbus_get_string(struct dbus_reader *r, const char **ret);
int dbus_get_signature(struct dbus_reader *r, const char **ret);

struct dbus_message {
	enum dbus_type type;
	uint32_t serial, reply_serial;
	const char *path, *interface, *member, *error, *signature; /* "" where absent */
	struct dbus_reader body;
};

/* How long the message that begins with these DBUS_HEADER_SIZE bytes is, or -EBADMSG (also: longer than
 * DBUS_MESSAGE_MAX). */
int dbus_message_size(const char header[DBUS_HEADER_SIZE]);
/* Reads one message of n bytes. Returns 0 or -EBADMSG. */
int dbus_parse(const char *buf, size_t n, struct dbus_message *ret);

#endif

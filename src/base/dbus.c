/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of D-Bus as bytes. */
#include "base/dbus.h"

#include <errno.h>
#include <string.h>

/* The specification, "Header Fields". */
enum field {
	FIELD_PATH = 1,
	FIELD_INTERFACE,
	FIELD_MEMBER,
	FIELD_ERROR,
	FIELD_REPLY_SERIAL,
	FIELD_DESTINATION,
	FIELD_SENDER,
	FIELD_SIGNATURE,
};

enum { BODY_LENGTH_AT = 4, FIELDS_LENGTH_AT = 12, VERSION = 1 };

/* ---- writing ------------------------------------------------------------------------------------- */

static void put(struct dbus_writer *w, const void *data, size_t n)
{
	if (w->is_broken || n > sizeof(w->buf) - w->n) {
		w->is_broken = true;
		return;
	}
	memcpy(w->buf + w->n, data, n);
	w->n += n;
}

void dbus_align(struct dbus_writer *w, size_t to)
{
	static const char zeros[8];

	put(w, zeros, (to - w->n % to) % to);
}

void dbus_put_u8(struct dbus_writer *w, uint8_t value)
{
	put(w, &value, 1);
}

void dbus_put_u32(struct dbus_writer *w, uint32_t value)
{
	const uint8_t bytes[4] = {(uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16),
				  (uint8_t)(value >> 24)};

	dbus_align(w, 4);
	put(w, bytes, sizeof(bytes));
}

void dbus_put_u64(struct dbus_writer *w, uint64_t value)
{
	dbus_align(w, 8);
	dbus_put_u32(w, (uint32_t)value);
	dbus_put_u32(w, (uint32_t)(value >> 32));
}

void dbus_put_bool(struct dbus_writer *w, bool value)
{
	dbus_put_u32(w, value);
}

void dbus_put_string(struct dbus_writer *w, const char *s)
{
	size_t n = strlen(s);

	dbus_put_u32(w, (uint32_t)n);
	put(w, s, n + 1);
}

void dbus_put_signature(struct dbus_writer *w, const char *s)
{
	dbus_put_u8(w, (uint8_t)strlen(s));
	put(w, s, strlen(s) + 1);
}

struct dbus_array dbus_open_array(struct dbus_writer *w, size_t align)
{
	struct dbus_array a;

	dbus_put_u32(w, 0);
	a.length_at = w->n - 4;
	dbus_align(w, align); /* not part of the length */
	a.start = w->n;
	return a;
}

static void set_u32(struct dbus_writer *w, size_t at, size_t value)
{
	if (w->is_broken)
		return;
	for (size_t i = 0; i < 4; i++)
		w->buf[at + i] = (char)(value >> (8 * i));
}

void dbus_close_array(struct dbus_writer *w, struct dbus_array a)
{
	set_u32(w, a.length_at, w->n - a.start);
}

static void put_field(struct dbus_writer *w, enum field field, const char *type, const char *value)
{
	if (!*value)
		return;
	dbus_align(w, 8);
	dbus_put_u8(w, (uint8_t)field);
	dbus_put_signature(w, type);
	if (*type == 'g')
		dbus_put_signature(w, value);
	else
		dbus_put_string(w, value);
}

void dbus_begin(struct dbus_writer *w, uint32_t serial, const char *destination, const char *path,
		const char *interface, const char *member, const char *signature)
{
	const uint8_t head[4] = {'l', DBUS_CALL, 0, VERSION};
	struct dbus_array fields;

	w->n = 0;
	w->is_broken = false;
	put(w, head, sizeof(head));
	dbus_put_u32(w, 0); /* the body's length, later */
	dbus_put_u32(w, serial);
	fields = dbus_open_array(w, 8);
	put_field(w, FIELD_PATH, "o", path);
	put_field(w, FIELD_INTERFACE, "s", interface);
	put_field(w, FIELD_MEMBER, "s", member);
	put_field(w, FIELD_DESTINATION, "s", destination);
	put_field(w, FIELD_SIGNATURE, "g", signature);
	dbus_close_array(w, fields);
	dbus_align(w, 8);
	w->body = w->n;
}

int dbus_end(struct dbus_writer *w)
{
	set_u32(w, BODY_LENGTH_AT, w->n - w->body);
	return w->is_broken ? -EMSGSIZE : 0;
}

/* ---- reading ------------------------------------------------------------------------------------- */

static uint32_t u32_at(const char *p)
{
	const uint8_t *b = (const uint8_t *)p;

	return b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static int skip(struct dbus_reader *r, size_t n)
{
	if (r->at > r->n || n > r->n - r->at)
		return -EBADMSG;
	r->at += n;
	return 0;
}

static int align_reader(struct dbus_reader *r, size_t to)
{
	return skip(r, (to - r->at % to) % to);
}

int dbus_get_u32(struct dbus_reader *r, uint32_t *ret)
{
	if (align_reader(r, 4) < 0 || skip(r, 4) < 0)
		return -EBADMSG;
	*ret = u32_at(r->buf + r->at - 4);
	return 0;
}

/* n bytes and a NUL, and no other NUL. */
static int take_text(struct dbus_reader *r, size_t n, const char **ret)
{
	const char *s = r->buf + r->at;

	if (skip(r, n) < 0 || skip(r, 1) < 0 || memchr(s, '\0', n + 1) != s + n)
		return -EBADMSG;
	*ret = s;
	return 0;
}

int dbus_get_string(struct dbus_reader *r, const char **ret)
{
	uint32_t n = 0;

	return dbus_get_u32(r, &n) < 0 ? -EBADMSG : take_text(r, n, ret);
}

int dbus_get_signature(struct dbus_reader *r, const char **ret)
{
	size_t at = r->at;

	return skip(r, 1) < 0 ? -EBADMSG : take_text(r, (uint8_t)r->buf[at], ret);
}

int dbus_message_size(const char header[DBUS_HEADER_SIZE])
{
	uint64_t body = u32_at(header + BODY_LENGTH_AT), fields = u32_at(header + FIELDS_LENGTH_AT);
	uint64_t n = DBUS_HEADER_SIZE + (fields + 7) / 8 * 8 + body;

	if (header[0] != 'l' || header[3] != VERSION || n > DBUS_MESSAGE_MAX)
		return -EBADMSG;
	return (int)n;
}

static int read_field(struct dbus_reader *r, struct dbus_message *m)
{
	const char *type = "", *text = "";
	uint32_t number = 0;
	uint8_t field;

	if (align_reader(r, 8) < 0 || skip(r, 1) < 0)
		return -EBADMSG;
	field = (uint8_t)r->buf[r->at - 1];
	if (dbus_get_signature(r, &type) < 0 || strlen(type) != 1)
		return -EBADMSG;
	if (*type == 'u'                   ? dbus_get_u32(r, &number) < 0
	    : *type == 'g'                 ? dbus_get_signature(r, &text) < 0
	    : *type == 's' || *type == 'o' ? dbus_get_string(r, &text) < 0
					   : true)
		return -EBADMSG;
	switch (field) {
	case FIELD_PATH:
		m->path = text;
		break;
	case FIELD_INTERFACE:
		m->interface = text;
		break;
	case FIELD_MEMBER:
		m->member = text;
		break;
	case FIELD_ERROR:
		m->error = text;
		break;
	case FIELD_REPLY_SERIAL:
		m->reply_serial = number;
		break;
	case FIELD_SIGNATURE:
		m->signature = text;
		break;
	default: /* "must be ignored" */
		break;
	}
	return 0;
}

int dbus_parse(const char *buf, size_t n, struct dbus_message *ret)
{
	struct dbus_message m = {
		.path = "", .interface = "", .member = "", .error = "", .signature = ""};
	struct dbus_reader r = {.buf = buf, .at = DBUS_HEADER_SIZE};
	size_t body;

	if (n < DBUS_HEADER_SIZE || dbus_message_size(buf) != (int)n)
		return -EBADMSG;
	m.type = (enum dbus_type)(uint8_t)buf[1];
	m.serial = u32_at(buf + 8);
	r.n = DBUS_HEADER_SIZE + u32_at(buf + FIELDS_LENGTH_AT);
	while (r.at < r.n)
		if (read_field(&r, &m) < 0)
			return -EBADMSG;
	body = (r.n + 7) / 8 * 8;
	m.body = (struct dbus_reader){.buf = buf, .n = n, .at = body};
	*ret = m;
	return 0;
}

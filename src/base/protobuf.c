/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of Protocol Buffers, written and read field by field. */
#include "base/protobuf.h"

#include <errno.h>
#include <string.h>

#include "base/arena.h"

/* The low three bits of a field's key. */
enum wire { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

static unsigned char *reserve(struct pb_message *m, size_t n)
{
	size_t size = m->size ? m->size : 64;

	while (size - m->n < n)
		size *= 2;
	if (size > m->size)
		m->v = arena_grow(m->arena, m->v, m->size, size);
	m->size = size;
	return m->v + m->n;
}

static void put_varint(struct pb_message *m, uint64_t v)
{
	unsigned char *p = reserve(m, 10);

	do {
		*p++ = (unsigned char)((v & 0x7f) | (v > 0x7f ? 0x80 : 0));
		v >>= 7;
	} while (v);
	m->n = (size_t)(p - m->v);
}

static void put_bytes(struct pb_message *m, uint32_t number, const void *v, size_t n)
{
	put_varint(m, (uint64_t)number << 3 | WIRE_BYTES);
	put_varint(m, n);
	if (n)
		memcpy(reserve(m, n), v, n);
	m->n += n;
}

void pb_put_uint(struct pb_message *m, uint32_t number, uint64_t v)
{
	put_varint(m, (uint64_t)number << 3 | WIRE_VARINT);
	put_varint(m, v);
}

void pb_put_string(struct pb_message *m, uint32_t number, const char *s)
{
	if (s)
		put_bytes(m, number, s, strlen(s));
}

void pb_put_message(struct pb_message *m, uint32_t number, const struct pb_message *inner)
{
	put_bytes(m, number, inner->v, inner->n);
}

static int get_varint(struct pb_reader *r, uint64_t *ret)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 70 && r->p < r->end; shift += 7) {
		unsigned char byte = *r->p++;

		if (shift == 63 && byte > 1)
			return -EPROTO;
		v |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80)) {
			*ret = v;
			return 0;
		}
	}
	return -EPROTO;
}

static int get_fixed(struct pb_reader *r, size_t n, uint64_t *ret)
{
	if ((size_t)(r->end - r->p) < n)
		return -EPROTO;
	*ret = 0;
	for (size_t i = 0; i < n; i++)
		*ret |= (uint64_t)r->p[i] << 8 * i;
	r->p += n;
	return 0;
}

int pb_next(struct pb_reader *r, struct pb_field *ret)
{
	struct pb_field f = {0};
	uint64_t key = 0;
	int fault;

	if (r->p == r->end)
		return 0;
	if (get_varint(r, &key) < 0 || key >> 3 == 0 || key >> 3 > 0x1fffffff)
		return -EPROTO;
	f.number = (uint32_t)(key >> 3);
	switch ((enum wire)(key & 7)) {
	case WIRE_VARINT:
		fault = get_varint(r, &f.value);
		break;
	case WIRE_FIXED64:
		fault = get_fixed(r, 8, &f.value);
		break;
	case WIRE_FIXED32:
		fault = get_fixed(r, 4, &f.value);
		break;
	case WIRE_BYTES:
		fault = get_varint(r, &f.value);
		if (fault < 0 || f.value > (uint64_t)(r->end - r->p))
			return -EPROTO;
		f.v = r->p;
		f.n = (size_t)f.value;
		r->p += f.n;
		break;
	default:
		return -EPROTO;
	}
	if (fault < 0)
		return fault;
	*ret = f;
	return 1;
}

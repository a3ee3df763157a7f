/* SPDX-License-Identifier: Apache-2.0 */
/* Internet addresses and subnets of both families: read, written, compared, counted. */
#include "engine/network/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/str.h"

size_t address_size(const struct address *a)
{
	return a->family == AF_INET ? 4 : a->family == AF_INET6 ? 16 : 0;
}

int address_parse(const char *text, struct address *ret)
{
	struct address a = {.family = strchr(text, ':') ? AF_INET6 : AF_INET};

	if (inet_pton(a.family, text, a.bytes) != 1)
		return -EINVAL;
	*ret = a;
	return 0;
}

const char *address_print(const struct address *a, char ret[ADDRESS_TEXT])
{
	ret[0] = '\0';
	if (a->family)
		inet_ntop(a->family, a->bytes, ret, ADDRESS_TEXT);
	return ret;
}

const char *address_text(const struct address *a, struct arena *arena)
{
	char text[ADDRESS_TEXT];

	return arena_strdup(arena, address_print(a, text));
}

bool address_equal(const struct address *a, const struct address *b)
{
	return a->family == b->family && memcmp(a->bytes, b->bytes, address_size(a)) == 0;
}

struct address address_add(const struct address *a, int64_t n)
{
	struct address r = *a;
	int64_t carry = n;

	for (size_t i = address_size(a); i-- > 0 && carry != 0;) {
		int64_t sum = r.bytes[i] + carry;

		r.bytes[i] = (uint8_t)(sum & 0xff);
		carry = sum >> 8; /* arithmetic: rounds down, also below zero */
	}
	return r;
}

int64_t address_distance(const struct address *a, const struct address *b)
{
	const int64_t limit = INT64_MAX / 2;
	__extension__ __int128 d = 0;

	for (size_t i = 0; i < address_size(a); i++) {
		d = d * 256 + (b->bytes[i] - a->bytes[i]);
		/* What comes after cannot bring it back. */
		if (d > limit)
			return limit;
		if (d < -limit)
			return -limit;
	}
	return (int64_t)d;
}

/* Clears or sets what lies behind the prefix. */
static void fill_host(struct address *a, unsigned prefix, bool is_set)
{
	for (size_t i = 0; i < address_size(a); i++) {
		int bits = (int)prefix - 8 * (int)i;
		uint8_t host = (uint8_t)(bits >= 8 ? 0 : 0xff >> (bits > 0 ? bits : 0));

		a->bytes[i] = (uint8_t)(is_set ? a->bytes[i] | host : a->bytes[i] & ~host);
	}
}

int subnet_parse(const char *text, struct subnet *ret)
{
	const char *slash = strchr(text, '/');
	char base[ADDRESS_TEXT];
	struct subnet s = {0};
	struct address given;
	uint32_t prefix;

	if (!slash || (size_t)(slash - text) >= sizeof(base))
		return -EINVAL;
	memcpy(base, text, (size_t)(slash - text));
	base[slash - text] = '\0';
	if (address_parse(base, &given) < 0 || str_to_u32(slash + 1, &prefix) < 0 ||
	    prefix > 8 * address_size(&given))
		return -EINVAL;
	s.base = given;
	s.prefix = (uint8_t)prefix;
	fill_host(&s.base, prefix, false);
	*ret = s;
	return address_equal(&s.base, &given) ? 0 : -EINVAL;
}

const char *subnet_text(const struct subnet *s, struct arena *arena)
{
	char text[ADDRESS_TEXT];

	return arena_printf(arena, "%s/%u", address_print(&s->base, text), s->prefix);
}

bool subnet_has(const struct subnet *s, const struct address *a)
{
	struct address base = *a;

	fill_host(&base, s->prefix, false);
	return a->family == s->base.family && address_equal(&base, &s->base);
}

bool subnet_overlaps(const struct subnet *a, const struct subnet *b)
{
	return subnet_has(a, &b->base) || subnet_has(b, &a->base);
}

struct address subnet_last(const struct subnet *s)
{
	struct address a = s->base;

	fill_host(&a, s->prefix, true);
	return a;
}

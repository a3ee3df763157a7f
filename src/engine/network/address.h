/* SPDX-License-Identifier: Apache-2.0 */
/* Internet addresses and subnets of both families: read, written, compared, counted. */
#ifndef BERTH_ENGINE_NETWORK_ADDRESS_H
#define BERTH_ENGINE_NETWORK_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;

/* family: AF_INET (the first four bytes count), AF_INET6, or 0: none. In network order. */
struct address {
	uint8_t family;
	uint8_t bytes[16];
};

struct subnet {
	struct address base; /* host bits zero */
	uint8_t prefix;
};

enum { ADDRESS_TEXT = 46 };

/* How many bytes count: 4 or 16 (0: none). */
size_t address_size(const struct address *a);

/* "192.0.2.1" or "2001:db8::1". Returns 0 or -EINVAL. */
int address_parse(const char *text, struct address *ret);
/* The text of it; "" where there is none. Returns ret. */
const char *address_print(const struct address *a, char ret[ADDRESS_TEXT]);
const char *address_text(const struct address *a, struct arena *arena);
bool address_equal(const struct address *a, const struct address *b);
/* The address n further on (n may be negative); wraps around. */
struct address address_add(const struct address *a, int64_t n);
/* b - a, at most INT64_MAX / 2 either way, for two of one family. */
int64_t address_distance(const struct address *a, const struct address *b);

/* "10.1.0.0/16"; host bits that are set are -EINVAL with *ret filled as if they were not. Returns 0 or -EINVAL. */
int subnet_parse(const char *text, struct subnet *ret);
const char *subnet_text(const struct subnet *s, struct arena *arena);
bool subnet_has(const struct subnet *s, const struct address *a);
bool subnet_overlaps(const struct subnet *a, const struct subnet *b);
/* The last address of it: the broadcast address of IPv4. */
struct address subnet_last(const struct subnet *s);

#endif

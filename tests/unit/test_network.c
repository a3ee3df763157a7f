/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/err.h"
#include "engine/network/address.h"
#include "engine/network/firewall.h"
#include "engine/network/ports.h"
#include "kernel/nft.h"

static struct address parsed(const char *text)
{
	struct address a = {0};

	assert_int_equal(address_parse(text, &a), 0);
	return a;
}

static void assert_text(const struct address *a, const char *text)
{
	char got[ADDRESS_TEXT];

	assert_string_equal(address_print(a, got), text);
}

static void test_addresses(void **state)
{
	struct address a = parsed("10.0.0.255"), b = parsed("10.0.1.3"), six = parsed("fd00::ffff");
	struct address next = address_add(&a, 1), back = address_add(&b, -4);
	struct address beyond = address_add(&six, 1);

	(void)state;
	assert_text(&next, "10.0.1.0");
	assert_text(&back, "10.0.0.255");
	assert_text(&beyond, "fd00::1:0");
	assert_int_equal(address_distance(&a, &b), 4);
	assert_int_equal(address_distance(&b, &a), -4);
	assert_int_equal(address_parse("10.0.0.256", &a), -EINVAL);
	assert_int_equal(address_parse("", &a), -EINVAL);
	assert_int_equal(address_parse("fd00:::1", &a), -EINVAL);
}

static void test_subnets(void **state)
{
	struct subnet s = {0}, t = {0};
	struct address last;

	(void)state;
	assert_int_equal(subnet_parse("10.1.16.0/20", &s), 0);
	last = subnet_last(&s);
	assert_text(&last, "10.1.31.255");
	assert_int_equal(subnet_parse("10.1.31.128/25", &t), 0);
	assert_true(subnet_overlaps(&s, &t) && subnet_overlaps(&t, &s));
	assert_int_equal(subnet_parse("10.1.32.0/20", &t), 0);
	assert_false(subnet_overlaps(&s, &t));
	assert_int_equal(subnet_parse("fd00::/64", &t), 0);
	assert_false(subnet_overlaps(&s, &t));
	assert_int_equal(subnet_parse("10.1.16.1/20", &t), -EINVAL);
	assert_text(&t.base, "10.1.16.0");
	assert_int_equal(subnet_parse("10.1.16.0/33", &t), -EINVAL);
	assert_int_equal(subnet_parse("10.1.16.0", &t), -EINVAL);
	assert_int_equal(subnet_parse("/8", &t), -EINVAL);
}

/* What nf_nat_core.c does with NF_NAT_RANGE_PROTO_OFFSET and no base port. */
static uint32_t translate(uint32_t port, uint32_t min, uint32_t max)
{
	return min + port % (max - min + 1);
}

static void test_ranges_keep_their_distance(void **state)
{
	static const uint32_t starts[] = {1,     2,     79,    80,    1000,  20000, 32767,
					  32768, 40000, 60000, 65000, 65034, 65035, 65535};
	static const uint32_t counts[] = {1, 2, 10, 500};

	(void)state;
	for (size_t h = 0; h < sizeof(starts) / sizeof(*starts); h++)
		for (size_t c = 0; c < sizeof(starts) / sizeof(*starts); c++)
			for (size_t k = 0; k < 4; k++) {
				uint32_t host = starts[h], to = starts[c], n = counts[k], min, max;

				/* A range moved down by more than it begins with has no such numbers. */
				if (host + n > 65536 || to + n > 65536 || (to < host && n > host))
					continue;
				firewall_ports(host, n, to, &min, &max);
				assert_true(max <= 65535 && min <= max);
				for (uint32_t i = 0; i < n; i++)
					assert_int_equal(translate(host + i, min, max), to + i);
			}
}

static void test_ports_as_written(void **state)
{
	static const struct {
		const char *text, *address, *protocol;
		int64_t host, container;
		size_t n;
	} good[] = {
		{"80", NULL, "tcp", 0, 80, 1},
		{"8080:80", NULL, "tcp", 8080, 80, 1},
		{"8080:80/UDP", NULL, "udp", 8080, 80, 1},
		{"127.0.0.1:8080:80", "127.0.0.1", "tcp", 8080, 80, 1},
		{"127.0.0.1::80", "127.0.0.1", "tcp", 0, 80, 1},
		{"[::1]:8080:80/sctp", "::1", "sctp", 8080, 80, 1},
		{"20000-20499:1000-1499", NULL, "tcp", 20000, 1000, 1},
		{"90-92", NULL, "tcp", 0, 90, 3},
	};
	static const char *const bad[] = {
		"",          "0",     "65536",   "a",     "80:", "1-5:1-6",
		"5-1:5-1",   "80/x",  "1:2:3:4", "[::1]", "80/", "x:1:2",
		"1.2.3:1:2", "-1:80", "80-:80",  "+80",   " 80"};
	auto_arena struct arena a = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		struct record_port *list = NULL;
		size_t n = 0;
		struct err e = {0};

		assert_int_equal(port_parse("-p", good[i].text, &a, &list, &n, &e), 0);
		assert_int_equal(n, good[i].n);
		assert_string_equal(list[0].protocol, good[i].protocol);
		assert_int_equal(list[0].host_first, good[i].host);
		assert_int_equal(list[0].container_first, good[i].container);
		assert_true(good[i].address ? strcmp(list[0].address, good[i].address) == 0
					    : list[0].address == NULL);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct record_port *list = NULL;
		size_t n = 0;
		struct err e = {0};

		assert_int_equal(port_parse("-p", bad[i], &a, &list, &n, &e), -EINVAL);
		assert_int_equal(n, 0);
	}
}

static void test_batch_bytes(void **state)
{
	static const uint8_t expected[] = {/* BATCH_BEGIN */
					   20, 0, 0, 0, 16, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0,
					   0, 10,
					   /* NFT_MSG_NEWTABLE, create; inet; NFTA_TABLE_NAME "t" */
					   28, 0, 0, 0, 0, 10, 1, 4, 2, 0, 0, 0, 0, 0, 0, 0, 1, 0,
					   0, 0, 6, 0, 1, 0, 't', 0, 0, 0};
	auto_nft struct nft n = {0};

	(void)state;
	nft_begin(&n, "t");
	nft_add_table(&n);
	assert_int_equal(n.batch.n, sizeof(expected));
	assert_memory_equal(n.batch.buf, expected, sizeof(expected));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_subnets),
		cmocka_unit_test(test_ranges_keep_their_distance),
		cmocka_unit_test(test_ports_as_written),
		cmocka_unit_test(test_batch_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

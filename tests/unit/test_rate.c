/* SPDX-License-Identifier: Apache-2.0 */
/* engine/network/rate: what is read of --net-rate-in, and what the kernel is told, in a net namespace of our own. */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/auto.h"
#include "engine/network/rate.h"
#include "kernel/netlink.h"
#include "kernel/rtnl.h"
#include "kernel/tc.h"

static void test_parse(void **state)
{
	static const struct {
		const char *text;
		uint64_t bits;
		uint32_t burst;
	} rows[] = {
		{"10mbit", 10000000, 0},
		{"10m", 10000000, 0},
		{"10Mbit", 10000000, 0},
		{"1.5gbit", 1500000000, 0},
		{"800k", 800000, 0},
		{"9600", 9600, 0},
		{"9600bit", 9600, 0},
		{"0.25m:64kb", 250000, 65536},
		{"1g:1m", 1000000000, 1 << 20},
		{"10t", 10000000000000ULL, 0},
		{"0", 0, 0},
		{"none", 0, 0},
		{"8k:2k", 8000, 2048},
	};
	struct err e = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct rate rate = {0};

		assert_int_equal(rate_parse("--net-rate-in", rows[i].text, &rate, &e), 0);
		assert_true(rate.bits == rows[i].bits);
		assert_int_equal(rate.burst, rows[i].burst);
	}
}

static void test_parse_refuses(void **state)
{
	static const char *const rows[] = {
		"",
		"m",
		"-1",
		"10mbps",
		"10mb",
		"10 mbit",
		"1e6",
		"7999",
		"1k",
		"11t",
		"99999999999999999999",
		"10m:",
		"10m:x",
		"10m:1k",
		"10m:2g",
		"10m:-1",
		".5m",
		"5.m",
		"nan",
		"10m:64kb:1",
		"10mbit10mbit10mbit10mbit10mbit10mbit10mbit10mbit10mbit10mbit10mbit10mbit",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct rate rate = {.bits = 7};
		struct err e = {0};

		assert_int_equal(rate_parse("--net-rate-out", rows[i], &rate, &e), -EINVAL);
		assert_int_equal(rate.bits, 7);
		assert_non_null(strstr(e.text, "--net-rate-out"));
	}
}

static void test_ifb_name(void **state)
{
	char name[16];

	(void)state;
	rate_ifb_name("bv0", name);
	assert_string_equal(name, "i-bv0");
	rate_ifb_name("b0123456789abcd", name);
	assert_string_equal(name, "i-123456789abcd");
}

/* ---- in the kernel ------------------------------------------------------------------------------- */

enum { CANNOT = 77 };

static int enter_namespaces(void)
{
	return unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0 ? -errno : 0;
}

/* A veth whose peer stays beside it: enough for qdiscs. */
static int add_veth(int socket)
{
	const struct ifinfomsg head = {.ifi_family = AF_UNSPEC};
	struct nlattr kind = {.nla_type = IFLA_INFO_KIND, .nla_len = NLA_HDRLEN + sizeof("veth")};
	struct netlink_request q;
	char info[NLA_HDRLEN + 8] = {0};

	memcpy(info, &kind, sizeof(kind));
	memcpy(info + NLA_HDRLEN, "veth", sizeof("veth"));
	netlink_begin(&q, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &head, sizeof(head));
	netlink_put_string(&q, IFLA_IFNAME, "bv0");
	netlink_put(&q, IFLA_LINKINFO, info, sizeof(info));
	return netlink_call(socket, &q);
}

/* Returns 0, CANNOT, or the line that went wrong. */
static int try_apply(void)
{
	const struct rate none = {0}, slow = {.bits = 1000000}, fast = {.bits = 40000000000ULL};
	struct tc_counters counters = {.rx_bytes = 1};
	auto_close int socket = -EBADF;
	struct err e = {0};
	int r;

	if (enter_namespaces() < 0)
		return CANNOT;
	socket = netlink_open(NETLINK_ROUTE);
	if (socket < 0 || add_veth(socket) < 0)
		return CANNOT;
	r = rate_apply(socket, "bv0", &slow, &fast, &e);
	if (r == -ENOENT || r == -EOPNOTSUPP)
		return CANNOT;
	if (r < 0 || rtnl_index(socket, "i-bv0") <= 0)
		return __LINE__;
	/* Again, changed, half taken away, whole. */
	if (rate_apply(socket, "bv0", &fast, &slow, &e) < 0 ||
	    rate_apply(socket, "bv0", &none, &slow, &e) < 0 ||
	    rate_apply(socket, "bv0", &slow, &none, &e) < 0)
		return __LINE__;
	if (rtnl_index(socket, "i-bv0") != -ENODEV)
		return __LINE__;
	if (rate_apply(socket, "bv0", &none, &none, &e) < 0 ||
	    rate_apply(socket, "bv0", &none, &fast, &e) < 0)
		return __LINE__;
	rate_remove(socket, "bv0");
	rate_remove(socket, "bv0");
	rate_remove(socket, "nosuch");
	if (rtnl_index(socket, "i-bv0") != -ENODEV)
		return __LINE__;
	if (rate_apply(socket, "nosuch", &slow, &none, &e) != -ENODEV || !strstr(e.text, "nosuch"))
		return __LINE__;
	if (tc_read_counters(socket, rtnl_index(socket, "bv0"), &counters) < 0 || counters.rx_bytes)
		return __LINE__;
	return tc_read_counters(socket, 4711, &counters) == -ENODEV ? 0 : __LINE__;
}

static void test_apply(void **state)
{
	pid_t pid = fork();
	int status = 0;

	(void)state;
	if (pid == 0) {
		int r = try_apply();

		/* An exit code has eight bits. */
		if (r > 0 && r != CANNOT)
			fprintf(stderr, "line %d\n", r);
		_exit(r == 0 || r == CANNOT ? r : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == CANNOT)
		skip();
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_parse_refuses),
		cmocka_unit_test(test_ifb_name),
		cmocka_unit_test(test_apply),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

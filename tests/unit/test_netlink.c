/* SPDX-License-Identifier: Apache-2.0 */
/* kernel/netlink: what is read of answers, whole and broken, by way of a socket pair in the kernel's place. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "kernel/netlink.h"

enum { A_MESSAGE = 20 };

static int pair[2];
static uint16_t seen[8];
static size_t n_seen;

static int set_up(void **state)
{
	(void)state;
	n_seen = 0;
	return socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair);
}

static int tear_down(void **state)
{
	(void)state;
	close(pair[0]);
	close(pair[1]);
	return 0;
}

static int take(void *arg, const struct nlmsghdr *m)
{
	const int *fails = arg;

	seen[n_seen++] = m->nlmsg_type;
	return *fails;
}

/* Appends a message of n bytes behind its header, zeros but for an int at their start. */
static size_t put(char *buf, size_t at, uint16_t type, uint16_t flags, int value, size_t n)
{
	struct nlmsghdr h = {.nlmsg_len = (uint32_t)(NLMSG_HDRLEN + n),
			     .nlmsg_type = type,
			     .nlmsg_flags = flags};

	memset(buf + at, 0, NLMSG_SPACE(n));
	memcpy(buf + at, &h, sizeof(h));
	if (n >= sizeof(value))
		memcpy(buf + at + NLMSG_HDRLEN, &value, sizeof(value));
	return at + NLMSG_ALIGN(NLMSG_HDRLEN + n);
}

static void answer(const char *buf, size_t n)
{
	assert_int_equal(send(pair[1], buf, n, 0), n);
}

static int dump(int fails)
{
	static const int fixed = 0;
	struct netlink_request q;

	netlink_begin(&q, 1, 0, &fixed, sizeof(fixed));
	return netlink_dump(pair[0], &q, take, &fails);
}

static void test_several_packets(void **state)
{
	char buf[256];
	size_t n;

	(void)state;
	n = put(buf, 0, A_MESSAGE, NLM_F_MULTI, 0, 5);
	n = put(buf, n, A_MESSAGE + 1, NLM_F_MULTI, 0, 8);
	answer(buf, n);
	answer(buf, put(buf, 0, A_MESSAGE + 2, NLM_F_MULTI, 0, 0));
	answer(buf, put(buf, 0, NLMSG_DONE, NLM_F_MULTI, 0, 4));
	assert_int_equal(dump(0), 0);
	assert_int_equal(n_seen, 3);
	assert_int_equal(seen[2], A_MESSAGE + 2);
}

static void test_errors(void **state)
{
	char buf[256];
	size_t n;

	(void)state;
	answer(buf, put(buf, 0, NLMSG_ERROR, 0, -EPERM, sizeof(struct nlmsgerr)));
	assert_int_equal(dump(0), -EPERM);
	answer(buf, put(buf, 0, NLMSG_ERROR, 0, 0, 2)); /* too short for its kind */
	assert_int_equal(dump(0), -EPROTO);
	/* the list changed meanwhile */
	n = put(buf, 0, A_MESSAGE, NLM_F_MULTI | NLM_F_DUMP_INTR, 0, 4);
	answer(buf, put(buf, n, NLMSG_DONE, NLM_F_MULTI, 0, 4));
	assert_int_equal(dump(0), -EINTR);
	assert_int_equal(n_seen, 0);
	/* whoever takes them gives up: the rest is read all the same */
	n = put(buf, 0, A_MESSAGE, NLM_F_MULTI, 0, 4);
	answer(buf, put(buf, n, A_MESSAGE, NLM_F_MULTI, 0, 4));
	answer(buf, put(buf, 0, NLMSG_DONE, NLM_F_MULTI, 0, 4));
	assert_int_equal(dump(-ENOMEM), -ENOMEM);
	assert_int_equal(n_seen, 1);
	close(pair[1]);
	pair[1] = -1;
	assert_true(dump(0) < 0);
}

static void test_broken_lengths(void **state)
{
	char buf[256];
	struct nlmsghdr h = {.nlmsg_type = A_MESSAGE};
	const uint32_t lengths[] = {0, 1, 15, 21, 200, UINT32_MAX};

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		n_seen = 0;
		h.nlmsg_len = lengths[i];
		memset(buf, 0, sizeof(buf));
		memcpy(buf, &h, sizeof(h));
		answer(buf, 20);
		answer(buf, put(buf, 0, NLMSG_DONE, 0, 0, 4));
		assert_int_equal(dump(0), 0);
		assert_int_equal(n_seen, 0);
	}
}

static void test_attributes(void **state)
{
	const struct {
		struct nlattr a;
		char v[4];
		struct nlattr b;
		char w[4];
	} in = {{4 + 3, 7}, "abc", {4 + 4, 9 | NLA_F_NESTED}, {1, 2, 3, 4}};
	const char *at = (const char *)&in;
	size_t n = sizeof(in), size = 99;
	const void *value = NULL;

	(void)state;
	assert_int_equal(netlink_next(&at, &n, &value, &size), 7);
	assert_int_equal(size, 3);
	assert_memory_equal(value, "abc", 3);
	assert_int_equal(netlink_next(&at, &n, &value, &size), 9);
	assert_int_equal(size, 4);
	assert_int_equal(netlink_next(&at, &n, &value, &size), -1);
	/* cut anywhere, nothing behind the end is read */
	for (size_t cut = 0; cut < sizeof(in); cut++) {
		char copy[sizeof(in)];

		memcpy(copy, &in, cut);
		at = copy;
		n = cut;
		while (netlink_next(&at, &n, &value, &size) >= 0)
			assert_true((const char *)value + size <= copy + cut);
	}
}

static void test_attributes_of_no_length(void **state)
{
	static const struct nlattr bad[] = {{0, 1}, {3, 1}, {5, 1}, {UINT16_MAX, 1}};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		const char *at = (const char *)&bad[i];
		size_t n = sizeof(bad[i]), size;
		const void *value;

		assert_int_equal(netlink_next(&at, &n, &value, &size), -1);
	}
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_several_packets),         TEST(test_errors),
		TEST(test_broken_lengths),          TEST(test_attributes),
		TEST(test_attributes_of_no_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

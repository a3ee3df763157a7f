/* SPDX-License-Identifier: Apache-2.0 */
/* Messages between a container's first process and the runtime: whole ones, and what a liar could send. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "kernel/fd.h"
#include "runtime/handshake.h"

enum { HEAD = offsetof(struct message, err) };

static int pair[2];

static int setup(void **state)
{
	(void)state;
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair);
}

static int teardown(void **state)
{
	(void)state;
	close(pair[0]);
	return close(pair[1]);
}

static void test_round_trip(void **state)
{
	struct err e = {0};
	struct message m;
	int fd = -1;

	(void)state;
	assert_int_equal(handshake_send(pair[0], STEP_CONSOLE, 7, pair[0], NULL), 0);
	assert_int_equal(handshake_receive(pair[1], &m, &fd), 1);
	assert_int_equal(m.step, STEP_CONSOLE);
	assert_int_equal(m.value, 7);
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	close(fd);
	err_say(&e, -ENOENT, "no such thing");
	assert_int_equal(handshake_send(pair[0], STEP_FAILED, 0, -1, &e), 0);
	assert_int_equal(handshake_receive(pair[1], &m, NULL), 1);
	assert_int_equal(m.err.code, ENOENT);
	assert_string_equal(m.err.text, "no such thing");
}

static void test_asking(void **state)
{
	struct err e = {0}, why = {0};

	(void)state;
	/* The answer waits already. */
	assert_int_equal(handshake_send(pair[1], STEP_BORN, 3, -1, NULL), 0);
	assert_int_equal(handshake_ask(pair[0], STEP_BORN, 0, -1, NULL, NULL, &e), 0);
	assert_int_equal(handshake_send(pair[1], STEP_READY, 3, -1, NULL), 0);
	assert_int_equal(handshake_ask(pair[0], STEP_BORN, 0, -1, NULL, NULL, &e), -EPROTO);
	err_say(&why, -EBUSY, "not now");
	e.code = 0;
	assert_int_equal(handshake_send(pair[1], STEP_FAILED, 0, -1, &why), 0);
	assert_int_equal(handshake_ask(pair[0], STEP_BORN, 0, -1, NULL, NULL, &e), -EBUSY);
	assert_string_equal(e.text, "not now");
}

static void test_lies(void **state)
{
	union {
		struct message m;
		char bytes[sizeof(struct message) + 8];
	} lie = {.m = {.step = STEP_READY}};
	struct message m = {.value = 42};

	(void)state;
	/* Shorter, longer, of no such step, or an error where none belongs: refused, the output untouched. */
	for (size_t n = 1; n <= sizeof(lie); n++) {
		if (n == HEAD)
			continue;
		assert_int_equal(send(pair[0], &lie, n, 0), n);
		assert_true(handshake_receive(pair[1], &m, NULL) < 0);
	}
	lie.m.step = STEP_COUNT;
	assert_int_equal(send(pair[0], &lie, HEAD, 0), HEAD);
	assert_int_equal(handshake_receive(pair[1], &m, NULL), -EPROTO);
	lie.m.step = STEP_FAILED;
	assert_int_equal(send(pair[0], &lie, HEAD, 0), HEAD);
	assert_int_equal(handshake_receive(pair[1], &m, NULL), -EPROTO);
	assert_int_equal(m.value, 42);
	/* A text without its end gets one; success is no failure. */
	memset(&lie.m.err, 'x', sizeof(lie.m.err));
	lie.m.err.code = -5;
	assert_int_equal(send(pair[0], &lie, sizeof(lie.m), 0), sizeof(lie.m));
	assert_int_equal(handshake_receive(pair[1], &m, NULL), 1);
	assert_int_equal(m.err.code, EPROTO);
	assert_int_equal(strlen(m.err.text), sizeof(m.err.text) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_round_trip, setup, teardown),
		cmocka_unit_test_setup_teardown(test_asking, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lies, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

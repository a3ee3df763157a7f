/* SPDX-License-Identifier: Apache-2.0 */
/* engine/network/names and resolv: the hosts file, dnsmasq's command line, the container's resolv.conf. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/str.h"
#include "engine/network/names.h"
#include "engine/network/program.h"
#include "engine/network/resolv.h"

#define WORDS(...)                                                                        \
	{                                                                                 \
		(const char *[]){__VA_ARGS__}, ARRAY_LEN(((const char *[]){__VA_ARGS__})) \
	}

static void test_text(void **state)
{
	auto_arena struct arena a = {0};
	const struct names_entry both = {.addresses = {"10.0.0.2", "fd00::2"},
					 .names = WORDS("db", "0123456789ab", "store")};
	const struct names_entry v6 = {.addresses = {NULL, "fd00::2"}, .names = WORDS("db")};

	(void)state;
	assert_string_equal(names_text(&both, &a),
			    "10.0.0.2 db 0123456789ab store\nfd00::2 db 0123456789ab store\n");
	assert_string_equal(names_text(&v6, &a), "fd00::2 db\n");
}

static bool has(const char *const *argv, const char *word)
{
	while (*argv && strcmp(*argv, word) != 0)
		argv++;
	return *argv;
}

static void test_argv(void **state)
{
	auto_arena struct arena a = {0};
	struct names_network n = {.name = "app", .gateway = "10.0.0.1"};
	const char *const *argv = names_argv(&n, "/usr/sbin/dnsmasq", "/run/x/app", "nobody", &a);

	(void)state;
	assert_string_equal(argv[0], "/usr/sbin/dnsmasq");
	assert_true(has(argv, "--conf-file=/dev/null") && has(argv, "--no-hosts"));
	assert_true(has(argv, "--bind-interfaces") && has(argv, "--listen-address=10.0.0.1"));
	assert_true(has(argv, "--hostsdir=/run/x/app/hosts") &&
		    has(argv, "--pid-file=/run/x/app/pid"));
	assert_true(has(argv, "--user=nobody") && has(argv, "--resolv-file=/etc/resolv.conf"));
	n.resolv = "/other";
	assert_true(has(names_argv(&n, "d", "f", "root", &a), "--resolv-file=/other"));
	n.is_internal = true;
	argv = names_argv(&n, "d", "f", "root", &a);
	assert_true(has(argv, "--no-resolv") && !has(argv, "--resolv-file=/other"));
}

static void test_resolv(void **state)
{
	static const char host[] = "# made by hand\nnameserver 127.0.0.53\n"
				   " nameserver\t192.0.2.1 \nnameserver fe80::1%eth0\n"
				   "domain old.example\nsearch a.example b.example\n"
				   "options edns0\nsortlist 1\nnameserver\n";
	const struct {
		struct resolv_wish wish;
		const char *text;
	} rows[] = {
		{{.has_host_network = false},
		 "nameserver 192.0.2.1\nsearch a.example b.example\noptions edns0\n"},
		{{.has_host_network = true},
		 "nameserver 127.0.0.53\nnameserver 192.0.2.1\nnameserver fe80::1%eth0\n"
		 "search a.example b.example\noptions edns0\n"},
		{{.dns = WORDS("192.0.2.9", "192.0.2.8"), .search = WORDS(".")},
		 "nameserver 192.0.2.9\nnameserver 192.0.2.8\noptions edns0\n"},
		{{.gateways = WORDS("10.0.0.1"), .search = WORDS("x", "y")},
		 "nameserver 10.0.0.1\nsearch x y\noptions edns0 ndots:0\n"},
		{{.gateways = WORDS("10.0.0.1"), .options = WORDS("ndots:2", "rotate")},
		 "nameserver 10.0.0.1\nsearch a.example b.example\noptions ndots:2 rotate\n"},
		{{.gateways = WORDS("10.0.0.1", "10.1.0.1"), .dns = WORDS("1.1.1.1", "1.0.0.1")},
		 "nameserver 10.0.0.1\nnameserver 10.1.0.1\nnameserver 1.1.1.1\n"
		 "search a.example b.example\noptions edns0 ndots:0\n"},
	};
	auto_arena struct arena a = {0};
	const struct resolv_wish none = {0}, app = {.gateways = WORDS("10.0.0.1")};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_string_equal(resolv_text(host, &rows[i].wish, &a), rows[i].text);
	assert_string_equal(resolv_text("", &none, &a), "");
	assert_string_equal(resolv_text("nameserver 127.0.0.1", &none, &a), "");
	assert_string_equal(resolv_text("", &app, &a), "nameserver 10.0.0.1\noptions ndots:0\n");
}

static void test_program(void **state)
{
	const char *const good[] = {"/bin/true", NULL}, *const bad[] = {"/nosuch/program", NULL};
	const char *const complains[] = {"/bin/sh", "-c", "echo one >&2; echo ' two ' >&2; exit 3",
					 NULL};
	struct err e = {0}, missing = {0};
	char path[256], tiny[4];

	(void)state;
	assert_int_equal(program_run(good, &e), 0);
	assert_true(program_run(complains, &e) < 0);
	assert_string_equal(e.text, "two");
	assert_true(program_run(bad, &missing) < 0);
	assert_non_null(strstr(missing.text, "/nosuch/program"));
	assert_true(program_find("sh", path, sizeof(path)) && str_ends(path, "/sh"));
	assert_false(program_find("sh", tiny, sizeof(tiny)));
	assert_false(program_find("no-such-program", path, sizeof(path)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_argv),
		cmocka_unit_test(test_resolv),
		cmocka_unit_test(test_program),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The map of namespaces from a made-up scan. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/auto.h"
#include "engine/namespaces/map.h"

#define ID_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define ID_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define ID_C "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define HOST                           \
	{                              \
		1, 2, 3, 4, 5, 6, 7, 8 \
	}

static const struct {
	const char *cgroup, *engine, *id;
} groups[] = {
	{"0::/berth/" ID_A, "berth", ID_A},
	{"5:cpu:/\n4:memory:/berth/pool-web-1a2b3c/" ID_A "\n0::/\n", "berth", ID_A},
	{"0::/user.slice/x/berth/pool-a-111111/pool-b-222222/" ID_A, "berth", ID_A},
	{"0::/berth/" ID_A "/inner", "berth", ID_A},
	{"0::/system.slice/docker-" ID_B ".scope", "docker", ID_B},
	{"0::/docker/" ID_B, "docker", ID_B},
	{"0::/machine.slice/libpod-" ID_B ".scope/container", "podman", ID_B},
	{"0::/libpod_parent/libpod-" ID_B, "podman", ID_B},
	{"0::/machine.slice/libpod-conmon-" ID_B ".scope", NULL, ""},
	{"0::/kubepods/pod1/cri-containerd-" ID_C ".scope", "containerd", ID_C},
	{"0::/k8s.io/" ID_C, "containerd", ID_C},
	{"0::/kubepods/crio-" ID_C ".scope", "cri-o", ID_C},
	{"0::/team/" ID_C, "container", ID_C},
	{"0::/docker/" ID_B "/berth/" ID_A, "berth", ID_A},
	{"0::/system.slice/ssh.service", NULL, ""},
	{"", NULL, ""},
	{NULL, NULL, ""},
	{"nonsense", NULL, ""},
};

static void test_engines(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(groups); i++) {
		auto_arena struct arena a = {0};
		const char *id, *engine = ns_map_container(groups[i].cgroup, &a, &id);

		if (!groups[i].engine)
			assert_null(engine);
		else
			assert_string_equal(engine, groups[i].engine);
		assert_string_equal(id, groups[i].id);
	}
}

static void test_map(void **state)
{
	struct ns_process v[] = {
		{.pid = 1, .command = "init", .cgroup = "0::/", .inode = HOST},
		{.pid = 5, .command = "sshd", .cgroup = "0::/ssh", .inode = HOST},
		{.pid = 7,
		 .command = "chrome",
		 .cgroup = "0::/",
		 .inode = {1, 2, 30, 40, 50, 6, 70, 8}},
		{.pid = 9, .command = "secret", .cgroup = "0::/"},
		{.pid = 20,
		 .command = "sh",
		 .cgroup = "0::/berth/" ID_A,
		 .inode = {10, 20, 300, 400, 500, 6, 7, 80}},
		{.pid = 21,
		 .command = "sleep",
		 .cgroup = "0::/berth/" ID_A,
		 .inode = {10, 20, 300, 400, 500, 6, 7, 80}},
		{.pid = 30,
		 .command = "nginx",
		 .cgroup = "0::/docker/" ID_B,
		 .inode = {11, 21, 301, 400, 501, 6, 0, 81}},
	};
	const struct ns_known known[] = {{ID_A, "web", 21}};
	const struct ns_scan scan = {v, ARRAY_LEN(v), known, 1};
	auto_arena struct arena a = {0};
	struct ns_map m;

	(void)state;
	ns_map_make(&scan, &a, &m);
	assert_int_equal(m.n, 4);
	assert_int_equal(m.hidden, 1);
	assert_string_equal(m.v[0].name, "host");
	assert_true(m.v[0].is_host);
	assert_int_equal(m.v[0].processes, 2);
	assert_string_equal(m.v[1].name, "web");
	assert_string_equal(m.v[1].engine, "berth");
	assert_int_equal(m.v[1].first->pid, 21);
	assert_int_equal(m.v[1].processes, 2);
	assert_string_equal(m.v[2].name, "bbbbbbbbbbbb");
	assert_string_equal(m.v[3].name, "chrome (7)");
	assert_string_equal(ns_map_text(&m, &m.v[1], NS_MAP_MNT, &a), "own");
	assert_string_equal(ns_map_text(&m, &m.v[1], NS_MAP_NET, &a), "bbbbbbbbbbbb");
	assert_string_equal(ns_map_text(&m, &m.v[1], NS_MAP_USER, &a), "host");
	assert_string_equal(ns_map_text(&m, &m.v[2], NS_MAP_NET, &a), "web");
	assert_string_equal(ns_map_text(&m, &m.v[2], NS_MAP_USER, &a), "?");
	assert_string_equal(ns_map_text(&m, &m.v[3], NS_MAP_CGROUP, &a), "host");
	assert_string_equal(ns_map_text(&m, &m.v[3], NS_MAP_USER, &a), "own");
}

static void test_nothing(void **state)
{
	const struct ns_scan scan = {0};
	auto_arena struct arena a = {0};
	struct ns_map m;

	(void)state;
	ns_map_make(&scan, &a, &m);
	assert_int_equal(m.n, 0);
}

static void test_ids(void **state)
{
	auto_arena struct arena a = {0};

	(void)state;
	assert_string_equal(ns_map_ids("         0          0 4294967295", &a), "all");
	assert_string_equal(ns_map_ids("0 100000 65536", &a), "0:100000:65536");
	assert_string_equal(ns_map_ids("0 1000 1\n1 100000 65536\n", &a),
			    "0:1000:1, 1:100000:65536");
	assert_string_equal(ns_map_ids(NULL, &a), "");
	assert_string_equal(ns_map_ids("x", &a), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_engines),
		cmocka_unit_test(test_map),
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The plan of the namespaces, its errors, and opening what is to be joined. */
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/json.h"
#include "kernel/sys.h"
#include "namespace/namespace.h"

#define FAILS(spec, text_)                                                      \
	do {                                                                    \
		struct ns_plan p_ = {.hostname = "untouched"};                  \
		struct err e_ = {0};                                            \
		assert_int_equal(ns_plan_make(spec, false, &p_, &e_), -EINVAL); \
		assert_int_equal(e_.code, EINVAL);                              \
		if (!strstr(e_.text, text_))                                    \
			fail_msg("\"%s\" is not in \"%s\"", text_, e_.text);    \
		assert_string_equal(p_.hostname, "untouched");                  \
	} while (0)

static struct oci_spec spec_of(struct oci_namespace *n, size_t count)
{
	return (struct oci_spec){.linux_.namespaces = {n, count}};
}

static void test_table(void **state)
{
	(void)state;
	for (int i = 0; i < NS_TYPE_COUNT; i++) {
		bool is_found = false;

		assert_non_null(ns_kinds[i]);
		for (int j = 0; j < NS_TYPE_COUNT; j++)
			is_found |= (int)ns_join_order[j] == i;
		assert_true(is_found);
	}
	assert_int_equal(ns_join_order[0], NS_USER);
	assert_int_equal(ns_join_order[NS_TYPE_COUNT - 1], NS_MOUNT);
}

static void test_actions(void **state)
{
	struct oci_namespace n[] = {
		{"pid", NULL},   {"network", "/run/netns/x"},
		{"ipc", ""},     {"uts", NULL},
		{"mount", NULL}, {"cgroup", NULL},
		{"time", NULL},
	};
	struct oci_spec spec = spec_of(n, ARRAY_LEN(n));
	struct ns_plan p;

	(void)state;
	spec.hostname = "box";
	spec.domainname = "";
	assert_int_equal(ns_plan_make(&spec, false, &p, NULL), 0);
	assert_int_equal(p.action[NS_USER], NS_INHERIT);
	assert_int_equal(p.action[NS_NET], NS_JOIN);
	assert_string_equal(p.path[NS_NET], "/run/netns/x");
	assert_int_equal(p.action[NS_IPC], NS_CREATE);
	assert_string_equal(p.hostname, "box");
	assert_null(p.domainname);
	/* cgroup waits for the group, time goes with the rest while it has no offsets */
	assert_int_equal(ns_clone_flags(&p),
			 CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNS | CLONE_NEWTIME);
	p.monotonic = (struct oci_time_offset){true, 5, 0};
	assert_int_equal(ns_clone_flags(&p),
			 CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNS);
	assert_false(ns_needs_stage(&p, false));
}

static void test_stage(void **state)
{
	struct ns_plan p = {.action = {[NS_PID] = NS_JOIN}};

	(void)state;
	assert_false(ns_needs_stage(&p, true));
	assert_true(ns_needs_stage(&p, false));
	p = (struct ns_plan){.action = {[NS_USER] = NS_JOIN}};
	assert_false(ns_needs_stage(&p, true));
	p.action[NS_CGROUP] = NS_CREATE;
	assert_false(ns_needs_stage(&p, true));
	p.action[NS_NET] = NS_CREATE;
	assert_true(ns_needs_stage(&p, true));
	p = (struct ns_plan){.action = {[NS_USER] = NS_CREATE, [NS_PID] = NS_CREATE}};
	assert_false(ns_needs_stage(&p, true));
	p.action[NS_CGROUP] = NS_JOIN;
	assert_false(ns_needs_stage(&p, true));
	p.action[NS_NET] = NS_JOIN;
	assert_true(ns_needs_stage(&p, true));
}

static void test_process_ids(void **state)
{
	struct oci_namespace user[] = {{"user", NULL}}, joined[] = {{"user", "/proc/1/ns/user"}};
	struct oci_id_map m = {10, 100000, 5};
	struct oci_spec s = spec_of(user, 1);
	struct ns_plan p;
	uint32_t group = 15;

	(void)state;
	s.linux_.uid_mappings = s.linux_.gid_mappings = (struct oci_id_maps){&m, 1};
	assert_int_equal(ns_plan_make(&s, false, &p, NULL), 0);
	s.process.is_set = true;
	FAILS(&s, "uid 0 is not mapped");
	s.process.user.uid = 14;
	s.process.user.gid = 9;
	FAILS(&s, "gid 9 is not mapped");
	s.process.user.gid = 10;
	assert_int_equal(ns_plan_make(&s, false, &p, NULL), 0);
	s.process.user.additional_gids.v = &group;
	s.process.user.additional_gids.n = 1;
	FAILS(&s, "gid 15 is not mapped");
	s.linux_.namespaces.v = joined;
	assert_int_equal(ns_plan_make(&s, false, &p, NULL), 0);
}

static void test_errors(void **state)
{
	struct oci_namespace unknown[] = {{"nett", NULL}}, twice[] = {{"pid", NULL}, {"pid", NULL}},
			     relative[] = {{"pid", "proc/1/ns/pid"}}, none[] = {{NULL, NULL}},
			     uts[] = {{"uts", NULL}};
	struct oci_spec s;
	char name[80];

	(void)state;
	s = spec_of(unknown, 1);
	FAILS(&s, "unknown namespace type \"nett\"");
	s = spec_of(twice, 2);
	FAILS(&s, "duplicated ns \"pid\"");
	s = spec_of(relative, 1);
	FAILS(&s, "must be absolute");
	s = spec_of(none, 1);
	FAILS(&s, "has no type");
	s = (struct oci_spec){.hostname = "box"};
	FAILS(&s, "unable to set hostname without a private UTS namespace");
	s = (struct oci_spec){.domainname = "box"};
	FAILS(&s, "unable to set domainname without a private UTS namespace");
	memset(name, 'x', sizeof(name));
	name[65] = '\0';
	s = spec_of(uts, 1);
	s.hostname = name;
	FAILS(&s, "longer than 64 bytes");
}

static void test_time_errors(void **state)
{
	struct oci_namespace create[] = {{"time", NULL}}, join[] = {{"time", "/proc/1/ns/time"}};
	struct oci_spec s = spec_of(NULL, 0);
	struct ns_plan p;

	(void)state;
	s.linux_.time_offsets.boottime = (struct oci_time_offset){true, -3, 5};
	FAILS(&s, "no new time namespace");
	s.linux_.namespaces.v = join;
	s.linux_.namespaces.n = 1;
	FAILS(&s, "no new time namespace");
	s.linux_.namespaces.v = create;
	assert_int_equal(ns_plan_make(&s, false, &p, NULL), 0);
	s.linux_.time_offsets.boottime.nanosecs = 1000000000;
	FAILS(&s, "nanosecs");
}

static void test_maps(void **state)
{
	struct oci_namespace user[] = {{"user", NULL}};
	struct oci_id_map good[] = {{0, 100000, 65536}, {65536, 1000, 1}}, zero[] = {{0, 5, 0}},
			  beyond[] = {{1, 0, 0xffffffff}}, inside[] = {{0, 100, 10}, {9, 500, 1}},
			  outside[] = {{0, 100, 10}, {10, 109, 1}};
	struct oci_id_maps ok = {good, 2};
	struct oci_spec s = {.linux_.uid_mappings = ok};
	struct ns_plan p;

	(void)state;
	FAILS(&s, "user namespace isn't enabled");
	s = spec_of(user, 1);
	FAILS(&s, "linux.uidMappings");
	s.linux_.uid_mappings = ok;
	FAILS(&s, "linux.gidMappings");
	s.linux_.gid_mappings = ok;
	assert_int_equal(ns_plan_make(&s, true, &p, NULL), 0);
	assert_int_equal(ns_clone_flags(&p), CLONE_NEWUSER);
	s.linux_.gid_mappings = (struct oci_id_maps){zero, 1};
	FAILS(&s, "size 0");
	s.linux_.gid_mappings = (struct oci_id_maps){beyond, 1};
	FAILS(&s, "beyond the last id");
	s.linux_.gid_mappings = (struct oci_id_maps){inside, 2};
	FAILS(&s, "overlap");
	s.linux_.gid_mappings = (struct oci_id_maps){outside, 2};
	FAILS(&s, "overlap");
}

static int count_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void test_open(void **state)
{
	struct ns_plan p = {
		.action = {[NS_UTS] = NS_JOIN, [NS_NET] = NS_JOIN},
		.path = {[NS_UTS] = "/proc/self/ns/uts", [NS_NET] = "/proc/self/ns/net"}};
	int fds[NS_TYPE_COUNT], before = count_fds();
	struct oci_pair sysctl = {"net.ipv4.ip_forward", "1"};
	struct err e = {0};

	(void)state;
	assert_int_equal(ns_open(&p, fds, &e), 0);
	assert_true(fds[NS_UTS] >= 0 && fds[NS_NET] >= 0);
	assert_int_equal(fds[NS_PID], -EBADF);
	assert_int_equal(fcntl(fds[NS_UTS], F_GETFD), FD_CLOEXEC);
	close(fds[NS_UTS]);
	close(fds[NS_NET]);

	p.path[NS_NET] = "/proc/self/ns/ipc";
	assert_int_equal(ns_open(&p, fds, &e), -EINVAL);
	assert_string_equal(e.text, "namespace path \"/proc/self/ns/ipc\" is a ipc namespace, not "
				    "network");
	p.path[NS_NET] = "/dev/null";
	e = (struct err){0};
	assert_int_equal(ns_open(&p, fds, &e), -EINVAL);
	assert_string_equal(e.text, "namespace path \"/dev/null\" is not a namespace");
	p.path[NS_NET] = "/proc/self/ns/missing";
	e = (struct err){0};
	assert_int_equal(ns_open(&p, fds, &e), -ENOENT);

	/* the host's own net namespace is no place for net sysctls */
	p.path[NS_NET] = "/proc/self/ns/net";
	p.sysctl = (struct oci_pairs){&sysctl, 1};
	e = (struct err){0};
	assert_int_equal(ns_open(&p, fds, &e), -EINVAL);
	assert_non_null(strstr(e.text, "not allowed in host network namespace"));

	/* nor is its mount namespace for a new root */
	p.sysctl.n = 0;
	p.action[NS_MOUNT] = NS_JOIN;
	p.path[NS_MOUNT] = "/proc/self/ns/mnt";
	e = (struct err){0};
	assert_int_equal(ns_open(&p, fds, &e), -EINVAL);
	assert_non_null(strstr(e.text, "the runtime's own mount namespace"));
	assert_int_equal(count_fds(), before);
}

static void test_print(void **state)
{
	struct oci_id_map m = {0, 1000, 1};
	struct ns_plan p = {
		.action = {[NS_PID] = NS_CREATE, [NS_NET] = NS_JOIN},
		.path = {[NS_NET] = "/run/n"},
		.uid_maps = {&m, 1},
		.boottime = {true, -2, 7},
		.hostname = "box",
	};
	auto_json_writer struct json_writer w = {0};

	(void)state;
	ns_plan_print(&p, &w);
	assert_non_null(strstr(w.buf, "\"pid\":{\"action\":\"create\"}"));
	assert_non_null(strstr(w.buf, "\"network\":{\"action\":\"join\",\"path\":\"/run/n\"}"));
	assert_non_null(strstr(w.buf, "[{\"containerID\":0,\"hostID\":1000,\"size\":1}]"));
	assert_non_null(strstr(w.buf, "\"boottime\":{\"secs\":-2,\"nanosecs\":7}"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),       cmocka_unit_test(test_actions),
		cmocka_unit_test(test_stage),       cmocka_unit_test(test_process_ids),
		cmocka_unit_test(test_errors),      cmocka_unit_test(test_maps),
		cmocka_unit_test(test_time_errors), cmocka_unit_test(test_open),
		cmocka_unit_test(test_print),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Records of the kernel's log: out of memory, and refused system calls. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/auto.h"
#include "engine/why/kmsg.h"

static const char *const records[] = {
	"6,10,1000000,-;oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/"
	",mems_allowed=0,"
	"oom_memcg=/berth/pool-p-1/abc,task_memcg=/berth/pool-p-1/abc,task=dd,pid=77,uid=0\n",
	"3,11,1000100,-;Memory cgroup out of memory: Killed process 77 (dd) total-vm:26852kB, "
	"anon-rss:100kB, file-rss:20kB, shmem-rss:3kB, UID:0 pgtables:80kB oom_score_adj:0\n",
	"6,12,2000000,-;oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=x,mems_allowed="
	"0,"
	"global_oom,task_memcg=/berth/def,task=a b,pid=78,uid=0\n",
	"5,13,3000000,-;audit: type=1326 audit(1700000000.1:5): auid=4294967295 uid=0 gid=0 ses=1 "
	"subj=unconfined pid=90 comm=\"mkdir\" exe=\"/bin/busybox\" sig=31 arch=c000003e "
	"syscall=83 "
	"compat=0 ip=0x7f code=0x80000000\n",
	"5,14,3000001,-;audit: type=1400 audit(1700000000.1:6): apparmor=\"DENIED\" "
	"operation=\"capable\" class=\"cap\" profile=\"berth-default\" pid=91 comm=\"ip\" "
	"capability=12  capname=\"net_admin\"\n",
	"6,14,4000000,-;something else: pid=1\n",
	"6,15,4000001,-;oom-kill:garbage\n",
	"Killed process",
	";;;",
	"",
	"6,16,5,-;oom-kill:constraint=CONSTRAINT_MEMCG,oom_memcg=/x,task_memcg=/"
	"x,task=old,pid=1,uid=0\n",
};

static void test_records(void **state)
{
	auto_arena struct arena a = {0};
	struct kmsg_log log = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(records); i++)
		kmsg_add(records[i], 500, 1000, &a, &log);
	/* What is "old" at 5500 ns is younger than 1000 ns, too. */
	assert_int_equal(log.ooms.n, 3);
	assert_string_equal(log.ooms.v[0].limit_group, "/berth/pool-p-1/abc");
	assert_string_equal(log.ooms.v[0].victim_group, "/berth/pool-p-1/abc");
	assert_string_equal(log.ooms.v[0].task, "dd");
	assert_int_equal(log.ooms.v[0].pid, 77);
	assert_int_equal(log.ooms.v[0].kb, 123);
	assert_int_equal(log.ooms.v[0].time_ns, 1000000500);
	assert_string_equal(log.ooms.v[1].limit_group, "/");
	assert_int_equal(log.ooms.v[1].kb, 0);
	assert_int_equal(log.denials.n, 1);
	assert_int_equal(log.denials.v[0].pid, 90);
	assert_int_equal(log.denials.v[0].sig, 31);
	assert_int_equal(log.denials.v[0].call, 83);
	assert_int_equal(log.denials.v[0].arch, 0xc000003e);
	assert_int_equal(log.denials.v[0].code, 0x80000000);
	assert_string_equal(log.denials.v[0].comm, "mkdir");
	assert_int_equal(log.refusals.n, 1);
	assert_string_equal(log.refusals.v[0].what, "capability net_admin");
	assert_string_equal(log.refusals.v[0].profile, "berth-default");
	assert_int_equal(log.refusals.v[0].pid, 91);
}

static void test_since(void **state)
{
	auto_arena struct arena a = {0};
	struct kmsg_log log = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(records); i++)
		kmsg_add(records[i], 0, 1500000000, &a, &log);
	assert_int_equal(log.ooms.n, 1);
	assert_int_equal(log.ooms.v[0].pid, 78);
}

static void test_below(void **state)
{
	(void)state;
	assert_true(kmsg_is_below("/berth/abc", "/berth/abc"));
	assert_true(kmsg_is_below("/berth/abc/inner", "/berth/abc"));
	assert_false(kmsg_is_below("/berth/abcd", "/berth/abc"));
	assert_false(kmsg_is_below("/berth", "/berth/abc"));
	assert_false(kmsg_is_below(NULL, "/berth/abc"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_records),
		cmocka_unit_test(test_since),
		cmocka_unit_test(test_below),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

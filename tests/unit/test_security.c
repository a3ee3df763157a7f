/* SPDX-License-Identifier: Apache-2.0 */
/* The checks of what a process may do, and those settings that need no right. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "base/auto.h"
#include "base/err.h"
#include "kernel/proc.h"
#include "kernel/sys.h"
#include "security/security.h"

#define STRINGS(...)                                                                      \
	{                                                                                 \
		(const char *[]){__VA_ARGS__}, ARRAY_LEN(((const char *[]){__VA_ARGS__})) \
	}

#define FAILS(call, text_)                                                  \
	do {                                                                \
		struct err e = {0};                                         \
		assert_true((call) < 0);                                    \
		if (!strstr(e.text, text_))                                 \
			fail_msg("\"%s\" is not in \"%s\"", text_, e.text); \
	} while (0)

/* Runs fn in a child of its own, since limits and sets cannot be taken back. Returns its answer. */
static int in_child(int (*fn)(void))
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(fn());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void test_cap_names(void **state)
{
	(void)state;
	assert_string_equal(caps_name(0), "CAP_CHOWN");
	assert_string_equal(caps_name(caps_last()), "CAP_CHECKPOINT_RESTORE");
	assert_null(caps_name(caps_last() + 1));
	for (unsigned i = 0; i <= caps_last(); i++)
		assert_non_null(caps_name(i));
	assert_false(caps_have(64));
}

static void test_caps_plan(void **state)
{
	const struct oci_capabilities c = {
		.is_set = true,
		.bounding = STRINGS("CAP_CHOWN", "cap_kill", "CAP_NEW_AND_UNKNOWN"),
		.permitted = STRINGS("CAP_CHOWN", "CAP_KILL"),
		.effective = STRINGS("CAP_CHOWN", "CAP_SETUID"),
		.inheritable = STRINGS("CAP_KILL"),
		.ambient = STRINGS("CAP_KILL", "CAP_CHOWN"),
	};
	const struct oci_capabilities absent = {0};
	struct caps_plan p;

	(void)state;
	assert_int_equal(caps_plan_make(&c, &p, NULL), 0);
	assert_true(p.is_set);
	assert_int_equal(p.bounding, 1 << 0 | 1 << 5);
	assert_int_equal(p.permitted, 1 << 0 | 1 << 5);
	assert_int_equal(p.effective, 1 << 0);
	assert_int_equal(p.inheritable, 1 << 5);
	assert_int_equal(p.ambient, 1 << 5);
	assert_int_equal(caps_plan_make(&absent, &p, NULL), 0);
	assert_true(p.is_set);
	assert_int_equal(p.bounding | p.permitted | p.effective | p.inheritable | p.ambient, 0);
}

/* Asking for everything without having it: warned about, not an error. */
static int apply_all_caps(void)
{
	const uint64_t all = (UINT64_C(2) << caps_last()) - 1;
	const struct caps_plan p = {true, UINT64_MAX, all, all, 0, all};
	struct err e = {0};

	if (caps_drop_bounding(&p, &e) < 0 || caps_apply(&p, &e) < 0)
		return 1;
	return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, 0, 0, 0) == 0 ? 0 : 2;
}

static int apply_no_caps(void)
{
	const struct caps_plan p = {true, UINT64_MAX, 0, 0, 0, 0};
	struct err e = {0};

	if (caps_apply(&p, &e) < 0)
		return 1;
	for (unsigned i = 0; i <= caps_last(); i++)
		if (caps_have(i))
			return 2;
	return 0;
}

static void test_caps_apply(void **state)
{
	(void)state;
	assert_int_equal(in_child(apply_all_caps), 0);
	assert_int_equal(in_child(apply_no_caps), 0);
}

static void test_rlimits(void **state)
{
	struct oci_rlimit l[] = {{"RLIMIT_NOFILE", 10, 20}, {"RLIMIT_RTTIME", 1, 1}};
	struct oci_process p = {.rlimits = {l, 2}};

	(void)state;
	assert_int_equal(rlimits_check(&p, NULL), 0);
	l[1].type = "RLIMIT_NOFILE";
	FAILS(rlimits_check(&p, &e), "rlimit RLIMIT_NOFILE is given twice");
	l[1].type = "RLIMIT_FOO";
	FAILS(rlimits_check(&p, &e), "wrong rlimit value: RLIMIT_FOO");
	l[1] = (struct oci_rlimit){"RLIMIT_CPU", 2, 1};
	FAILS(rlimits_check(&p, &e), "soft limit 2 is above hard limit 1");
}

static int lower_nofile(void)
{
	struct oci_rlimit l = {"RLIMIT_NOFILE", 50, 60};
	struct oci_process p = {.rlimits = {&l, 1}};
	struct rlimit now;

	if (rlimits_apply(&p, NULL) < 0 || getrlimit(RLIMIT_NOFILE, &now) < 0)
		return 1;
	return now.rlim_cur == 50 && now.rlim_max == 60 ? 0 : 2;
}

static int raise_nofile(void)
{
	struct oci_rlimit l = {"RLIMIT_NOFILE", 50, 60};
	struct oci_process p = {.rlimits = {&l, 1}};
	struct err e = {0};

	if (rlimits_apply(&p, NULL) < 0)
		return 1;
	/* With the right it must work, without it the error must say which right that is. */
	l.hard = 61;
	if (rlimits_apply(&p, &e) == 0)
		return caps_have(24) ? 0 : 2;
	return strcmp(e.text, "rlimit RLIMIT_NOFILE: hard limit 60 -> 61: operation not permitted; "
			      "raising a hard limit needs CAP_SYS_RESOURCE")
		       ? 3
		       : 0;
}

static void test_rlimits_apply(void **state)
{
	(void)state;
	assert_int_equal(in_child(lower_nofile), 0);
	assert_int_equal(in_child(raise_nofile), 0);
}

static void test_oom(void **state)
{
	auto_close int proc = proc_open();

	(void)state;
	assert_true(proc >= 0);
	FAILS(oom_score_apply(1001, proc, &e), "not within -1000 and 1000");
	FAILS(oom_score_apply(-1001, proc, &e), "not within -1000 and 1000");
	assert_int_equal(oom_score_apply(1000, proc, NULL), 0);
}

static void test_personality(void **state)
{
	struct oci_linux l = {0};

	(void)state;
	assert_int_equal(personality_check(&l, NULL), 0);
	assert_int_equal(personality_apply(&l, NULL), 0);
	l.personality.domain = "LINUX";
	assert_int_equal(personality_check(&l, NULL), 0);
	assert_int_equal(personality_apply(&l, NULL), 0);
	l.personality.domain = "BSD";
	FAILS(personality_check(&l, &e), "unknown personality domain \"BSD\"");
	l.personality.domain = "LINUX32";
	l.personality.flags = (struct str_slice)STRINGS("X");
	FAILS(personality_check(&l, &e), "flags");
}

static void test_scheduler(void **state)
{
	struct oci_process p = {0};
	struct oci_scheduler *s = &p.scheduler;

	(void)state;
	assert_int_equal(scheduler_check(&p, NULL), 0);
	*s = (struct oci_scheduler){.policy = "SCHED_BATCH", .nice = 19};
	assert_int_equal(scheduler_check(&p, NULL), 0);
	s->flags =
		(struct str_slice)STRINGS("SCHED_FLAG_RESET_ON_FORK", "SCHED_FLAG_UTIL_CLAMP_MAX");
	assert_int_equal(scheduler_check(&p, NULL), 0);
	s->flags = (struct str_slice)STRINGS("SCHED_FLAG_FOO");
	FAILS(scheduler_check(&p, &e), "invalid scheduler flag: SCHED_FLAG_FOO");
	*s = (struct oci_scheduler){.policy = "SCHED_FOO"};
	FAILS(scheduler_check(&p, &e), "invalid scheduler policy: SCHED_FOO");
	*s = (struct oci_scheduler){.policy = "SCHED_ISO"};
	FAILS(scheduler_check(&p, &e), "not implemented by Linux");
	*s = (struct oci_scheduler){.policy = "SCHED_OTHER", .nice = 20};
	FAILS(scheduler_check(&p, &e), "invalid scheduler.nice: 20");
	*s = (struct oci_scheduler){.policy = "SCHED_OTHER", .priority = 1};
	FAILS(scheduler_check(&p, &e), "only be specified for SCHED_FIFO or SCHED_RR");
	*s = (struct oci_scheduler){.policy = "SCHED_FIFO"};
	FAILS(scheduler_check(&p, &e), "needs scheduler.priority from 1 to 99");
	*s = (struct oci_scheduler){.policy = "SCHED_RR", .priority = 100};
	FAILS(scheduler_check(&p, &e), "invalid scheduler.priority: 100");
	*s = (struct oci_scheduler){.policy = "SCHED_RR", .priority = 9, .runtime = 1};
	FAILS(scheduler_check(&p, &e), "SCHED_DEADLINE");
	*s = (struct oci_scheduler){.policy = "SCHED_DEADLINE", .runtime = 1, .deadline = 2};
	assert_int_equal(scheduler_check(&p, NULL), 0);
}

static int set_batch(void)
{
	struct oci_process p = {.scheduler = {.policy = "SCHED_BATCH", .nice = 19}};

	if (scheduler_apply(&p, NULL) < 0)
		return 1;
	return syscall(SYS_sched_getscheduler, 0) == 3 && getpriority(PRIO_PROCESS, 0) == 19 ? 0
											     : 2;
}

static int set_io_idle(void)
{
	struct oci_process p = {.io_priority = {.class = "IOPRIO_CLASS_BE", .priority = 7}};

	if (io_priority_apply(&p, NULL) < 0)
		return 1;
	return syscall(SYS_ioprio_get, 1, 0) == (2 << 13 | 7) ? 0 : 2;
}

static int set_affinity(void)
{
	unsigned long mask[16] = {0};

	if (syscall(SYS_sched_getaffinity, 0, sizeof(mask), mask) < 0)
		return 1;
	if (!(mask[0] & 1))
		return 0;
	if (cpu_affinity_apply("0", NULL) < 0)
		return 2;
	memset(mask, 0, sizeof(mask));
	syscall(SYS_sched_getaffinity, 0, sizeof(mask), mask);
	return mask[0] == 1 ? 0 : 3;
}

static void test_apply_without_rights(void **state)
{
	(void)state;
	assert_int_equal(in_child(set_batch), 0);
	assert_int_equal(in_child(set_io_idle), 0);
	assert_int_equal(in_child(set_affinity), 0);
}

static void test_io_priority(void **state)
{
	struct oci_process p = {0};

	(void)state;
	assert_int_equal(io_priority_check(&p, NULL), 0);
	p.io_priority.class = "IOPRIO_CLASS_RT";
	p.io_priority.priority = 7;
	assert_int_equal(io_priority_check(&p, NULL), 0);
	p.io_priority.priority = 8;
	FAILS(io_priority_check(&p, &e), "invalid ioPriority.priority: 8");
	p.io_priority.class = "IOPRIO_CLASS_NONE";
	FAILS(io_priority_check(&p, &e), "invalid ioPriority.class: IOPRIO_CLASS_NONE");
}

static void test_memory_policy(void **state)
{
	struct oci_linux l = {0};

	(void)state;
	assert_int_equal(memory_policy_check(&l, NULL), 0);
	l.memory_policy.mode = "MPOL_BIND";
	l.memory_policy.nodes = "0-1,3";
	l.memory_policy.flags = (struct str_slice)STRINGS("MPOL_F_STATIC_NODES");
	assert_int_equal(memory_policy_check(&l, NULL), 0);
	l.memory_policy.nodes = "0-";
	FAILS(memory_policy_check(&l, &e), "invalid memory policy nodes \"0-\"");
	l.memory_policy.nodes = NULL;
	l.memory_policy.flags = (struct str_slice)STRINGS("MPOL_F_FOO");
	FAILS(memory_policy_check(&l, &e), "invalid memory policy flag \"MPOL_F_FOO\"");
	l.memory_policy.mode = "MPOL_FOO";
	FAILS(memory_policy_check(&l, &e), "invalid memory policy mode \"MPOL_FOO\"");
	l.memory_policy.mode = NULL;
	FAILS(memory_policy_check(&l, &e), "without a mode");
}

static void test_cpu_lists(void **state)
{
	static const char *const bad[] = {"a",    "0-",     "-1",  "0,",         ",0",
					  "0 ",   " 0",     "3-1", "0--1",       "0,,1",
					  "1024", "0-1024", "0x1", "99999999999"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		FAILS(cpu_affinity_apply(bad[i], &e), "CPU list");
	FAILS(cpu_affinity_apply("1023", &e), "none of the CPUs");
	assert_int_equal(cpu_affinity_apply(NULL, NULL), 0);
	assert_int_equal(cpu_affinity_apply("", NULL), 0);
}

static void test_lsm(void **state)
{
	struct oci_process p = {.apparmor_profile = "", .selinux_label = ""};

	(void)state;
	assert_int_equal(lsm_check(&p, NULL, NULL), 0);
	assert_int_equal(lsm_set_exec_label(&p, -EBADF, NULL), 0);
	p.apparmor_profile = "berth-default";
	if (lsm_has_apparmor())
		assert_int_equal(lsm_check(&p, NULL, NULL), 0);
	else
		FAILS(lsm_check(&p, NULL, &e), "apparmor profile \"berth-default\" asked for, but "
					       "this kernel has no AppArmor");
	p.apparmor_profile = NULL;
	if (lsm_has_selinux())
		assert_int_equal(lsm_check(&p, "system_u:object_r:x_t:s0", NULL), 0);
	else
		FAILS(lsm_check(&p, "system_u:object_r:x_t:s0", &e), "no SELinux");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cap_names),
		cmocka_unit_test(test_caps_plan),
		cmocka_unit_test(test_caps_apply),
		cmocka_unit_test(test_rlimits),
		cmocka_unit_test(test_rlimits_apply),
		cmocka_unit_test(test_oom),
		cmocka_unit_test(test_personality),
		cmocka_unit_test(test_scheduler),
		cmocka_unit_test(test_io_priority),
		cmocka_unit_test(test_memory_policy),
		cmocka_unit_test(test_cpu_lists),
		cmocka_unit_test(test_lsm),
		cmocka_unit_test(test_apply_without_rights),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

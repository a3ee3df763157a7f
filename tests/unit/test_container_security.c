/* SPDX-License-Identifier: Apache-2.0 */
/* Capabilities, seccomp profiles, masks and devices of a container that is planned. */
#include <linux/audit.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "bpf_machine.h"
#include "engine/container/spec_parts.h"
#include "security/seccomp.h"
#include "security/syscalls.h"

#define ALLOW SECCOMP_RET_ALLOW
#define FAIL(number) (SECCOMP_RET_ERRNO | (number))

/* One plan at a time; the lists that tests fill are theirs. */
static struct room {
	struct arena arena;
	struct engine g;
	struct container_request q;
	struct record r;
	struct oci_spec s;
	struct err e;
	struct spec_plan p;
} room;

static int begin(void **state)
{
	(void)state;
	memset(&room, 0, sizeof(room));
	room.g.share = "share";
	room.p = (struct spec_plan){.g = &room.g,
				    .q = &room.q,
				    .root_fd = -1,
				    .a = &room.arena,
				    .r = &room.r,
				    .s = &room.s};
	room.p.mode[SPEC_USER] = SPEC_HOST;
	return 0;
}

static int end(void **state)
{
	(void)state;
	arena_free(&room.arena);
	return 0;
}

#define GIVE(list, ...) \
	strings_add_all(&room.q.list, (const char *const[]){__VA_ARGS__, NULL}, room.p.a)

static void plan(void)
{
	int r = security_plan(&room.p, &room.e);

	if (r < 0)
		fail_msg("%s", room.e.text);
}

/* ---- seccomp ------------------------------------------------------------------------------------- */

static struct seccomp_program compiled(void)
{
	struct seccomp_program p = {0};
	int r = seccomp_compile(&room.s.linux_.seccomp, AUDIT_ARCH_X86_64, room.p.a, &p, &room.e);

	if (r < 0)
		fail_msg("%s", room.e.text);
	return p;
}

static uint32_t answer_of(const struct seccomp_program *p, uint32_t arch, const char *name,
			  uint64_t first, uint64_t second)
{
	int nr = seccomp_syscall_number(arch, name);
	struct seccomp_data d = {.nr = nr, .arch = arch, .args = {first, second}};

	assert_true(nr >= 0);
	return bpf_machine_run(p->filter, p->n, &d);
}

#define ANSWER(p, name, first) answer_of(p, AUDIT_ARCH_X86_64, name, first, 0)

static void test_seccomp_default(void **state)
{
	static const char *const refused[] = {
		"mount",
		"umount2",
		"unshare",
		"setns",
		"bpf",
		"keyctl",
		"add_key",
		"request_key",
		"perf_event_open",
		"userfaultfd",
		"open_by_handle_at",
		"io_uring_setup",
		"io_uring_enter",
		"kexec_load",
		"init_module",
		"delete_module",
		"reboot",
		"swapon",
		"syslog",
		"acct",
		"settimeofday",
		"clock_settime",
		"iopl",
		"ioperm",
		"kcmp",
		"pivot_root",
		"open_tree",
		"open_tree_attr",
		"mount_setattr",
		"fsopen",
		"quotactl",
		"sethostname",
		"vhangup",
		"lsm_set_self_attr",
		"move_pages",
	};
	static const char *const allowed[] = {
		"read",
		"openat",
		"execve",
		"futex",
		"futex_waitv",
		"statx",
		"clone",
		"fork",
		"socket",
		"rseq",
		"ptrace",
		"chroot",
		"mseal",
		"cachestat",
		"fchmodat2",
		"setxattrat",
		"file_getattr",
		"map_shadow_stack",
		"landlock_restrict_self",
		"close_range",
		"openat2",
		"epoll_pwait2",
		"pidfd_open",
		"process_mrelease",
		"mknod",
	};
	struct seccomp_program p;

	(void)state;
	plan();
	p = compiled();
	for (size_t i = 0; i < ARRAY_LEN(refused); i++)
		if (ANSWER(&p, refused[i], 0) != FAIL(EPERM))
			fail_msg("%s: %#x", refused[i], ANSWER(&p, refused[i], 0));
	for (size_t i = 0; i < ARRAY_LEN(allowed); i++)
		if (ANSWER(&p, allowed[i], 0) != ALLOW)
			fail_msg("%s: %#x", allowed[i], ANSWER(&p, allowed[i], 0));
	assert_int_equal(ANSWER(&p, "clone3", 0), FAIL(ENOSYS));
	assert_int_equal(ANSWER(&p, "uselib", 0), FAIL(ENOSYS));
	/* What no kernel has yet, and -1. */
	for (int nr = 470; nr < 600; nr++) {
		struct seccomp_data d = {.nr = nr, .arch = AUDIT_ARCH_X86_64};

		assert_int_equal(bpf_machine_run(p.filter, p.n, &d), FAIL(ENOSYS));
	}
}

static void test_seccomp_arguments(void **state)
{
	static const uint64_t personalities[] = {0, 8, 0x20000, 0x20008, 0xffffffff};
	struct seccomp_program p;

	(void)state;
	plan();
	p = compiled();
	for (int bit = 0; bit < 32; bit++) {
		uint32_t wanted = 0x7e020000U >> bit & 1 ? FAIL(EPERM) : ALLOW;

		assert_int_equal(ANSWER(&p, "clone", 1ULL << bit | 17), wanted);
		assert_int_equal(ANSWER(&p, "clone", 1ULL << bit | 1ULL << 40), wanted);
	}
	for (uint64_t family = 0; family < 64; family++) {
		uint32_t wanted =
			family == AF_ALG || family == AF_VSOCK ? FAIL(EAFNOSUPPORT) : ALLOW;

		assert_int_equal(ANSWER(&p, "socket", family), wanted);
		/* The kernel does not look at the upper half. */
		assert_int_equal(ANSWER(&p, "socket", family | 1ULL << 32), wanted);
		assert_int_equal(answer_of(&p, AUDIT_ARCH_I386, "socket", family, 0), wanted);
	}
	for (size_t i = 0; i < ARRAY_LEN(personalities); i++)
		assert_int_equal(ANSWER(&p, "personality", personalities[i]), ALLOW);
	assert_int_equal(ANSWER(&p, "personality", 0x40000), FAIL(EPERM));
	/* The way around the family on 32 bits. */
	for (uint64_t call = 0; call < 21; call++)
		assert_int_equal(answer_of(&p, AUDIT_ARCH_I386, "socketcall", call, 0),
				 FAIL(EPERM));
	assert_int_equal(answer_of(&p, AUDIT_ARCH_I386, "clone", 0x10000000, 0), FAIL(EPERM));
	assert_int_equal(answer_of(&p, AUDIT_ARCH_I386, "mount", 0, 0), FAIL(EPERM));
	assert_int_equal(answer_of(&p, AUDIT_ARCH_I386, "ipc", 0, 0), ALLOW);
}

static void test_seccomp_capabilities(void **state)
{
	struct seccomp_program p;

	(void)state;
	GIVE(cap_add, "SYS_ADMIN", "sys_time", "cap_bpf");
	GIVE(cap_drop, "SYS_CHROOT");
	plan();
	p = compiled();
	assert_int_equal(ANSWER(&p, "mount", 0), ALLOW);
	assert_int_equal(ANSWER(&p, "clone3", 0), ALLOW);
	assert_int_equal(ANSWER(&p, "clone", 0x10000000), ALLOW);
	assert_int_equal(ANSWER(&p, "bpf", 0), ALLOW);
	assert_int_equal(ANSWER(&p, "settimeofday", 0), ALLOW);
	assert_int_equal(ANSWER(&p, "chroot", 0), FAIL(EPERM));
	assert_int_equal(ANSWER(&p, "reboot", 0), FAIL(EPERM));
	assert_int_equal(ANSWER(&p, "keyctl", 0), FAIL(EPERM));
	assert_int_equal(ANSWER(&p, "socket", AF_VSOCK), FAIL(EAFNOSUPPORT));
}

/* Whoever updates the tables of calls is told which of them nobody has thought about. */
static void test_seccomp_names_all(void **state)
{
	auto_free char *text = calloc(1, 1 << 20);
	auto_fclose FILE *f = fopen("share/seccomp.json", "re");

	(void)state;
	assert_non_null(f);
	assert_true(fread(text, 1, (1 << 20) - 1, f) > 0);
	for (size_t i = 0; i < syscall_name_count; i++) {
		char quoted[80];

		snprintf(quoted, sizeof(quoted), "\"%s\"", syscall_name(i));
		if (!strstr(text, quoted))
			fail_msg("share/seccomp.json does not name %s", syscall_name(i));
	}
}

/* ---- profiles of people -------------------------------------------------------------------------- */

static const char *write_profile(const char *text)
{
	char *path = arena_strdup(room.p.a, "/tmp/berth-unit-profile-XXXXXX");
	auto_close int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	return path;
}

static int plan_profile(const char *text)
{
	const char *path = write_profile(text);
	int r;

	room.q.security_opt = (struct str_slice){0};
	room.s = (struct oci_spec){0};
	room.e = (struct err){0};
	GIVE(security_opt, arena_printf(room.p.a, "seccomp=%s", path));
	r = security_plan(&room.p, &room.e);
	unlink(path);
	return r;
}

static void test_seccomp_docker(void **state)
{
	static const char text[] =
		"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":38,"
		"\"archMap\":[{\"architecture\":\"SCMP_ARCH_AARCH64\",\"subArchitectures\":null},"
		"{\"architecture\":\"SCMP_ARCH_X86_64\",\"subArchitectures\":[\"SCMP_ARCH_X86\"]}],"
		"\"syscalls\":["
		"{\"names\":[\"read\",\"write\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":[]},"
		"{\"name\":\"clone\",\"action\":\"SCMP_ACT_ALLOW\",\"args\":[{\"index\":0,"
		"\"value\":2114060288,\"valueTwo\":0,\"op\":\"SCMP_CMP_MASKED_EQ\"}],"
		"\"excludes\":{\"caps\":[\"CAP_SYS_ADMIN\"]}},"
		"{\"names\":[\"mount\"],\"action\":\"SCMP_ACT_ALLOW\",\"includes\":{\"caps\":["
		"\"CAP_SYS_ADMIN\"]}},"
		"{\"names\":[\"chroot\"],\"action\":\"SCMP_ACT_ALLOW\",\"includes\":{\"caps\":["
		"\"CAP_SYS_CHROOT\"]}},"
		"{\"names\":[\"ptrace\"],\"action\":\"SCMP_ACT_ALLOW\",\"includes\":{"
		"\"minKernel\":\"4.8\"}},"
		"{\"names\":[\"kcmp\"],\"action\":\"SCMP_ACT_ALLOW\",\"includes\":{"
		"\"minKernel\":\"99.0\"}},"
		"{\"names\":[\"acct\"],\"action\":\"SCMP_ACT_ALLOW\",\"includes\":{\"arches\":["
		"\"arm64\"]}},"
		"{\"names\":[\"iopl\"],\"action\":\"SCMP_ACT_ALLOW\",\"excludes\":{\"arches\":["
		"\"arm64\"]}},"
		"{\"names\":[\"bpf\"],\"action\":\"SCMP_ACT_ERRNO\",\"errno\":\"EACCES\"}]}";
	struct seccomp_program p;

	(void)state;
	assert_int_equal(plan_profile(text), 0);
	p = compiled();
	assert_int_equal(ANSWER(&p, "read", 0), ALLOW);
	assert_int_equal(ANSWER(&p, "clone", 17), ALLOW);
	assert_int_equal(ANSWER(&p, "clone", 0x10000000), FAIL(ENOSYS));
	assert_int_equal(ANSWER(&p, "mount", 0), FAIL(ENOSYS));
	assert_int_equal(ANSWER(&p, "chroot", 0), ALLOW);
	assert_int_equal(ANSWER(&p, "ptrace", 0), ALLOW);
	assert_int_equal(ANSWER(&p, "kcmp", 0), FAIL(ENOSYS));
	assert_int_equal(ANSWER(&p, "acct", 0), FAIL(ENOSYS));
	assert_int_equal(ANSWER(&p, "iopl", 0), ALLOW);
	assert_int_equal(ANSWER(&p, "bpf", 0), FAIL(EACCES));
	assert_int_equal(answer_of(&p, AUDIT_ARCH_I386, "read", 0, 0), ALLOW);
	assert_int_equal(room.s.linux_.seccomp.architectures.n, 2);
	GIVE(cap_add, "sys_admin");
	assert_int_equal(plan_profile(text), 0);
	p = compiled();
	assert_int_equal(ANSWER(&p, "mount", 0), ALLOW);
	assert_int_equal(ANSWER(&p, "clone", 0), FAIL(ENOSYS));
}

static void test_seccomp_bad_profiles(void **state)
{
	static const struct {
		const char *text, *says;
	} bad[] = {
		{"{", "expected"},
		{"{}", "is none"},
		{"{\"berth_seccomp\":2}", "is of version 2"},
		{"{\"berth_seccomp\":1,\"refused\":\"EWHAT\"}", "unknown answer EWHAT"},
		{"{\"berth_seccomp\":1,\"groups\":[{\"name\":\"a\",\"calls\":[],\"with\":[\"X\"]}]"
		 "}",
		 "unknown capability X"},
		{"{\"berth_seccomp\":1,\"machines\":{\"x86_64\":[\"pdp11\"]}}",
		 "unknown architecture PDP11"},
		{"{\"berth_seccomp\":1,\"groups\":[{\"name\":\"a\",\"calls\":[\"read\"],"
		 "\"arguments\":[\"6 == 0\"]}]}",
		 "condition \"6 == 0\""},
		{"{\"berth_seccomp\":1,\"groups\":[{\"name\":\"a\",\"calls\":[\"read\"],"
		 "\"arguments\":[\"0 & 3 != 0\"]}]}",
		 "condition"},
		{"{\"defaultAction\":\"SCMP_ACT_MAYBE\"}", "unknown action SCMP_ACT_MAYBE"},
		{"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"action\":"
		 "\"SCMP_ACT_KILL\"}]}",
		 "names no call"},
		{"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"architectures\":[\"SCMP_ARCH_X86\"],"
		 "\"archMap\":[{\"architecture\":\"SCMP_ARCH_X86\"}]}",
		 "not both"},
		{"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"name\":\"read\","
		 "\"action\":\"SCMP_ACT_KILL\",\"includes\":{\"minKernel\":\"new\"}}]}",
		 "minKernel"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_true(plan_profile(bad[i].text) < 0);
		if (!strstr(room.e.text, bad[i].says))
			fail_msg("%zu: %s", i, room.e.text);
	}
	GIVE(security_opt, "seccomp=/nonexistent/profile");
	room.e = (struct err){0};
	assert_int_equal(security_plan(&room.p, &room.e), -ENOENT);
}

static void test_seccomp_words(void **state)
{
	(void)state;
	GIVE(security_opt, "seccomp=unconfined");
	plan();
	assert_false(room.s.linux_.seccomp.is_set);
	GIVE(security_opt, "seccomp:builtin");
	plan();
	assert_true(room.s.linux_.seccomp.is_set);
	end(NULL);
	begin(NULL);
	room.q.privileged = true;
	plan();
	assert_false(room.s.linux_.seccomp.is_set);
}

/* ---- capabilities -------------------------------------------------------------------------------- */

static void test_caps_default(void **state)
{
	const struct oci_capabilities *c = &room.s.process.capabilities;

	(void)state;
	plan();
	assert_true(c->is_set);
	assert_int_equal(c->bounding.n, 14);
	assert_int_equal(c->effective.n, 14);
	assert_int_equal(c->permitted.n, 14);
	assert_int_equal(c->inheritable.n, 0);
	assert_int_equal(c->ambient.n, 0);
	assert_true(strings_have(&c->bounding, "CAP_MKNOD"));
	assert_false(strings_have(&c->bounding, "CAP_SYS_ADMIN"));
}

static void test_caps_words(void **state)
{
	const struct oci_capabilities *c = &room.s.process.capabilities;

	(void)state;
	GIVE(cap_add, "net_admin", "CAP_SYS_TIME");
	GIVE(cap_drop, "Cap_Mknod", "kill");
	plan();
	assert_int_equal(c->effective.n, 14);
	assert_true(strings_have(&c->effective, "CAP_NET_ADMIN"));
	assert_true(strings_have(&c->effective, "CAP_SYS_TIME"));
	assert_false(strings_have(&c->effective, "CAP_KILL"));
	end(NULL);
	begin(NULL);
	GIVE(cap_add, "chown");
	GIVE(cap_drop, "all");
	plan();
	assert_int_equal(c->bounding.n, 1);
	assert_string_equal(c->bounding.v[0], "CAP_CHOWN");
	end(NULL);
	begin(NULL);
	GIVE(cap_add, "ALL");
	GIVE(cap_drop, "sys_admin");
	plan();
	assert_false(strings_have(&c->bounding, "CAP_SYS_ADMIN"));
}

static void test_caps_user(void **state)
{
	const struct oci_capabilities *c = &room.s.process.capabilities;

	(void)state;
	room.s.process.user.uid = 1000;
	plan();
	assert_int_equal(c->bounding.n, 14);
	assert_int_equal(c->effective.n + c->permitted.n + c->inheritable.n + c->ambient.n, 0);
	end(NULL);
	begin(NULL);
	room.s.process.user.uid = 1000;
	GIVE(cap_add, "net_bind_service");
	plan();
	assert_int_equal(c->bounding.n, 14);
	assert_int_equal(c->effective.n, 1);
	assert_int_equal(c->ambient.n, 1);
	assert_string_equal(c->ambient.v[0], "CAP_NET_BIND_SERVICE");
}

static void test_bad_words(void **state)
{
	static const struct {
		const char *add, *opt, *says;
	} bad[] = {
		{"NET_ADM", NULL,
		 "--cap-add NET_ADM: unknown capability, did you mean CAP_NET_ADMIN"},
		{"CAP_WHAT", NULL, "--cap-add CAP_WHAT: unknown capability;"},
		{NULL, "fast", "invalid --security-opt fast"},
		{NULL, "fast=1", "invalid --security-opt fast=1"},
		{NULL, "no-new-privileges=maybe", "want true or false"},
		{NULL, "label=what", "want label=disable"},
		{NULL, "mask=proc", "want absolute paths"},
		{NULL, "unmask=proc", "want absolute paths or ALL"},
		{NULL, "systempaths=all", "invalid --security-opt"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		end(NULL);
		begin(NULL);
		if (bad[i].add)
			GIVE(cap_add, bad[i].add);
		else
			GIVE(security_opt, bad[i].opt);
		assert_true(security_plan(&room.p, &room.e) < 0);
		if (!strstr(room.e.text, bad[i].says))
			fail_msg("%zu: %s", i, room.e.text);
	}
}

static void test_no_new_privileges(void **state)
{
	(void)state;
	GIVE(security_opt, "label=disable", "no-new-privileges", "apparmor=unconfined");
	plan();
	assert_true(room.s.process.no_new_privileges);
	GIVE(security_opt, "no-new-privileges:false");
	plan();
	assert_false(room.s.process.no_new_privileges);
}

/* ---- masks --------------------------------------------------------------------------------------- */

static void test_masks(void **state)
{
	const struct oci_linux *l = &room.s.linux_;

	(void)state;
	plan();
	assert_true(strings_have(&l->masked_paths, "/proc/kcore"));
	assert_true(strings_have(&l->masked_paths, "/sys/firmware"));
	assert_true(strings_have(&l->readonly_paths, "/proc/sys"));
	end(NULL);
	begin(NULL);
	GIVE(security_opt, "unmask=/proc/a*:/proc/sys", "mask=/proc/cpuinfo:/etc//x/",
	     "unmask=/sys/*");
	plan();
	assert_false(strings_have(&l->masked_paths, "/proc/acpi"));
	assert_false(strings_have(&l->masked_paths, "/sys/firmware"));
	assert_true(strings_have(&l->masked_paths, "/sys/devices/virtual/powercap"));
	assert_false(strings_have(&l->readonly_paths, "/proc/sys"));
	assert_true(strings_have(&l->readonly_paths, "/proc/bus"));
	assert_true(strings_have(&l->masked_paths, "/proc/cpuinfo"));
	assert_true(strings_have(&l->masked_paths, "/etc/x"));
	end(NULL);
	begin(NULL);
	GIVE(security_opt, "systempaths=unconfined");
	plan();
	assert_int_equal(l->masked_paths.n + l->readonly_paths.n, 0);
	end(NULL);
	begin(NULL);
	room.q.privileged = true;
	GIVE(security_opt, "mask=/proc/kcore");
	plan();
	assert_int_equal(l->masked_paths.n, 1);
	assert_int_equal(l->readonly_paths.n, 0);
}

/* ---- devices ------------------------------------------------------------------------------------- */

static void plan_devices(void)
{
	int r = devices_plan(&room.p, &room.e);

	if (r < 0)
		fail_msg("%s", room.e.text);
}

static void test_devices(void **state)
{
	const struct oci_linux *l = &room.s.linux_;
	const struct oci_device_rule *rule;

	(void)state;
	GIVE(device, "/dev/null:/dev/nothing:r", "/dev/zero:rw", "/dev/full");
	GIVE(device_cgroup_rule, "c 10:* rm", "a *:* m");
	plan_devices();
	assert_int_equal(l->devices.n, 3);
	assert_string_equal(l->devices.v[0].path, "/dev/nothing");
	assert_string_equal(l->devices.v[0].type, "c");
	assert_int_equal(l->devices.v[0].major, 1);
	assert_int_equal(l->devices.v[0].minor, 3);
	assert_int_equal(l->resources.devices.n, 6);
	rule = l->resources.devices.v;
	assert_false(rule[0].allow);
	assert_true(rule[1].allow);
	assert_string_equal(rule[1].access, "r");
	assert_string_equal(rule[2].access, "rw");
	assert_string_equal(rule[3].access, "rwm");
	assert_int_equal(rule[4].major.value, 10);
	assert_false(rule[4].minor.is_set);
	assert_string_equal(rule[4].access, "rm");
	assert_string_equal(rule[5].type, "a");
}

static void test_devices_rootless(void **state)
{
	(void)state;
	room.g.is_rootless = true;
	GIVE(device, "/dev/null:/dev/nothing");
	plan_devices();
	assert_int_equal(room.s.linux_.devices.n, 0);
	assert_int_equal(room.p.binds.n, 1);
	assert_string_equal(room.p.binds.v[0].source, "/dev/null");
	assert_string_equal(room.p.binds.v[0].destination, "/dev/nothing");
}

static void test_devices_privileged(void **state)
{
	const struct oci_device_rule *rule;

	(void)state;
	room.q.privileged = true;
	plan_devices();
	assert_int_equal(room.s.linux_.resources.devices.n, 1);
	rule = room.s.linux_.resources.devices.v;
	assert_true(rule->allow);
	assert_null(rule->type);
	for (size_t i = 0; i < room.s.linux_.devices.n; i++)
		assert_false(str_starts(room.s.linux_.devices.v[i].path, "/dev/pts"));
}

static void test_devices_bad(void **state)
{
	static const struct {
		const char *device, *rule, *says;
	} bad[] = {
		{"/dev/no-such", NULL, "no such file or directory"},
		{"/etc/passwd", NULL, "is not a device node"},
		{"dev/null", NULL, "is not an absolute path"},
		{"/dev/null:x", NULL, "is not an absolute path"},
		{"/dev/null:/dev/x:rx", NULL, "invalid mode rx"},
		{"/dev/null:/dev/x:r:w", NULL, "want HOST"},
		{"vendor.org/gpu=all", NULL, "Container Device Interface"},
		{NULL, "c 10:200", "invalid device cgroup format"},
		{NULL, "x 10:200 r", "invalid device cgroup format"},
		{NULL, "c 10:99999999999 r", "invalid device cgroup format"},
		{NULL, "", "invalid device cgroup format"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		end(NULL);
		begin(NULL);
		if (bad[i].device)
			GIVE(device, bad[i].device);
		else
			GIVE(device_cgroup_rule, bad[i].rule);
		assert_true(devices_plan(&room.p, &room.e) < 0);
		if (!strstr(room.e.text, bad[i].says))
			fail_msg("%zu: %s", i, room.e.text);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_seccomp_default),
		TEST(test_seccomp_arguments),
		TEST(test_seccomp_capabilities),
		TEST(test_seccomp_names_all),
		TEST(test_seccomp_docker),
		TEST(test_seccomp_bad_profiles),
		TEST(test_seccomp_words),
		TEST(test_caps_default),
		TEST(test_caps_words),
		TEST(test_caps_user),
		TEST(test_bad_words),
		TEST(test_no_new_privileges),
		TEST(test_masks),
		TEST(test_devices),
		TEST(test_devices_rootless),
		TEST(test_devices_privileged),
		TEST(test_devices_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

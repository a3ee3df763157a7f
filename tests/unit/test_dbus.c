/* SPDX-License-Identifier: Apache-2.0 */
/* base/dbus.c and cgroup/systemd*.c: messages there and back, names of units, properties. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/dbus.h"
#include "base/err.h"
#include "base/slice.h"
#include "cgroup/systemd.h"

static struct dbus_writer w;

static void test_there_and_back(void **state)
{
	struct dbus_message m;
	struct dbus_array a;
	const char *text = "";
	uint32_t number = 0;

	(void)state;
	dbus_begin(&w, 7, "org.example.Name", "/org/example", "org.example.Face", "Do", "suas");
	dbus_put_string(&w, "hello");
	dbus_put_u32(&w, 42);
	a = dbus_open_array(&w, 4);
	dbus_put_string(&w, "x");
	dbus_close_array(&w, a);
	assert_int_equal(dbus_end(&w), 0);
	assert_int_equal(dbus_message_size(w.buf), (int)w.n);
	assert_int_equal(dbus_parse(w.buf, w.n, &m), 0);
	assert_int_equal(m.type, DBUS_CALL);
	assert_int_equal(m.serial, 7);
	assert_string_equal(m.path, "/org/example");
	assert_string_equal(m.interface, "org.example.Face");
	assert_string_equal(m.member, "Do");
	assert_string_equal(m.signature, "suas");
	assert_int_equal(dbus_get_string(&m.body, &text), 0);
	assert_string_equal(text, "hello");
	assert_int_equal(dbus_get_u32(&m.body, &number), 0);
	assert_int_equal(number, 42);
	assert_int_equal(dbus_get_u32(&m.body, &number), 0);
	assert_int_equal(number, 6); /* bytes of the array */
	assert_int_equal(dbus_get_string(&m.body, &text), 0);
	assert_string_equal(text, "x");
	assert_int_equal(dbus_get_u32(&m.body, &number), -EBADMSG);
	/* Every shorter message is refused. */
	for (size_t n = 0; n < w.n; n++)
		assert_int_equal(dbus_parse(w.buf, n, &m), -EBADMSG);
}

static void test_too_long(void **state)
{
	char text[1024];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	dbus_begin(&w, 1, "a.b", "/", "a.b", "c", "as");
	for (int i = 0; i < 40; i++)
		dbus_put_string(&w, text);
	assert_int_equal(dbus_end(&w), -EMSGSIZE);
	assert_true(w.n <= sizeof(w.buf));
}

static void test_slices(void **state)
{
	static const struct {
		const char *slice, *path;
	} good[] = {
		{"system.slice", "/system.slice"},
		{"a-b-c.slice", "/a.slice/a-b.slice/a-b-c.slice"},
		{"-.slice", ""},
	};
	static const char *const bad[] = {"",           ".slice",   "x",       "a/b.slice",
					  "a--b.slice", "-a.slice", "a-.slice"};
	auto_arena struct arena a = {0};
	const char *path = NULL;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		assert_int_equal(systemd_expand_slice(good[i].slice, &a, &path, NULL), 0);
		assert_string_equal(path, good[i].path);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (systemd_expand_slice(bad[i], &a, &path, NULL) != -EINVAL)
			fail_msg("\"%s\" was taken as %s", bad[i], path);
}

static bool holds(const char *text, size_t n)
{
	return memmem(w.buf, w.n, text, n);
}

static void test_limits(void **state)
{
	static const struct cgroup_layout v2 = {
		.mode = CGROUP_V2, .n = 1, .hierarchy = {{.is_v2 = true}}};
	static const struct cgroup_layout v1 = {.mode = CGROUP_V1, .n = 1};
	static const struct cgroup_write two[] = {
		{.file = "memory.max", .value = "65536"},
		{.file = "cpu.max", .value = "33333 100000"},
		{.file = "pids.max", .value = "max"},
		{.file = "cpuset.cpus", .value = "0-1,8"},
		{.file = "rdma.max", .value = "x"},
	};
	static const struct cgroup_write one[] = {
		{.file = "cpu.cfs_period_us", .value = "50000"},
		{.file = "cpu.cfs_quota_us", .value = "25000"},
		{.file = "memory.limit_in_bytes", .value = "-1"},
	};

	(void)state;
	dbus_begin(&w, 1, "", "/", "", "x", "");
	systemd_put_limits(&w, &v2, two, ARRAY_LEN(two));
	assert_int_equal(dbus_end(&w), 0);
	assert_true(holds("MemoryMax\0\1t\0", 13));
	assert_true(holds("CPUQuotaPerSecUSec", 19));
	assert_true(holds("\x20\x30\x05\0\0\0\0\0", 8)); /* 340000: a whole percent more */
	assert_true(holds("CPUQuotaPeriodUSec", 19));
	assert_true(holds("\xff\xff\xff\xff\xff\xff\xff\xff", 8));
	assert_true(holds("\2\0\0\0\3\1", 6)); /* two bytes: 0, 1 and 8 */
	assert_false(holds("rdma", 4));
	dbus_begin(&w, 1, "", "/", "", "x", "");
	systemd_put_limits(&w, &v1, one, ARRAY_LEN(one));
	assert_int_equal(dbus_end(&w), 0);
	assert_true(holds("\x20\xa1\x07\0\0\0\0\0", 8)); /* 500000 */
	assert_true(holds("MemoryLimit", 12));
	assert_false(holds("MemoryMax", 9));
}

static void test_annotations(void **state)
{
	static const struct {
		const char *name, *value;
		bool is_good;
	} cases[] = {
		{"TimeoutStopSec", "1.5", true},
		{"X-Y", "true", false},
		{"ab", "true", false},
		{"Abc", "true", true},
		{"Abc", "maybe", false},
		{"Abc", "'x'", true},
		{"Abc", "\"x\"", true},
		{"Abc", "'x", false},
		{"Abc", "['a', 'b']", true},
		{"Abc", "['a'", false},
		{"Abc", "5", true},
		{"Abc", "uint64 5", true},
		{"Abc", "uint64 ", false},
		{"Abc", "", false},
		{"Abc", "'x' y", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err e = {0};
		int r;

		dbus_begin(&w, 1, "", "/", "", "x", "");
		r = systemd_put_annotation(&w, cases[i].name, cases[i].value, &e);
		if ((r == 0) != cases[i].is_good || (r < 0) != (e.code != 0))
			fail_msg("%s = %s: %d %s", cases[i].name, cases[i].value, r, e.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_there_and_back), cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_slices),         cmocka_unit_test(test_limits),
		cmocka_unit_test(test_annotations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

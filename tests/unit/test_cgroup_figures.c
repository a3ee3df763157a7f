/* SPDX-License-Identifier: Apache-2.0 */
/* cgroup figures: what the kernel's files say, from directories that look like groups. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "cgroup/apply.h"
#include "cgroup/cgroup.h"
#include "cgroup/detect.h"
#include "cgroup/figures.h"

static char top[] = "/tmp/test_cgroup.XXXXXX";
static int top_fd;

static int set_up(void **state)
{
	(void)state;
	strcpy(top + strlen(top) - 6, "XXXXXX");
	assert_non_null(mkdtemp(top));
	top_fd = open(top, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return top_fd < 0;
}

static int remove_one(const char *path, const struct stat *s, int type, struct FTW *f)
{
	(void)s, (void)type, (void)f;
	return remove(path);
}

static int tear_down(void **state)
{
	(void)state;
	close(top_fd);
	return nftw(top, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void put_file(const char *name, const char *text)
{
	int fd = openat(top_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static struct cgroup group_of(bool is_v2, uint32_t controllers)
{
	struct cgroup c = {.n = 1};

	c.group[0].is_v2 = is_v2;
	c.group[0].controllers = controllers;
	c.group[0].mount = top;
	c.group[0].path = "";
	c.group[0].dir_fd = top_fd;
	c.group[0].tasks_fd = -EBADF;
	return c;
}

static void expect_stats(const struct cgroup *c, const char *wanted)
{
	auto_json_writer struct json_writer w = {0};
	struct err e = {0};
	char *text;

	assert_int_equal(cgroup_stats_print(c, &w, &e), 0);
	text = strndup(w.buf, w.len);
	assert_string_equal(text, wanted);
	free(text);
}

static void test_v2(void **state)
{
	struct cgroup c =
		group_of(true, 1U << CG_CPU | 1U << CG_MEMORY | 1U << CG_IO | 1U << CG_PIDS);

	(void)state;
	put_file("cpu.stat", "usage_usec 30\nuser_usec 20\nsystem_usec 10\nnr_periods 4\n"
			     "nr_throttled 2\nthrottled_usec 7\n");
	put_file("cpu.pressure", "some avg10=1.50 avg60=0.00 avg300=0.25 total=123\n"
				 "full avg10=0.00 avg60=0.00 avg300=0.00 total=5\n");
	put_file("memory.stat", "anon 1\nfile 4096\n");
	put_file("memory.current", "8192\n");
	put_file("memory.max", "max\n");
	put_file("memory.peak", "9000\n");
	put_file("memory.events", "low 0\nhigh 0\nmax 3\noom 1\noom_kill 2\n");
	put_file("memory.swap.max", "100\n");
	put_file("memory.swap.current", "8\n");
	put_file("pids.current", "2\n");
	put_file("pids.max", "max\n");
	put_file("io.stat", "8:16 rbytes=10 wbytes=20 rios=1 wios=2 dbytes=0 dios=0\n7:0 \n");
	expect_stats(&c,
		     "{\"cpu\":{\"usage\":{\"total\":30000,\"kernel\":10000,\"user\":20000},"
		     "\"throttling\":{\"periods\":4,\"throttledPeriods\":2,\"throttledTime\":7000},"
		     "\"psi\":{\"some\":{\"avg10\":1.5,\"avg60\":0,\"avg300\":0.25,\"total\":123},"
		     "\"full\":{\"avg10\":0,\"avg60\":0,\"avg300\":0,\"total\":5}}},\"cpuset\":{},"
		     "\"memory\":{\"cache\":4096,\"usage\":{\"limit\":18446744073709551615,"
		     "\"usage\":8192,\"max\":9000,\"failcnt\":3},\"swap\":{\"limit\":"
		     "18446744073709551615,\"usage\":8200,\"failcnt\":0},\"raw\":{\"anon\":1,"
		     "\"file\":4096}},\"pids\":{\"current\":2},\"blkio\":{"
		     "\"ioServiceBytesRecursive\":[{\"major\":8,\"minor\":16,\"op\":\"Read\","
		     "\"value\":10},{\"major\":8,\"minor\":16,\"op\":\"Write\",\"value\":20},"
		     "{\"major\":8,\"minor\":16,\"op\":\"Discard\"}],\"ioServicedRecursive\":["
		     "{\"major\":8,\"minor\":16,\"op\":\"Read\",\"value\":1},{\"major\":8,"
		     "\"minor\":16,\"op\":\"Write\",\"value\":2},{\"major\":8,\"minor\":16,"
		     "\"op\":\"Discard\"}]},\"hugetlb\":{},\"intel_rdt\":{},"
		     "\"network_interfaces\":null}");
	assert_int_equal(cgroup_oom_kills(&c), 2);
}

static void test_v1(void **state)
{
	struct cgroup c = group_of(false, 1U << CG_CPU | 1U << CG_CPUACCT | 1U << CG_CPUSET |
						  1U << CG_IO | 1U << CG_MEMORY | 1U << CG_PIDS);

	(void)state;
	put_file("cpuacct.usage", "50\n");
	put_file("cpuacct.usage_all", "cpu user system\n0 20 10\n1 15 5\n");
	put_file("cpuacct.usage_sys", "15\n");
	put_file("cpuacct.usage_user", "35\n");
	put_file("cpu.stat", "nr_periods 0\nnr_throttled 0\nthrottled_time 9\n");
	put_file("cpuset.cpus", "0-2,5\n");
	put_file("cpuset.mems", "0\n");
	put_file("cpuset.sched_relax_domain_level", "-1\n");
	put_file("memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 4\n");
	put_file("pids.current", "1\n");
	put_file("pids.max", "32\n");
	put_file("blkio.throttle.io_service_bytes_recursive", "8:0 Read 5\n8:0 Total 5\nTotal 5\n");
	put_file("blkio.throttle.io_serviced_recursive", "Total 0\n");
	expect_stats(
		&c, "{\"cpu\":{\"usage\":{\"total\":50,\"percpu\":[30,20],\"percpu_kernel\":[10,5],"
		    "\"percpu_user\":[20,15],\"kernel\":15,\"user\":35},\"throttling\":{"
		    "\"throttledTime\":9}},\"cpuset\":{\"cpus\":[0,1,2,5],\"mems\":[0],"
		    "\"cpu_exclusive\":0,\"mem_hardwall\":0,\"mem_exclusive\":0,"
		    "\"memory_migrate\":0,\"memory_spread_page\":0,\"memory_spread_slab\":0,"
		    "\"memory_pressure\":0,\"sched_load_balance\":0,"
		    "\"sched_relax_domain_level\":-1},\"memory\":{},\"pids\":{\"current\":1,"
		    "\"limit\":32},\"blkio\":{\"ioServiceBytesRecursive\":[{\"major\":8,"
		    "\"op\":\"Read\",\"value\":5},{\"major\":8,\"op\":\"Total\",\"value\":5}]},"
		    "\"hugetlb\":{},\"intel_rdt\":{},\"network_interfaces\":null}");
	assert_int_equal(cgroup_oom_kills(&c), 4);
}

static void test_no_group(void **state)
{
	struct cgroup c = {0};
	struct json_writer w = {0};
	struct err e = {0};

	(void)state;
	assert_int_equal(cgroup_stats_print(&c, &w, &e), -ENOENT);
	assert_string_equal(e.text, "the container has no cgroup: there are no figures");
	assert_int_equal(cgroup_oom_kills(&c), -ENOENT);
	assert_int_equal(cgroup_clone_fd(&c), -EBADF);
	assert_int_equal(cgroup_destroy(&c, NULL), 0);
}

static void test_pressure(void **state)
{
	struct pressure_line p;

	(void)state;
	assert_int_equal(
		pressure_parse("full avg10=0.00 avg60=1.00 avg300=2.50 total=77\n", "full", &p), 0);
	assert_int_equal(p.total, 77);
	assert_true(p.avg60 == 1.0 && p.avg300 == 2.5);
	assert_true(pressure_parse("full avg10=0.00\nsome total=1", "full", &p) < 0);
	assert_true(pressure_parse("", "some", &p) < 0);
}

static void test_self(void **state)
{
	struct detect_line lines[4];
	struct arena a = {0};

	(void)state;
	assert_int_equal(
		detect_parse_self("3:cpu,cpuacct:/a:b\n1:name=systemd:/\n0::/x\n", lines, 4, &a),
		3);
	assert_string_equal(lines[0].controllers, "cpu,cpuacct");
	assert_string_equal(lines[0].path, "/a:b");
	assert_string_equal(lines[2].controllers, "");
	assert_string_equal(lines[2].path, "/x");
	assert_int_equal(detect_parse_self("rubbish\n", lines, 4, &a), -EINVAL);
	assert_int_equal(detect_parse_self("1:a:/\n2:b:/\n", lines, 1, &a), -E2BIG);
	assert_int_equal(detect_parse_controllers("cpu,cpuacct,nonsense", false),
			 1U << CG_CPU | 1U << CG_CPUACCT);
	assert_int_equal(detect_parse_controllers("io memory", true),
			 1U << CG_IO | 1U << CG_MEMORY);
	arena_free(&a);
}

static char *text_of(struct arena *a, const char *name)
{
	char *path = arena_printf(a, "%s/%s", top, name), *text = arena_alloc(a, 256);
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, text, 255) < 0)
		return NULL;
	close(fd);
	return text;
}

/* Optional files, alternatives, and an error that leaves the old values. */
static void test_apply(void **state)
{
	struct cgroup c = group_of(true, 1U << CG_MEMORY);
	const struct cgroup_write v[] = {
		{.file = "missing", .value = "1", .property = "p.missing", .is_optional = true},
		{.file = "second", .value = "2", .property = "p.second", .is_alternative = true},
		{.file = "first", .value = "3", .property = "p.first", .is_optional = true},
		{.file = "skipped", .value = "4", .property = "p.skipped", .is_alternative = true},
		{.file = "pair1", .value = "5", .property = "p.pair1", .together = 1},
		{.file = "pair2", .value = "6", .property = "p.pair2", .together = 1},
		{.file = "memory.swap.max", .value = "7", .property = "p.swap"},
	};
	const char *olds[7] = {0};
	struct arena a = {0};
	struct err e = {0};
	char wanted[512];

	(void)state;
	put_file("second", "a");
	put_file("first", "b");
	put_file("skipped", "c");
	put_file("pair1", "d");
	put_file("pair2", "e");
	unlinkat(top_fd, "memory.swap.max", 0);
	assert_int_equal(apply_writes(&c, v, 7, &a, olds, &e), -ENOENT);
	snprintf(wanted, sizeof(wanted),
		 "p.swap: writing \"7\" to %s/memory.swap.max: no such file"
		 " or directory: this kernel does not account for swap; boot it with swapaccount=1",
		 top);
	assert_string_equal(e.text, wanted);
	assert_string_equal(text_of(&a, "second"), "2");
	assert_string_equal(text_of(&a, "first"), "3");
	assert_string_equal(text_of(&a, "skipped"), "c");
	assert_string_equal(text_of(&a, "pair1"), "5");
	assert_string_equal(text_of(&a, "pair2"), "6");
	apply_undo(&c, v, 7, olds);
	assert_string_equal(text_of(&a, "second"), "a");
	assert_string_equal(text_of(&a, "first"), "b");
	assert_string_equal(text_of(&a, "pair1"), "d");
	assert_string_equal(text_of(&a, "pair2"), "e");
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_v2, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_v1, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_apply, set_up, tear_down),
		cmocka_unit_test(test_no_group),
		cmocka_unit_test(test_pressure),
		cmocka_unit_test(test_self),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* cgroup/plan: each resource as writes, on v1, hybrid and v2; where groups are; what is refused. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "cgroup/cgroup.h"
#include "cgroup/cpu.h"
#include "cgroup/detect.h"
#include "cgroup/io.h"

#define I64(x) ((struct maybe_i64){true, (x)})
#define U64(x) ((struct maybe_u64){true, (x)})
#define LEN(a) (sizeof(a) / sizeof((a)[0]))

static void add(struct cgroup_layout *l, bool is_v2, const char *names, const char *mount,
		const char *own)
{
	uint32_t bits = detect_parse_controllers(names, is_v2);

	if (!l->n)
		memset(l->of, -1, sizeof(l->of));
	l->hierarchy[l->n] = (struct cgroup_hierarchy){
		.is_v2 = is_v2, .name = names, .mount = mount, .own = own, .controllers = bits};
	for (unsigned c = 0; c < CG_CONTROLLER_COUNT; c++)
		if ((bits & 1U << c) && l->of[c] < 0)
			l->of[c] = (int8_t)l->n;
	l->n++;
}

static struct cgroup_layout layout_of(enum cgroup_mode mode)
{
	struct cgroup_layout l = {.mode = mode};

	memset(l.of, -1, sizeof(l.of));
	if (mode == CGROUP_V2) {
		add(&l, true, "cpuset cpu io memory hugetlb pids rdma misc", "/cg", "/user/me");
	} else if (mode != CGROUP_NONE) {
		add(&l, false, "cpu,cpuacct", "/cg/cpu,cpuacct", "/me");
		add(&l, false, "cpuset", "/cg/cpuset", "/");
		add(&l, false, "memory", "/cg/memory", "/slice/me");
		add(&l, false, "blkio", "/cg/blkio", "/");
		add(&l, false, "pids", "/cg/pids", "/");
		add(&l, false, "devices", "/cg/devices", "/");
		add(&l, false, "freezer", "/cg/freezer", "/");
	}
	if (mode == CGROUP_V1) {
		add(&l, false, "hugetlb", "/cg/hugetlb", "/");
		add(&l, false, "net_cls,net_prio", "/cg/net_cls,net_prio", "/");
		add(&l, false, "rdma", "/cg/rdma", "/");
		add(&l, false, "perf_event", "/cg/perf_event", "/");
	}
	if (mode == CGROUP_HYBRID)
		add(&l, true, "hugetlb", "/cg/unified", "/");
	return l;
}

/* The writes but those of devices, one a line: "FILE VALUE", "?" optional, "|" alternative. */
static char *writes_of(const struct cgroup_plan *p, struct arena *a)
{
	char *text = arena_strdup(a, "");

	for (size_t i = 0; i < p->writes.n; i++) {
		const struct cgroup_write *w = &p->writes.v[i];

		if (str_starts(w->file, "devices."))
			continue;
		text = arena_printf(a, "%s%s%s%s %s\n", text, w->is_optional ? "?" : "",
				    w->is_alternative ? "|" : "", w->file, w->value);
	}
	return text;
}

static void expect(enum cgroup_mode mode, const struct oci_resources *r, const char *wanted)
{
	struct arena a = {0};
	struct err e = {0};
	struct cgroup_layout l = layout_of(mode);
	struct oci_spec spec = {.linux_ = {.resources = *r}};
	struct cgroup_plan p;
	int ret = cgroup_plan_make(&l, &spec, "c1", false, &a, &p, &e);

	assert_string_equal(ret < 0 ? e.text : writes_of(&p, &a), wanted);
	arena_free(&a);
}

static void test_cpu(void **state)
{
	struct oci_resources r = {.cpu = {.shares = U64(1024),
					  .quota = I64(50000),
					  .period = U64(100000),
					  .burst = U64(20000),
					  .cpus = "0-1",
					  .mems = "0"}};
	struct oci_resources rt = {
		.cpu = {.realtime_runtime = I64(1000), .realtime_period = U64(100000)}};
	struct oci_resources idle = {.cpu = {.idle = I64(1), .shares = U64(2)}};
	struct oci_resources none = {.cpu = {.quota = I64(-1)}};
	struct oci_resources period = {.cpu = {.period = U64(50000)}};

	(void)state;
	expect(CGROUP_V1, &r,
	       "cpu.shares 1024\ncpu.cfs_period_us 100000\ncpu.cfs_quota_us 50000\n"
	       "cpu.cfs_burst_us 20000\ncpuset.cpus 0-1\ncpuset.mems 0\n");
	expect(CGROUP_V2, &r,
	       "cpu.weight 100\ncpu.max 50000 100000\ncpu.max.burst 20000\ncpuset.cpus 0-1\n"
	       "cpuset.mems 0\n");
	expect(CGROUP_V1, &rt, "cpu.rt_period_us 100000\ncpu.rt_runtime_us 1000\n");
	expect(CGROUP_V2, &rt,
	       "linux.resources.cpu.realtimeRuntime: cgroup v2 has no real-time budgets");
	expect(CGROUP_V2, &idle, "cpu.idle 1\n");
	expect(CGROUP_V1, &none, "cpu.cfs_quota_us -1\n");
	expect(CGROUP_V2, &none, "cpu.max max\n");
	expect(CGROUP_V2, &period, "cpu.max max 50000\n");
}

static void test_cpu_errors(void **state)
{
	struct oci_resources burst = {.cpu = {.quota = I64(5000), .burst = U64(6000)}};
	struct oci_resources idle = {.cpu = {.idle = I64(2)}};
	struct oci_resources period = {.cpu = {.period = U64(10)}};
	struct oci_resources quota = {.cpu = {.quota = I64(10)}};
	struct oci_resources cpus = {.cpu = {.cpus = "0-1;2"}};

	(void)state;
	expect(CGROUP_V2, &burst, "linux.resources.cpu.burst: 6000 is more than the quota of 5000");
	expect(CGROUP_V1, &idle, "linux.resources.cpu.idle: 2 is neither 0 nor 1");
	expect(CGROUP_V1, &period,
	       "linux.resources.cpu.period: 10 is not within 1000 and 1000000 microseconds");
	expect(CGROUP_V1, &quota,
	       "linux.resources.cpu.quota: 10 is less than the smallest quota, 1000 microseconds");
	expect(CGROUP_V1, &cpus, "linux.resources.cpu.cpus: \"0-1;2\" is not a list such as 0-3,8");
}

static void test_memory(void **state)
{
	struct oci_resources full = {
		.memory = {.limit = I64(1000), .swap = I64(1500), .reservation = I64(500)}};
	struct oci_resources no_swap = {.memory = {.limit = I64(1000), .swap = I64(1000)}};
	struct oci_resources any_swap = {.memory = {.limit = I64(1000), .swap = I64(-1)}};
	struct oci_resources zero_swap = {.memory = {.limit = I64(1000), .swap = I64(0)}};
	struct oci_resources unlimited = {.memory = {.limit = I64(-1)}};
	struct oci_resources old = {.memory = {.kernel = I64(7),
					       .kernel_tcp = I64(2000),
					       .swappiness = U64(60),
					       .disable_oom_killer = {true, true}}};
	struct oci_resources oom = {.memory = {.disable_oom_killer = {true, true}}};

	(void)state;
	expect(CGROUP_V1, &full,
	       "memory.limit_in_bytes 1000\nmemory.memsw.limit_in_bytes 1500\n"
	       "memory.soft_limit_in_bytes 500\n");
	expect(CGROUP_V2, &full, "memory.max 1000\nmemory.swap.max 500\nmemory.low 500\n");
	expect(CGROUP_V2, &no_swap, "memory.max 1000\nmemory.swap.max 0\n");
	expect(CGROUP_V1, &no_swap,
	       "memory.limit_in_bytes 1000\nmemory.memsw.limit_in_bytes 1000\n");
	expect(CGROUP_V2, &any_swap, "memory.max 1000\nmemory.swap.max max\n");
	expect(CGROUP_V1, &any_swap,
	       "memory.limit_in_bytes 1000\nmemory.memsw.limit_in_bytes -1\n");
	expect(CGROUP_V2, &zero_swap, "memory.max 1000\n");
	expect(CGROUP_V2, &unlimited, "memory.max max\n?memory.swap.max max\n");
	expect(CGROUP_V1, &unlimited,
	       "memory.limit_in_bytes -1\n?memory.memsw.limit_in_bytes -1\n");
	expect(CGROUP_V1, &old,
	       "memory.kmem.tcp.limit_in_bytes 2000\nmemory.swappiness 60\n"
	       "memory.oom_control 1\n");
	expect(CGROUP_V2, &old,
	       "linux.resources.memory.swappiness: cgroup v2 has no swappiness of a group");
	expect(CGROUP_V2, &oom, "");
}

static void test_memory_errors(void **state)
{
	struct oci_resources less = {.memory = {.limit = I64(1000), .swap = I64(999)}};
	struct oci_resources alone = {.memory = {.swap = I64(1000)}};
	struct oci_resources swappiness = {.memory = {.swappiness = U64(201)}};
	struct oci_resources tcp = {.memory = {.kernel_tcp = I64(1)}};

	(void)state;
	expect(CGROUP_V2, &less,
	       "linux.resources.memory.swap: 999 is less than the memory limit of 1000, and it"
	       " counts memory and swap together");
	expect(CGROUP_V1, &alone,
	       "linux.resources.memory.swap: needs a memory limit, since it counts memory and swap"
	       " together");
	expect(CGROUP_V1, &swappiness,
	       "linux.resources.memory.swappiness: 201 is not within 0 and 200");
	expect(CGROUP_V2, &tcp,
	       "linux.resources.memory.kernelTCP: cgroup v2 has no limit on TCP buffers alone;"
	       " memory.limit counts them");
}

static void test_pids(void **state)
{
	struct oci_resources r = {.pids_limit = I64(0)}, max = {.pids_limit = I64(-1)};

	(void)state;
	expect(CGROUP_V1, &r, "pids.max 0\n");
	expect(CGROUP_V2, &r, "pids.max 0\n");
	expect(CGROUP_V2, &max, "pids.max max\n");
}

static void test_io(void **state)
{
	struct oci_weight_device device = {8, 0, U64(10), {0}};
	struct oci_throttle_device rate = {8, 16, 1048576}, off = {8, 16, 0};
	struct oci_resources r = {.block_io = {.weight = U64(500),
					       .weight_device = {&device, 1},
					       .throttle_read_bps = {&rate, 1},
					       .throttle_write_iops = {&off, 1}}};
	struct oci_resources leaf = {.block_io = {.leaf_weight = U64(300)}};
	struct oci_resources bad = {.block_io = {.weight = U64(1001)}};

	(void)state;
	expect(CGROUP_V1, &r,
	       "?blkio.weight 500\n|blkio.bfq.weight 500\n?blkio.weight_device 8:0 10\n"
	       "|blkio.bfq.weight_device 8:0 10\nblkio.throttle.read_bps_device 8:16 1048576\n"
	       "blkio.throttle.write_iops_device 8:16 0\n");
	expect(CGROUP_V2, &r,
	       "?io.bfq.weight 500\n|io.weight 4950\n?io.bfq.weight 8:0 10\n|io.weight 8:0 1\n"
	       "io.max 8:16 rbps=1048576\nio.max 8:16 wiops=max\n");
	expect(CGROUP_V1, &leaf, "blkio.leaf_weight 300\n");
	expect(CGROUP_V2, &leaf,
	       "linux.resources.blockIO.leafWeight: cgroup v2 has no leaf weights");
	expect(CGROUP_V2, &bad, "linux.resources.blockIO.weight: 1001 is not within 10 and 1000");
}

static void test_others(void **state)
{
	struct oci_hugepage_limit huge = {"2MB", 4194304}, bad_huge = {"../2MB", 1};
	struct oci_net_priority priority = {"eth0", 5};
	struct oci_rdma rdma = {"mlx5_1", U64(3), U64(10000)}, empty = {"mlx5_1", {0}, {0}};
	struct oci_resources h = {.hugepage_limits = {&huge, 1}};
	struct oci_resources b = {.hugepage_limits = {&bad_huge, 1}};
	struct oci_resources n = {
		.network = {.class_id = U64(0x100001), .priorities = {&priority, 1}}};
	struct oci_resources d = {.rdma = {&rdma, 1}}, x = {.rdma = {&empty, 1}};

	(void)state;
	expect(CGROUP_V1, &h,
	       "?hugetlb.2MB.rsvd.limit_in_bytes 4194304\nhugetlb.2MB.limit_in_bytes 4194304\n");
	expect(CGROUP_HYBRID, &h, "?hugetlb.2MB.rsvd.max 4194304\nhugetlb.2MB.max 4194304\n");
	expect(CGROUP_V1, &b,
	       "linux.resources.hugepageLimits: \"../2MB\" is no page size such as 2MB");
	expect(CGROUP_V1, &n, "net_cls.classid 1048577\nnet_prio.ifpriomap eth0 5\n");
	expect(CGROUP_V2, &n,
	       "linux.resources.network.classID: cgroup v2 has no net_cls controller");
	expect(CGROUP_HYBRID, &n,
	       "linux.resources.network.classID: the net_cls controller is not available on this"
	       " machine (see /proc/cgroups)");
	expect(CGROUP_V1, &d, "rdma.max mlx5_1 hca_handle=3 hca_object=10000\n");
	expect(CGROUP_V2, &d, "rdma.max mlx5_1 hca_handle=3 hca_object=10000\n");
	expect(CGROUP_V2, &x, "linux.resources.rdma.mlx5_1: needs hcaHandles or hcaObjects");
}

static void unified(enum cgroup_mode mode, const char *key, const char *value, const char *wanted)
{
	struct oci_pair pair = {key, value};
	struct oci_resources r = {.unified = {&pair, 1}};

	expect(mode, &r, wanted);
}

static void test_unified(void **state)
{
	(void)state;
	unified(CGROUP_V2, "memory.high", "4096", "memory.high 4096\n");
	unified(CGROUP_V2, "io.max", "8:0 rbps=1\n8:16 rbps=2",
		"io.max 8:0 rbps=1\nio.max 8:16 rbps=2\n");
	unified(CGROUP_V2, "cgroup.max.depth", "3", "cgroup.max.depth 3\n");
	unified(CGROUP_V2, "memory.not.yet.known", "1", "memory.not.yet.known 1\n");
	unified(CGROUP_HYBRID, "hugetlb.2MB.max", "0", "hugetlb.2MB.max 0\n");
	unified(CGROUP_HYBRID, "memory.high", "1",
		"linux.resources.unified[\"memory.high\"]: the memory controller is not available"
		" in /cg/unified");
	unified(CGROUP_V2, "foo.bar", "1",
		"linux.resources.unified[\"foo.bar\"]: the foo controller is not available in /cg");
	unified(CGROUP_V1, "memory.high", "1",
		"linux.resources.unified[\"memory.high\"]: needs cgroup v2, which is not mounted on"
		" this machine");
	unified(CGROUP_V2, "../memory.high", "1",
		"linux.resources.unified[\"../memory.high\"]: is no name of a cgroup file");
	unified(CGROUP_V2, "a/b", "1",
		"linux.resources.unified[\"a/b\"]: is no name of a cgroup file");
	unified(CGROUP_V2, "", "1", "linux.resources.unified[\"\"]: is no name of a cgroup file");
}

static void test_weights(void **state)
{
	static const uint64_t shares[][2] = {
		{0, 0},    {1, 1},      {2, 1},      {3, 2},       {4, 2},          {256, 35},
		{512, 59}, {1024, 100}, {2048, 174}, {10240, 639}, {262144, 10000}, {300000, 10000},
	};
	uint64_t last = 0;

	(void)state;
	for (size_t i = 0; i < LEN(shares); i++)
		assert_int_equal(cpu_weight_of_shares(shares[i][0]), shares[i][1]);
	for (uint64_t s = 2; s <= 262144; s++) {
		uint64_t w = cpu_weight_of_shares(s);

		assert_true(w >= last && w >= 1 && w <= 10000);
		last = w;
	}
	assert_int_equal(io_weight_v2(10), 1);
	assert_int_equal(io_weight_v2(1000), 10000);
	assert_int_equal(io_weight_v2(0), 0);
}

static void expect_path(enum cgroup_mode mode, bool is_rootless, const char *cgroups_path,
			const char *id, unsigned hierarchy, const char *wanted)
{
	struct arena a = {0};
	struct err e = {0};
	struct cgroup_layout l = layout_of(mode);
	struct oci_spec spec = {.linux_ = {.cgroups_path = cgroups_path}};
	struct cgroup_plan p;
	int r = cgroup_plan_make(&l, &spec, id, is_rootless, &a, &p, &e);

	assert_string_equal(r < 0 ? e.text : p.group_path[hierarchy], wanted);
	arena_free(&a);
}

static void test_paths(void **state)
{
	(void)state;
	expect_path(CGROUP_V2, false, NULL, "c1", 0, "/berth/c1");
	expect_path(CGROUP_V2, true, NULL, "c1", 0, "/user/me/berth/c1");
	expect_path(CGROUP_V2, false, "/a/b", "c1", 0, "/a/b");
	expect_path(CGROUP_V2, false, "a/b", "c1", 0, "/user/me/a/b");
	expect_path(CGROUP_V1, false, "a/b", "c1", 2, "/slice/me/a/b");
	expect_path(CGROUP_V1, false, "a/b", "c1", 1, "/a/b");
	expect_path(CGROUP_V1, false, "/../../a//./b/", "c1", 2, "/a/b");
	expect_path(CGROUP_V1, false, "../../a", "c1", 2, "/slice/me/a");
	expect_path(CGROUP_V1, false, "/..", "c1", 2,
		    "linux.cgroupsPath: \"/..\" names no group of its own");
}

/* Which hierarchies get a group: the seven that serve every container, others with a limit. */
static void test_used(void **state)
{
	struct oci_hugepage_limit huge = {"2MB", 1};
	struct cgroup_layout v1 = layout_of(CGROUP_V1), hybrid = layout_of(CGROUP_HYBRID),
			     v2 = layout_of(CGROUP_V2), none = layout_of(CGROUP_NONE);
	struct oci_spec spec = {0};
	struct arena a = {0};
	struct cgroup_plan p;
	struct err e = {0};

	(void)state;
	assert_int_equal(cgroup_plan_make(&v1, &spec, "c", false, &a, &p, NULL), 0);
	assert_int_equal(p.used, 0x7d); /* not cpuset (1), hugetlb, net, rdma, perf_event (7..) */
	assert_int_equal(cgroup_plan_make(&hybrid, &spec, "c", false, &a, &p, NULL), 0);
	assert_int_equal(p.used, 0x7d);
	assert_int_equal(p.controllers, 0);
	spec.linux_.resources.hugepage_limits.v = &huge;
	spec.linux_.resources.hugepage_limits.n = 1;
	assert_int_equal(cgroup_plan_make(&hybrid, &spec, "c", false, &a, &p, NULL), 0);
	assert_int_equal(p.used, 0xfd);
	assert_int_equal(p.needed, 1U << CG_HUGETLB);
	assert_int_equal(cgroup_plan_make(&v2, &spec, "c", false, &a, &p, NULL), 0);
	assert_int_equal(p.used, 1);
	assert_int_equal(p.needed, 1U << CG_HUGETLB);
	assert_true(p.controllers & 1U << CG_MEMORY);
	assert_true(p.device_rules.n > 0);
	assert_int_equal(cgroup_plan_make(&none, &spec, "c", false, &a, &p, &e), -EOPNOTSUPP);
	assert_string_equal(e.text, "linux.resources.hugepageLimits: needs the hugetlb controller,"
				    " but no cgroup file system is mounted on /sys/fs/cgroup");
	spec.linux_.resources.hugepage_limits.n = 0;
	assert_int_equal(cgroup_plan_make(&none, &spec, "c", false, &a, &p, NULL), 0);
	assert_int_equal(p.used, 0);
	arena_free(&a);
}

static void test_rootless(void **state)
{
	struct cgroup_layout l = {.mode = CGROUP_V2};
	struct oci_spec spec = {.linux_ = {.resources = {.memory = {.limit = I64(1)}}}};
	struct arena a = {0};
	struct cgroup_plan p;
	struct err e = {0};

	(void)state;
	add(&l, true, "pids", "/cg", "/me");
	assert_int_equal(cgroup_plan_make(&l, &spec, "c", true, &a, &p, &e), -EOPNOTSUPP);
	assert_string_equal(e.text, "linux.resources.memory.limit: the memory controller is not"
				    " available; give it to users with Delegate=cpu cpuset io"
				    " memory pids in user@.service.d");
	spec.linux_.resources.memory.limit.is_set = false;
	assert_int_equal(cgroup_plan_make(&l, &spec, "c", true, &a, &p, &e), 0);
	assert_int_equal(p.device_rules.n, 0);
	arena_free(&a);
}

static void test_owner(void **state)
{
	struct cgroup_layout l = layout_of(CGROUP_V2);
	struct oci_namespace ns = {"cgroup", NULL};
	const char *ro[] = {"nosuid", "ro"};
	struct oci_mount mount = {.type = "cgroup", .destination = "/sys/fs/cgroup"};
	struct oci_id_map map = {0, 100000, 65536};
	struct oci_spec spec = {.mounts = {&mount, 1},
				.process = {.user = {.uid = 7}},
				.linux_ = {.namespaces = {&ns, 1}, .uid_mappings = {&map, 1}}};
	struct arena a = {0};
	struct cgroup_plan p;

	(void)state;
	assert_int_equal(cgroup_plan_make(&l, &spec, "c", false, &a, &p, NULL), 0);
	assert_true(p.owner_uid.is_set);
	assert_int_equal(p.owner_uid.value, 100007);
	mount.options.v = ro;
	mount.options.n = 2;
	assert_int_equal(cgroup_plan_make(&l, &spec, "c", false, &a, &p, NULL), 0);
	assert_false(p.owner_uid.is_set);
	arena_free(&a);
}

static void test_device_writes(void **state)
{
	struct cgroup_layout l = layout_of(CGROUP_V1);
	struct oci_device_rule rules[] = {
		{.allow = false, .access = "rwm"},
		{.allow = true, .type = "c", .major = I64(1), .minor = I64(3), .access = "rwm"},
		{.allow = true, .type = "b", .major = I64(7), .access = "r"},
	};
	struct oci_spec spec = {.linux_ = {.resources = {.devices = {rules, LEN(rules)}}}};
	struct arena a = {0};
	struct cgroup_plan p;

	(void)state;
	assert_int_equal(cgroup_plan_make(&l, &spec, "c", false, &a, &p, NULL), 0);
	assert_int_equal(p.device_rules.n, 0);
	assert_string_equal(p.writes.v[0].file, "devices.deny");
	assert_string_equal(p.writes.v[0].value, "a");
	assert_string_equal(p.writes.v[1].file, "devices.allow");
	assert_string_equal(p.writes.v[1].value, "c 1:3 rwm");
	assert_string_equal(p.writes.v[2].value, "b 7:* r");
	assert_int_equal(p.writes.n, 3 + 10); /* c 1:3 is not allowed twice */
	arena_free(&a);
}

static void test_print(void **state)
{
	static const enum cgroup_mode modes[] = {CGROUP_NONE, CGROUP_V1, CGROUP_HYBRID, CGROUP_V2};
	static const char *const starts[] = {"{\"mode\":\"none\"", "{\"mode\":\"v1\"",
					     "{\"mode\":\"hybrid\"", "{\"mode\":\"v2\""};

	(void)state;
	for (size_t i = 0; i < LEN(modes); i++) {
		auto_json_writer struct json_writer w = {0};
		struct cgroup_layout l = layout_of(modes[i]);
		struct oci_spec spec = {0};
		struct arena a = {0};
		struct cgroup_plan p;

		assert_int_equal(cgroup_plan_make(&l, &spec, "c", false, &a, &p, NULL), 0);
		cgroup_plan_print(&p, &w);
		assert_memory_equal(w.buf, starts[i], strlen(starts[i]));
		arena_free(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cpu),     cmocka_unit_test(test_cpu_errors),
		cmocka_unit_test(test_memory),  cmocka_unit_test(test_memory_errors),
		cmocka_unit_test(test_pids),    cmocka_unit_test(test_io),
		cmocka_unit_test(test_others),  cmocka_unit_test(test_unified),
		cmocka_unit_test(test_weights), cmocka_unit_test(test_paths),
		cmocka_unit_test(test_used),    cmocka_unit_test(test_rootless),
		cmocka_unit_test(test_owner),   cmocka_unit_test(test_device_writes),
		cmocka_unit_test(test_print),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

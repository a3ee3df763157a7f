/* SPDX-License-Identifier: Apache-2.0 */
/* config.json: every property decoded, printed again, and the specification's own samples. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/json.h"
#include "oci/decode.h"
#include "oci/encode.h"

static char *read_data(struct arena *a, const char *name, size_t *ret_len)
{
	const char *tests = getenv("BERTH_TESTS");
	const char *path = arena_printf(a, "%s/data/spec/%s", tests ? tests : "tests", name);
	auto_fclose FILE *f = fopen(path, "re");
	char *text = arena_alloc(a, 1 << 16);

	if (!f)
		fail_msg("cannot open %s (set BERTH_TESTS to the tests folder)", path);
	*ret_len = fread(text, 1, 1 << 16, f);
	return text;
}

static void load(struct arena *a, const char *name, struct oci_spec *ret)
{
	struct err e = {0};
	size_t n;
	const char *text = read_data(a, name, &n);

	if (oci_decode_spec(text, n, a, ret, &e) != 0)
		fail_msg("%s: %s", name, e.text);
}

#define assert_words(slice, ...)                                        \
	do {                                                            \
		const char *words_[] = {__VA_ARGS__};                   \
		assert_int_equal((slice).n, ARRAY_LEN(words_));         \
		for (size_t i_ = 0; i_ < ARRAY_LEN(words_); i_++)       \
			assert_string_equal((slice).v[i_], words_[i_]); \
	} while (0)

#define assert_set(maybe, wanted)                       \
	do {                                            \
		assert_true((maybe).is_set);            \
		assert_true((maybe).value == (wanted)); \
	} while (0)

static void assert_map(const struct oci_id_maps *maps, uint32_t inside, uint32_t outside,
		       uint32_t size)
{
	assert_int_equal(maps->n, 1);
	assert_int_equal(maps->v[0].container_id, inside);
	assert_int_equal(maps->v[0].host_id, outside);
	assert_int_equal(maps->v[0].size, size);
}

static void assert_pair(const struct oci_pairs *pairs, size_t i, const char *key, const char *value)
{
	assert_true(i < pairs->n);
	assert_string_equal(pairs->v[i].key, key);
	assert_string_equal(pairs->v[i].value, value);
}

static void test_process(void **state)
{
	auto_arena struct arena a = {0};
	struct oci_spec spec;
	const struct oci_process *p = &spec.process;

	(void)state;
	load(&a, "full.json", &spec);
	assert_true(p->is_set);
	assert_true(p->terminal);
	assert_int_equal(p->console_size.height, 24);
	assert_int_equal(p->console_size.width, 80);
	assert_int_equal(p->user.uid, 1000);
	assert_int_equal(p->user.gid, 1001);
	assert_set(p->user.umask, 18);
	assert_int_equal(p->user.additional_gids.n, 2);
	assert_int_equal(p->user.additional_gids.v[0], 5);
	assert_true(p->user.additional_gids.v[1] == UINT32_MAX);
	assert_words(p->args, "sh", "-c", "true");
	assert_words(p->env, "PATH=/bin", "EMPTY=");
	assert_string_equal(p->cwd, "/tmp");
	assert_true(p->capabilities.is_set);
	assert_words(p->capabilities.bounding, "CAP_KILL");
	assert_words(p->capabilities.effective, "CAP_CHOWN");
	assert_words(p->capabilities.inheritable, "CAP_FOWNER");
	assert_words(p->capabilities.permitted, "CAP_SETUID");
	assert_words(p->capabilities.ambient, "CAP_SETGID");
	assert_int_equal(p->rlimits.n, 1);
	assert_string_equal(p->rlimits.v[0].type, "RLIMIT_NOFILE");
	assert_true(p->rlimits.v[0].hard == UINT64_MAX);
	assert_true(p->rlimits.v[0].soft == 1024);
	assert_true(p->no_new_privileges);
	assert_string_equal(p->apparmor_profile, "profile");
	assert_string_equal(p->selinux_label, "label");
	assert_set(p->oom_score_adj, -100);
	assert_string_equal(p->scheduler.policy, "SCHED_DEADLINE");
	assert_int_equal(p->scheduler.nice, -5);
	assert_int_equal(p->scheduler.priority, 7);
	assert_words(p->scheduler.flags, "SCHED_FLAG_RECLAIM");
	assert_int_equal(p->scheduler.runtime, 1000000);
	assert_int_equal(p->scheduler.deadline, 2000000);
	assert_int_equal(p->scheduler.period, 3000000);
	assert_string_equal(p->io_priority.class, "IOPRIO_CLASS_BE");
	assert_int_equal(p->io_priority.priority, 4);
	assert_string_equal(p->exec_cpu_affinity.initial, "0-1");
	assert_string_equal(p->exec_cpu_affinity.final, "2,3");
}

static void test_top(void **state)
{
	auto_arena struct arena a = {0};
	struct oci_spec spec;
	const struct oci_mount *m;

	(void)state;
	load(&a, "full.json", &spec);
	assert_string_equal(spec.oci_version, "1.3.0");
	assert_string_equal(spec.hostname, "host");
	assert_string_equal(spec.domainname, "domain");
	assert_string_equal(spec.root.path, "rootfs");
	assert_true(spec.root.readonly);
	assert_int_equal(spec.annotations.n, 2);
	assert_pair(&spec.annotations, 0, "a.b", "1");
	assert_pair(&spec.annotations, 1, "org.opencontainers.image.os", "linux");
	assert_int_equal(spec.mounts.n, 1);
	m = &spec.mounts.v[0];
	assert_string_equal(m->destination, "/data");
	assert_string_equal(m->type, "bind");
	assert_string_equal(m->source, "/srv");
	assert_words(m->options, "rbind", "idmap");
	assert_map(&m->uid_mappings, 0, 100000, 65536);
	assert_map(&m->gid_mappings, 1, 200000, 10);
	assert_int_equal(spec.hooks.prestart.n, 1);
	assert_string_equal(spec.hooks.prestart.v[0].path, "/h/1");
	assert_words(spec.hooks.prestart.v[0].args, "1", "a");
	assert_words(spec.hooks.prestart.v[0].env, "A=1");
	assert_set(spec.hooks.prestart.v[0].timeout, 3);
	assert_string_equal(spec.hooks.create_runtime.v[0].path, "/h/2");
	assert_false(spec.hooks.create_runtime.v[0].timeout.is_set);
	assert_string_equal(spec.hooks.create_container.v[0].path, "/h/3");
	assert_string_equal(spec.hooks.start_container.v[0].path, "/h/4");
	assert_string_equal(spec.hooks.poststart.v[0].path, "/h/5");
	assert_int_equal(spec.hooks.poststop.n, 2);
	assert_string_equal(spec.hooks.poststop.v[1].path, "/h/7");
}

static void test_linux(void **state)
{
	auto_arena struct arena a = {0};
	struct oci_spec spec;
	const struct oci_linux *l = &spec.linux_;

	(void)state;
	load(&a, "full.json", &spec);
	assert_int_equal(l->namespaces.n, 2);
	assert_string_equal(l->namespaces.v[0].type, "uts");
	assert_null(l->namespaces.v[0].path);
	assert_string_equal(l->namespaces.v[1].type, "network");
	assert_string_equal(l->namespaces.v[1].path, "/run/netns/x");
	assert_map(&l->uid_mappings, 0, 1000, 1);
	assert_map(&l->gid_mappings, 0, 1001, 2);
	assert_true(l->time_offsets.monotonic.is_set && l->time_offsets.boottime.is_set);
	assert_int_equal(l->time_offsets.monotonic.secs, -5);
	assert_int_equal(l->time_offsets.monotonic.nanosecs, 999999999);
	assert_int_equal(l->time_offsets.boottime.secs, 6);
	assert_int_equal(l->devices.n, 1);
	assert_string_equal(l->devices.v[0].type, "c");
	assert_string_equal(l->devices.v[0].path, "/dev/fuse");
	assert_int_equal(l->devices.v[0].major, 10);
	assert_int_equal(l->devices.v[0].minor, 229);
	assert_set(l->devices.v[0].file_mode, 0666);
	assert_set(l->devices.v[0].uid, 1);
	assert_set(l->devices.v[0].gid, 2);
	assert_int_equal(l->net_devices.n, 2);
	assert_string_equal(l->net_devices.v[0].host_name, "eth0");
	assert_string_equal(l->net_devices.v[0].name, "inside");
	assert_string_equal(l->net_devices.v[1].host_name, "ens4");
	assert_null(l->net_devices.v[1].name);
	assert_string_equal(l->cgroups_path, "/a/b");
	assert_int_equal(l->sysctl.n, 1);
	assert_pair(&l->sysctl, 0, "net.ipv4.ip_forward", "1");
	assert_string_equal(l->rootfs_propagation, "slave");
	assert_string_equal(l->mount_label, "mount label");
	assert_words(l->masked_paths, "/proc/kcore");
	assert_words(l->readonly_paths, "/proc/sys");
	assert_true(l->intel_rdt.is_set && l->intel_rdt.enable_monitoring);
	assert_string_equal(l->intel_rdt.clos_id, "guaranteed");
	assert_string_equal(l->intel_rdt.l3_cache_schema, "L3:0=7f0");
	assert_string_equal(l->intel_rdt.mem_bw_schema, "MB:0=20");
	assert_words(l->intel_rdt.schemata, "L2:0=1");
	assert_string_equal(l->memory_policy.mode, "MPOL_BIND");
	assert_string_equal(l->memory_policy.nodes, "0-1");
	assert_words(l->memory_policy.flags, "MPOL_F_STATIC_NODES");
	assert_string_equal(l->personality.domain, "LINUX32");
	assert_words(l->personality.flags, "x");
}

static void test_seccomp(void **state)
{
	auto_arena struct arena a = {0};
	struct oci_spec spec;
	const struct oci_seccomp *s = &spec.linux_.seccomp;
	const struct oci_seccomp_rule *rule;

	(void)state;
	load(&a, "full.json", &spec);
	assert_true(s->is_set);
	assert_string_equal(s->default_action, "SCMP_ACT_ERRNO");
	assert_set(s->default_errno_ret, 38);
	assert_words(s->architectures, "SCMP_ARCH_X86_64");
	assert_words(s->flags, "SECCOMP_FILTER_FLAG_LOG");
	assert_string_equal(s->listener_path, "/run/listener");
	assert_string_equal(s->listener_metadata, "meta");
	assert_int_equal(s->syscalls.n, 1);
	rule = &s->syscalls.v[0];
	assert_words(rule->names, "clone", "read");
	assert_string_equal(rule->action, "SCMP_ACT_ALLOW");
	assert_set(rule->errno_ret, 1);
	assert_int_equal(rule->args.n, 1);
	assert_int_equal(rule->args.v[0].index, 5);
	assert_true(rule->args.v[0].value == 2114060288);
	assert_true(rule->args.v[0].value_two == UINT64_MAX);
	assert_string_equal(rule->args.v[0].op, "SCMP_CMP_MASKED_EQ");
}

static void assert_throttle(const struct oci_throttle_list *list, int64_t minor, uint64_t rate)
{
	assert_int_equal(list->n, 1);
	assert_int_equal(list->v[0].major, 8);
	assert_int_equal(list->v[0].minor, minor);
	assert_int_equal(list->v[0].rate, rate);
}

static void test_resources(void **state)
{
	auto_arena struct arena a = {0};
	struct oci_spec spec;
	const struct oci_resources *r = &spec.linux_.resources;

	(void)state;
	load(&a, "full.json", &spec);
	assert_true(r->is_set);
	assert_int_equal(r->devices.n, 1);
	assert_true(r->devices.v[0].allow);
	assert_string_equal(r->devices.v[0].type, "c");
	assert_set(r->devices.v[0].major, 10);
	assert_set(r->devices.v[0].minor, 229);
	assert_string_equal(r->devices.v[0].access, "rw");
	assert_set(r->memory.limit, 536870912);
	assert_set(r->memory.reservation, 268435456);
	assert_set(r->memory.swap, -1);
	assert_set(r->memory.kernel, 3);
	assert_set(r->memory.kernel_tcp, 4);
	assert_set(r->memory.swappiness, 60);
	assert_set(r->memory.disable_oom_killer, false);
	assert_set(r->memory.use_hierarchy, true);
	assert_set(r->memory.check_before_update, true);
	assert_set(r->cpu.shares, 1024);
	assert_set(r->cpu.quota, 1000000);
	assert_set(r->cpu.burst, 10000);
	assert_set(r->cpu.period, 500000);
	assert_set(r->cpu.realtime_runtime, 950000);
	assert_set(r->cpu.realtime_period, 1000000);
	assert_set(r->cpu.idle, 1);
	assert_string_equal(r->cpu.cpus, "2-3");
	assert_string_equal(r->cpu.mems, "0-7");
	assert_set(r->pids_limit, 32771);
	assert_set(r->block_io.weight, 10);
	assert_set(r->block_io.leaf_weight, 20);
	assert_int_equal(r->block_io.weight_device.n, 1);
	assert_int_equal(r->block_io.weight_device.v[0].major, 8);
	assert_int_equal(r->block_io.weight_device.v[0].minor, 16);
	assert_set(r->block_io.weight_device.v[0].weight, 500);
	assert_set(r->block_io.weight_device.v[0].leaf_weight, 300);
	assert_throttle(&r->block_io.throttle_read_bps, 0, 600);
	assert_throttle(&r->block_io.throttle_write_bps, 1, 601);
	assert_throttle(&r->block_io.throttle_read_iops, 2, 602);
	assert_throttle(&r->block_io.throttle_write_iops, 3, 603);
	assert_int_equal(r->hugepage_limits.n, 1);
	assert_string_equal(r->hugepage_limits.v[0].page_size, "2MB");
	assert_true(r->hugepage_limits.v[0].limit == 9223372036854772000);
	assert_set(r->network.class_id, 1048577);
	assert_int_equal(r->network.priorities.n, 1);
	assert_string_equal(r->network.priorities.v[0].name, "eth0");
	assert_int_equal(r->network.priorities.v[0].priority, 500);
	assert_int_equal(r->rdma.n, 2);
	assert_string_equal(r->rdma.v[0].device, "mlx5_1");
	assert_set(r->rdma.v[0].hca_handles, 3);
	assert_set(r->rdma.v[0].hca_objects, 10000);
	assert_string_equal(r->rdma.v[1].device, "mlx4_0");
	assert_false(r->rdma.v[1].hca_handles.is_set);
	assert_set(r->rdma.v[1].hca_objects, 1);
	assert_int_equal(r->unified.n, 2);
	assert_pair(&r->unified, 0, "memory.high", "max");
	assert_pair(&r->unified, 1, "io.max", "8:0 rbps=1");
}

/* Printing, decoding and printing again gives the same text, and nothing gets lost on the way. */
static void test_round_trip(void **state)
{
	auto_arena struct arena a = {0};
	auto_json_writer struct json_writer first = {0}, second = {0};
	struct oci_process process;
	struct oci_resources resources;
	struct oci_spec spec, again;
	struct err e = {0};

	(void)state;
	load(&a, "full.json", &spec);
	oci_spec_print(&spec, &first);
	assert_int_equal(oci_decode_spec(first.buf, first.len, &a, &again, &e), 0);
	oci_spec_print(&again, &second);
	assert_string_equal(first.buf, second.buf);
	/* Every name of full.json that is ours comes back. */
	assert_non_null(strstr(
		first.buf, "\"throttleWriteIOPSDevice\":[{\"major\":8,\"minor\":3,\"rate\":603}]"));
	assert_non_null(
		strstr(first.buf, "\"personality\":{\"domain\":\"LINUX32\",\"flags\":[\"x\"]}"));
	assert_non_null(
		strstr(first.buf, "\"netDevices\":{\"eth0\":{\"name\":\"inside\"},\"ens4\":{}}"));

	first.len = second.len = 0;
	oci_process_print(&spec.process, &first);
	assert_int_equal(oci_decode_process(first.buf, first.len, &a, &process, &e), 0);
	oci_process_print(&process, &second);
	assert_string_equal(first.buf, second.buf);

	first.len = second.len = 0;
	oci_resources_print(&spec.linux_.resources, &first);
	assert_int_equal(oci_decode_resources(first.buf, first.len, &a, &resources, &e), 0);
	oci_resources_print(&resources, &second);
	assert_string_equal(first.buf, second.buf);
}

static void test_good_samples(void **state)
{
	static const char *const names[] = {"linux-netdevice.json", "linux-rdma.json",
					    "minimal.json", "minimal-for-start.json",
					    "spec-example.json"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		auto_arena struct arena a = {0};
		struct oci_spec spec;
		struct err e = {0};

		load(&a, arena_printf(&a, "good/%s", names[i]), &spec);
		/* Good by the schema: an old version, and no root, which Linux needs. */
		if (strcmp(names[i], "spec-example.json") == 0)
			spec.oci_version = "1.0.0";
		if (strcmp(names[i], "minimal.json") == 0)
			spec.root.path = "rootfs";
		if (oci_check_spec(&spec, &e) != 0)
			fail_msg("%s: %s", names[i], e.text);
	}
}

static void test_bad_samples(void **state)
{
	static const struct {
		const char *name, *error;
	} cases[] = {
		{"invalid-json.json",
		 "config.json: line 1 byte 2: expected a name in quotes, found ']'"},
		{"linux-hugepage.json",
		 "linux.resources.hugepageLimits[0].pageSize: \"64kB\" is no "
		 "page size such as 2MB"},
		{"linux-netdevice.json",
		 "config.json: linux.netDevices.eth0.name: expected a string, found a number"},
		{"linux-rdma.json",
		 "config.json: linux.resources.rdma.mlx5_1.hcaHandles: expected a "
		 "number, found a string"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_arena struct arena a = {0};
		struct oci_spec spec;
		struct err e = {0};
		size_t n;
		const char *text = read_data(&a, arena_printf(&a, "bad/%s", cases[i].name), &n);
		int r = oci_decode_spec(text, n, &a, &spec, &e);

		if (r == 0)
			r = oci_check_spec(&spec, &e);
		assert_int_equal(r, -EINVAL);
		assert_string_equal(e.text, cases[i].error);
	}
}

static void test_missing_and_null(void **state)
{
	static const struct {
		const char *text, *error;
	} cases[] = {
		{"{}", "config.json: ociVersion: required, but missing"},
		{"{\"ociVersion\":\"1.0.0\",\"root\":{}}",
		 "config.json: root.path: required, but missing"},
		{"{\"ociVersion\":\"1.0.0\",\"process\":{\"args\":[\"sh\"]}}",
		 "config.json: process.cwd: required, but missing"},
		{"{\"ociVersion\":\"1.0.0\",\"mounts\":[{\"type\":\"x\"}]}",
		 "config.json: mounts[0].destination: required, but missing"},
		{"{\"ociVersion\":\"1.0.0\",\"linux\":{\"seccomp\":{}}}",
		 "config.json: linux.seccomp.defaultAction: required, but missing"},
		{"{\"ociVersion\":\"1.0.0\",\"hooks\":{\"poststop\":[{\"path\":\"/a\"},{}]}}",
		 "config.json: hooks.poststop[1].path: required, but missing"},
		{"{\"ociVersion\":\"1.0.0\",\"linux\":{\"resources\":{\"blockIO\":{\"weight\":"
		 "65536}}}}",
		 "config.json: linux.resources.blockIO.weight: expected a number from 0 to 65535, "
		 "found 65536"},
		{"{\"ociVersion\":\"1.0.0\",\"process\":{\"args\":[\"sh\",1]}}",
		 "config.json: process.args[1]: expected a string, found a number"},
		{"{\"ociVersion\":\"1.0.0\",\"process\":{\"user\":{\"uid\":4294967296}}}",
		 "config.json: process.user.uid: expected a number from 0 to 4294967295, found "
		 "4294967296"},
		{"{\"ociVersion\":\"1.0.0\",\"process\":{\"cwd\":\"/"
		 "\",\"scheduler\":{\"nice\":1}}}",
		 "config.json: process.scheduler.policy: required, but missing"},
	};
	auto_arena struct arena a = {0};
	struct oci_spec spec;
	static const char nulls[] =
		"{\"ociVersion\":\"1.0.0\",\"process\":null,\"mounts\":null,"
		"\"linux\":{\"resources\":{\"pids\":{\"limit\":null}},\"seccomp\":null}}";

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err e = {0};

		assert_int_equal(
			oci_decode_spec(cases[i].text, strlen(cases[i].text), &a, &spec, &e),
			-EINVAL);
		assert_string_equal(e.text, cases[i].error);
	}
	assert_int_equal(oci_decode_spec(nulls, strlen(nulls), &a, &spec, NULL), 0);
	assert_false(spec.process.is_set);
	assert_false(spec.linux_.seccomp.is_set);
	assert_false(spec.linux_.resources.pids_limit.is_set);
	assert_true(spec.linux_.resources.is_set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_process),
		cmocka_unit_test(test_top),
		cmocka_unit_test(test_linux),
		cmocka_unit_test(test_seccomp),
		cmocka_unit_test(test_resources),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_good_samples),
		cmocka_unit_test(test_bad_samples),
		cmocka_unit_test(test_missing_and_null),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

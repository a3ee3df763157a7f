/* SPDX-License-Identifier: Apache-2.0 */
/* Values of config.json that are refused though their types are right; the default spec. */
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
#include "oci/default_spec.h"

/* Checks a spec of version 1.3.0 with a root and the given members added. */
static int check(const char *members, struct err *e)
{
	auto_arena struct arena a = {0};
	struct oci_spec spec;
	const char *text =
		arena_printf(&a, "{\"ociVersion\":\"1.3.0\",\"root\":{\"path\":\"r\"}%s%s}",
			     members[0] ? "," : "", members);
	int r = oci_decode_spec(text, strlen(text), &a, &spec, e);

	return r < 0 ? r : oci_check_spec(&spec, e);
}

static void test_versions(void **state)
{
	static const char *const good[] = {"1.0.0",     "1.0.0-rc1", "1.0.0-rc5-dev",
					   "1.0.2-dev", "1.0.99",    "1.1.0+dev",
					   "1.2.1",     "1.3.0",     "1.3.4-rc.1+b.2"};
	static const char *const bad[] = {
		"",           "1",      "1.0",   "1.0.0.0", "01.0.0",         "1.00.0",
		"0.9.0",      "2.0.0",  "1.4.0", "v1.0.0",  "1.0.0-",         "1.0.0+",
		"1.0.0-a..b", "1.0.0 ", "1.0.x", "1.-1.0",  "1.0.99999999999"};
	struct oci_spec spec = {.root.path = "r"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		struct err e = {0};

		spec.oci_version = good[i];
		if (oci_check_spec(&spec, &e) != 0)
			fail_msg("%s: %s", good[i], e.text);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct err e = {0};

		spec.oci_version = bad[i];
		if (oci_check_spec(&spec, &e) != -EINVAL)
			fail_msg("accepted \"%s\"", bad[i]);
	}
}

static void test_good(void **state)
{
	static const char *const good[] = {
		"",
		"\"process\":{\"cwd\":\"/\",\"args\":[\"sh\"],\"env\":[\"A=\",\"B==\"]}",
		"\"process\":{\"cwd\":\"/\",\"args\":[\"sh\"],\"oomScoreAdj\":-1000}",
		"\"mounts\":[{\"destination\":\"relative\"}]",
		"\"mounts\":[{\"destination\":\"/"
		"a\",\"uidMappings\":[{\"containerID\":0,\"hostID\":"
		"4294967294,\"size\":1}],\"gidMappings\":[{\"containerID\":1,\"hostID\":0,\"size\":"
		"4294967294}]}]",
		"\"hooks\":{\"prestart\":[{\"path\":\"/a\",\"timeout\":1}]}",
		"\"annotations\":{\"a\":\"\"}",
		"\"linux\":{\"rootfsPropagation\":\"rslave\"}",
		"\"linux\":{\"intelRdt\":{\"closID\":\"/\"}}",
		"\"linux\":{\"resources\":{\"hugepageLimits\":[{\"pageSize\":\"1GB\",\"limit\":0}]}"
		"}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		struct err e = {0};

		if (check(good[i], &e) != 0)
			fail_msg("%s: %s", good[i], e.text);
	}
}

static const struct {
	const char *members, *error;
} bad_values[] = {
	{"\"root\":{\"path\":\"\"}", "root.path: required, but missing"},
	{"\"process\":{\"cwd\":\"\",\"args\":[\"a\"]}",
	 "process.cwd: cwd property must not be empty"},
	{"\"process\":{\"cwd\":\"a\",\"args\":[\"a\"]}",
	 "process.cwd: cwd must be an absolute path, not \"a\""},
	{"\"process\":{\"cwd\":\"/\"}", "process.args: args must not be empty"},
	{"\"process\":{\"cwd\":\"/\",\"args\":[]}", "process.args: args must not be empty"},
	{"\"process\":{\"cwd\":\"/\",\"args\":[\"a\"],\"env\":[\"A=\",\"B\"]}",
	 "process.env[1]: invalid environment variable \"B\": it has no \"=\""},
	{"\"process\":{\"cwd\":\"/\",\"args\":[\"a\"],\"env\":[\"=secret\"]}",
	 "process.env[0]: an environment variable needs a name before \"=\""},
	{"\"process\":{\"cwd\":\"/\",\"args\":[\"a\"],\"oomScoreAdj\":1001}",
	 "process.oomScoreAdj: 1001 is not within -1000 and 1000"},
	{"\"process\":{\"cwd\":\"/"
	 "\",\"args\":[\"a\"],\"execCPUAffinity\":{\"final\":\"x\"}}",
	 "process.execCPUAffinity.final: \"x\" is not a list such as 0-3,8"},
	{"\"mounts\":[{\"destination\":\"\"}]", "mounts[0].destination: must not be empty"},
	{"\"mounts\":[{\"destination\":\"/"
	 "a\",\"uidMappings\":[{\"containerID\":0,\"hostID\":0,"
	 "\"size\":1}]}]",
	 "mounts[0]: uidMappings and gidMappings go together, but only one is given for "
	 "\"/a\""},
	{"\"mounts\":[{\"destination\":\"/"
	 "a\",\"uidMappings\":[{\"containerID\":0,\"hostID\":0,"
	 "\"size\":0}],\"gidMappings\":[{\"containerID\":0,\"hostID\":0,\"size\":1}]}]",
	 "mounts[0].uidMappings[0].size: must not be 0"},
	{"\"mounts\":[{\"destination\":\"/"
	 "a\",\"uidMappings\":[{\"containerID\":0,\"hostID\":0,"
	 "\"size\":1}],\"gidMappings\":[{\"containerID\":0,\"hostID\":4294967295,\"size\":"
	 "1}]}]",
	 "mounts[0].gidMappings[0]: goes beyond the last id"},
	{"\"hooks\":{\"poststop\":[{\"path\":\"a\"}]}",
	 "hooks.poststop[0].path: \"a\" is not an absolute path"},
	{"\"hooks\":{\"createRuntime\":[{\"path\":\"/a\",\"timeout\":0}]}",
	 "hooks.createRuntime[0].timeout: 0 is not greater than zero"},
	{"\"hooks\":{\"startContainer\":[{\"path\":\"/a\",\"env\":[\"X\"]}]}",
	 "hooks.startContainer[0].env[0]: invalid environment variable \"X\": it has no "
	 "\"=\""},
	{"\"annotations\":{\"\":\"a\"}", "annotations: a key must not be empty"},
	{"\"linux\":{\"rootfsPropagation\":\"x\"}",
	 "linux.rootfsPropagation: \"x\" is none of shared, slave, private, unbindable"},
	{"\"linux\":{\"seccomp\":{\"defaultAction\":\"A\",\"listenerMetadata\":\"m\"}}",
	 "linux.seccomp.listenerMetadata: needs listenerPath, the socket to send it to"},
	{"\"linux\":{\"seccomp\":{\"defaultAction\":\"A\",\"syscalls\":[{\"names\":[],"
	 "\"action\":\"B\"}]}}",
	 "linux.seccomp.syscalls[0].names: must not be empty"},
	{"\"linux\":{\"intelRdt\":{\"closID\":\"../x\"}}",
	 "linux.intelRdt.closID: \"../x\" is not the name of a directory"},
	{"\"linux\":{\"intelRdt\":{\"memBwSchema\":\"MB:0=1\\nL3:0=f\"}}",
	 "linux.intelRdt.memBwSchema: must be one line that begins with MB:"},
	{"\"linux\":{\"resources\":{\"unified\":{\"../x\":\"1\"}}}",
	 "linux.resources.unified: \"../x\" is not the name of a file"},
	{"\"linux\":{\"resources\":{\"hugepageLimits\":[{\"pageSize\":\"02MB\",\"limit\":"
	 "0}]}}",
	 "linux.resources.hugepageLimits[0].pageSize: \"02MB\" is no page size such as "
	 "2MB"},
};

static void test_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad_values); i++) {
		struct err e = {0};

		if (check(bad_values[i].members, &e) != -EINVAL)
			fail_msg("accepted %s", bad_values[i].members);
		assert_string_equal(e.text, bad_values[i].error);
	}
}

static void test_default_spec(void **state)
{
	(void)state;
	for (int is_rootless = 0; is_rootless < 2; is_rootless++) {
		auto_json_writer struct json_writer w = {.is_pretty = true, .is_tabbed = true};
		auto_arena struct arena a = {0};
		struct oci_spec spec;
		struct err e = {0};

		assert_int_equal(oci_default_spec_print(is_rootless, &w), 0);
		assert_int_equal(oci_decode_spec(w.buf, w.len, &a, &spec, &e), 0);
		assert_int_equal(oci_check_spec(&spec, &e), 0);
		assert_string_equal(spec.process.args.v[0], "sh");
		assert_int_equal(spec.mounts.n, 7);
		assert_int_equal(spec.linux_.uid_mappings.n, is_rootless);
		assert_int_equal(spec.linux_.resources.is_set, !is_rootless);
		assert_non_null(strstr(w.buf, "\n\t\"process\": {\n\t\t\"terminal\": true,\n"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_default_spec),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

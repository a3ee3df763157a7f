/* SPDX-License-Identifier: Apache-2.0 */
/* Manifests, indexes, configurations, platforms and chain ids. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "oci/image.h"

#define D1 "sha256:1111111111111111111111111111111111111111111111111111111111111111"
#define D2 "sha256:2222222222222222222222222222222222222222222222222222222222222222"
#define D3 "sha256:3333333333333333333333333333333333333333333333333333333333333333"
#define CONFIG "\"config\":{\"mediaType\":\"" OCI_TYPE_CONFIG "\",\"digest\":\"" D1 "\",\"size\":7}"
#define LAYERS                                                                                     \
	"\"layers\":[{\"mediaType\":\"" OCI_TYPE_LAYER_GZIP "\",\"digest\":\"" D2 "\",\"size\":9}" \
	"]"
#define ENTRY(arch, more)   \
	"{\"digest\":\"" D3 \
	"\",\"size\":1,\"platform\":{\"os\":\"linux\",\"architecture\":\"" arch "\"" more "}}"

static int decode(const char *text, struct arena *a, struct oci_manifest *m, struct err *e)
{
	return oci_decode_manifest(text, strlen(text), "manifest", a, m, e);
}

static void test_manifest(void **state)
{
	auto_arena struct arena a = {0};
	auto_json_writer struct json_writer w = {0};
	struct oci_manifest m, again;
	struct err e = {0};

	(void)state;
	if (decode("{\"schemaVersion\":2,\"mediaType\":\"" OCI_TYPE_MANIFEST "\"," CONFIG "," LAYERS
		   ",\"annotations\":{\"k\":\"v\"},\"unknown\":[1]}",
		   &a, &m, &e) < 0)
		fail_msg("%s", e.text);
	assert_false(m.is_index);
	assert_string_equal(m.config.digest, D1);
	assert_int_equal(m.config.size, 7);
	assert_int_equal(m.layers.n, 1);
	assert_string_equal(m.layers.v[0].digest, D2);
	assert_string_equal(m.layers.v[0].media_type, OCI_TYPE_LAYER_GZIP);
	assert_string_equal(m.annotations.v[0].value, "v");
	oci_manifest_print(&m, &w);
	assert_int_equal(decode(w.buf, &a, &again, &e), 0);
	assert_int_equal(again.layers.n, 1);
	assert_string_equal(again.config.digest, D1);
}

static void test_index(void **state)
{
	auto_arena struct arena a = {0};
	auto_json_writer struct json_writer w = {0};
	struct oci_manifest m;
	struct err e = {0};

	(void)state;
	if (decode("{\"schemaVersion\":2,\"manifests\":[" ENTRY("amd64", "") "," ENTRY(
			   "arm64", ",\"variant\":\"v8\"") "]}",
		   &a, &m, &e) < 0)
		fail_msg("%s", e.text);
	assert_true(m.is_index);
	assert_int_equal(m.manifests.n, 2);
	assert_string_equal(m.manifests.v[1].platform.variant, "v8");
	oci_manifest_print(&m, &w);
	assert_int_equal(decode(w.buf, &a, &m, &e), 0);
	assert_true(m.is_index);
	/* An index may be empty. */
	assert_int_equal(decode("{\"schemaVersion\":2,\"mediaType\":\"" OCI_TYPE_INDEX
				"\",\"manifests\":[]}",
				&a, &m, &e),
			 0);
	assert_true(m.is_index);
}

static const struct {
	const char *text, *part;
} bad[] = {
	{"", "line 1"},
	{"[]", "expected an object"},
	{"{}", "schemaVersion"},
	{"{\"schemaVersion\":1,\"fsLayers\":[{\"blobSum\":\"x\"}]}", "schema 1"},
	{"{\"schemaVersion\":3," CONFIG "}", "want 2"},
	{"{\"schemaVersion\":2}", "no config"},
	{"{\"schemaVersion\":2," CONFIG "," LAYERS ",\"manifests\":[" ENTRY("amd64", "") "]}",
	 "ambiguous"},
	{"{\"schemaVersion\":2," CONFIG ",\"manifests\":[" ENTRY("amd64", "") "]}", "ambiguous"},
	{"{\"schemaVersion\":2," LAYERS ",\"manifests\":[" ENTRY("amd64", "") "]}", "ambiguous"},
	{"{\"schemaVersion\":2,\"mediaType\":\"" OCI_TYPE_INDEX "\"," CONFIG "," LAYERS "}",
	 "ambiguous"},
	{"{\"schemaVersion\":2,\"mediaType\":\"" DOCKER_TYPE_MANIFEST
	 "\",\"manifests\":[" ENTRY("amd64", "") "]}",
	 "ambiguous"},
	{"{\"schemaVersion\":2,\"mediaType\":\"text/html\"," CONFIG "}", "is no image"},
	{"{\"schemaVersion\":2,\"config\":{\"digest\":\"sha256:xyz\",\"size\":1}}",
	 "config.digest: want sha256"},
	{"{\"schemaVersion\":2,\"config\":{\"digest\":\"" D1 "\",\"size\":-1}}", "config.size"},
	{"{\"schemaVersion\":2,\"config\":{\"digest\":\"" D1 "\"}}", "config.size: required"},
	{"{\"schemaVersion\":2," CONFIG ",\"layers\":[{\"digest\":\"sha256:../..\",\"size\":1}]}",
	 "layers[0].digest"},
	{"{\"schemaVersion\":2," CONFIG ",\"layers\":[{\"digest\":\"" D1 "\",\"size\":1e3}]}",
	 "layers[0].size"},
	{"{\"schemaVersion\":2,\"manifests\":[{\"digest\":\"md5:1\",\"size\":1}]}",
	 "manifests[0].digest"},
};

static void test_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		auto_arena struct arena a = {0};
		struct oci_manifest m;
		struct err e = {0};

		if (decode(bad[i].text, &a, &m, &e) != -EINVAL)
			fail_msg("taken: %s", bad[i].text);
		if (!strstr(e.text, bad[i].part))
			fail_msg("%s: \"%s\" does not say \"%s\"", bad[i].text, e.text,
				 bad[i].part);
	}
}

static void test_too_many(void **state)
{
	auto_arena struct arena a = {0};
	char *text = arena_alloc(&a, 1 << 20);
	struct oci_manifest m;
	struct err e = {0};

	(void)state;
	strcpy(text, "{\"schemaVersion\":2," CONFIG ",\"layers\":[");
	for (int i = 0; i < 1025; i++)
		strcat(text, i ? ",{\"digest\":\"" D2 "\",\"size\":1}"
			       : "{\"digest\":\"" D2 "\",\"size\":1}");
	strcat(text, "]}");
	assert_int_equal(decode(text, &a, &m, &e), -EINVAL);
	assert_non_null(strstr(e.text, "more than 1024"));
}

static const char full_config[] =
	"{\"created\":\"2024-05-01T12:34:56Z\",\"author\":\"A\",\"architecture\":\"arm64\","
	"\"variant\":\"v8\",\"os\":\"linux\",\"config\":{\"Hostname\":\"h\",\"User\":\"1:2\","
	"\"ExposedPorts\":{\"80/tcp\":{},\"53/udp\":{}},\"Env\":[\"A=1\"],\"Cmd\":[\"sh\"],"
	"\"Healthcheck\":{\"Test\":[\"CMD\",\"true\"],\"Interval\":1000000000,\"Retries\":3},"
	"\"ArgsEscaped\":true,\"Volumes\":{\"/data\":{}},\"WorkingDir\":\"/w\","
	"\"Entrypoint\":[\"/e\"],\"OnBuild\":[\"RUN x\"],\"Labels\":{\"l\":\"v\"},"
	"\"StopSignal\":\"SIGINT\",\"Shell\":[\"/bin/sh\"]},\"rootfs\":{\"type\":\"layers\","
	"\"diff_ids\":[\"" D1 "\",\"" D2
	"\"]},\"history\":[{\"created\":\"x\",\"created_by\":\"y\","
	"\"author\":\"z\",\"comment\":\"c\",\"empty_layer\":true},{}]}";

static void test_config(void **state)
{
	auto_arena struct arena a = {0};
	auto_json_writer struct json_writer w = {0}, second = {0};
	struct oci_image_config c;
	struct err e = {0};

	(void)state;
	if (oci_decode_image_config(full_config, strlen(full_config), "config", &a, &c, &e) < 0)
		fail_msg("%s", e.text);
	assert_string_equal(c.architecture, "arm64");
	assert_string_equal(c.config.user, "1:2");
	assert_int_equal(c.config.exposed_ports.n, 2);
	assert_string_equal(c.config.exposed_ports.v[1], "53/udp");
	assert_string_equal(c.config.volumes.v[0], "/data");
	assert_true(c.config.health.is_set);
	assert_int_equal(c.config.health.interval, 1000000000);
	assert_string_equal(c.config.labels.v[0].value, "v");
	assert_string_equal(c.config.stop_signal, "SIGINT");
	assert_int_equal(c.rootfs.diff_ids.n, 2);
	assert_int_equal(c.history.n, 2);
	assert_true(c.history.v[0].empty_layer);
	oci_image_config_print(&c, &w);
	assert_int_equal(oci_decode_image_config(w.buf, w.len, "config", &a, &c, &e), 0);
	oci_image_config_print(&c, &second);
	assert_string_equal(w.buf, second.buf);
}

static void test_bad_config(void **state)
{
	static const char *const texts[] = {
		"{\"rootfs\":{\"type\":\"zip\"}}",
		"{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"../../x\"]}}",
		"{\"rootfs\":{\"diff_ids\":[3]}}",
		"{\"config\":{\"Env\":\"A=1\"}}",
		"{\"config\":{\"ExposedPorts\":[\"80\"]}}",
		"{\"config\":[]}",
		"null",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		auto_arena struct arena a = {0};
		struct oci_image_config c;
		struct err e = {0};

		assert_int_equal(
			oci_decode_image_config(texts[i], strlen(texts[i]), "config", &a, &c, &e),
			-EINVAL);
		assert_true(str_starts(e.text, "config: "));
	}
}

static void test_chain_ids(void **state)
{
	auto_arena struct arena a = {0};
	const char *ids[] = {D1, D2};
	const struct str_slice diff_ids = {ids, 2}, none = {0};
	struct str_slice chain;

	(void)state;
	oci_chain_ids(&diff_ids, &a, &chain);
	assert_int_equal(chain.n, 2);
	assert_string_equal(chain.v[0], D1);
	/* printf 'sha256:11... sha256:22...' | sha256sum */
	assert_string_equal(
		chain.v[1],
		"sha256:9932074217c35353d2e03a3f5a86549f7c67bfeb0ba53e23d69f4d4c8f7958f5");
	oci_chain_ids(&none, &a, &chain);
	assert_int_equal(chain.n, 0);
}

static int choose(const char *index, const char *platform)
{
	auto_arena struct arena a = {0};
	struct oci_platform wanted;
	struct oci_manifest m;
	struct err e = {0};

	if (decode(index, &a, &m, &e) < 0 || oci_platform_parse(platform, &a, &wanted, &e) < 0)
		fail_msg("%s", e.text);
	return oci_platform_choose(&m.manifests, &wanted);
}

static void test_choose(void **state)
{
	static const char index[] = "{\"schemaVersion\":2,\"manifests\":[" ENTRY("unknown", "") "," ENTRY(
		"arm",
		",\"va"
		"riant"
		"\":"
		"\"v6"
		"\"") "," ENTRY("arm",
				",\"variant\":\"v7\"") "," ENTRY("arm64",
								 "") "," ENTRY("amd64",
									       ",\"variant\":"
									       "\"v3\"") "," ENTRY("amd64",
												   "") ",{\"digest\":\"" D1
												       "\",\"size\":1}]}";

	(void)state;
	assert_int_equal(choose(index, "linux/amd64"), 5);
	assert_int_equal(choose(index, "x86_64"), 5);
	assert_int_equal(choose(index, "linux/amd64/v3"), 4);
	assert_int_equal(choose(index, "amd64"), 5);
	assert_int_equal(choose(index, "arm64"), 3);
	assert_int_equal(choose(index, "linux/arm64/v8"), 3);
	assert_int_equal(choose(index, "linux/arm/v7"), 2);
	assert_int_equal(choose(index, "linux/arm/v6"), 1);
	assert_int_equal(choose(index, "linux/arm/v8"), 2);
	assert_int_equal(choose(index, "linux/s390x"), -1);
	assert_int_equal(choose(index, "windows/amd64"), -1);
}

static void test_platform(void **state)
{
	static const char *const bad_platforms[] = {"",        "/",   "linux/",   "/amd64",
						    "a/b/c/d", "a b", "linux//v8"};
	auto_arena struct arena a = {0};
	struct oci_platform own = oci_platform_own(), p;

	(void)state;
	assert_string_equal(own.os, "linux");
	assert_int_equal(oci_platform_parse("linux", &a, &p, NULL), 0);
	assert_string_equal(p.architecture, own.architecture);
	for (size_t i = 0; i < ARRAY_LEN(bad_platforms); i++)
		assert_int_equal(oci_platform_parse(bad_platforms[i], &a, &p, NULL), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_manifest),  cmocka_unit_test(test_index),
		cmocka_unit_test(test_bad),       cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_config),    cmocka_unit_test(test_bad_config),
		cmocka_unit_test(test_chain_ids), cmocka_unit_test(test_choose),
		cmocka_unit_test(test_platform),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Image references: the grammar, Docker's defaults, what is refused and in which words. */
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
#include "base/str.h"
#include "oci/reference.h"

#define HEX "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define DIGEST "sha256:" HEX

static const struct {
	const char *text, *domain, *repository, *tag, *digest, *familiar;
} good[] = {
	{"busybox", NULL, "library/busybox", "latest", NULL, "busybox:latest"},
	{"busybox:1.36", NULL, "library/busybox", "1.36", NULL, "busybox:1.36"},
	{"library/busybox", NULL, "library/busybox", "latest", NULL, "busybox:latest"},
	{"team/app", NULL, "team/app", "latest", NULL, "team/app:latest"},
	{"library/team/app", NULL, "library/team/app", "latest", NULL, "library/team/app:latest"},
	{"busybox@" DIGEST, NULL, "library/busybox", NULL, DIGEST, "busybox@" DIGEST},
	{"busybox:1@" DIGEST, NULL, "library/busybox", "1", DIGEST, "busybox:1@" DIGEST},
	{"localhost/app", "localhost", "app", "latest", NULL, "localhost/app:latest"},
	{"localhost", NULL, "library/localhost", "latest", NULL, "localhost:latest"},
	{"localhost:5000/app:2", "localhost:5000", "app", "2", NULL, "localhost:5000/app:2"},
	{"host:5000/team/app:1.2@" DIGEST, "host:5000", "team/app", "1.2", DIGEST,
	 "host:5000/team/app:1.2@" DIGEST},
	{"127.0.0.1:5000/a/b/c", "127.0.0.1:5000", "a/b/c", "latest", NULL,
	 "127.0.0.1:5000/a/b/c:latest"},
	{"[::1]:5000/a", "[::1]:5000", "a", "latest", NULL, "[::1]:5000/a:latest"},
	{"[fd00::1]/a", "[fd00::1]", "a", "latest", NULL, "[fd00::1]/a:latest"},
	{"registry.example/x", "registry.example", "x", "latest", NULL,
	 "registry.example/x:latest"},
	{"Upper/x", "Upper", "x", "latest", NULL, "Upper/x:latest"},
	{"a.b_c__d-e---f", NULL, "library/a.b_c__d-e---f", "latest", NULL, "a.b_c__d-e---f:latest"},
	{"x:_tag.1-2", NULL, "library/x", "_tag.1-2", NULL, "x:_tag.1-2"},
	{"a:5000", NULL, "library/a", "5000", NULL, "a:5000"},
	/* Its short form would be read as an image's id. */
	{"library/" HEX, NULL, "library/" HEX, "latest", NULL, "library/" HEX ":latest"},
	{"xn--n3h.example/x", "xn--n3h.example", "x", "latest", NULL, "xn--n3h.example/x:latest"},
};

static void test_good(void **state)
{
	auto_arena struct arena a = {0};
	struct oci_reference r, plain;

	(void)state;
	assert_int_equal(oci_reference_parse("busybox", &a, &plain, NULL), 0);
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		struct err e = {0};
		const char *domain = good[i].domain ? good[i].domain : plain.domain, *full;
		struct oci_reference again;

		if (oci_reference_parse(good[i].text, &a, &r, &e) < 0)
			fail_msg("%s: %s", good[i].text, e.text);
		assert_string_equal(r.domain, domain);
		assert_string_equal(r.repository, good[i].repository);
		assert_true(str_eq(r.tag, good[i].tag));
		assert_true(str_eq(r.digest, good[i].digest));
		assert_string_equal(r.familiar, good[i].familiar);
		full = arena_printf(&a, "%s/%s%s%s%s%s", domain, r.repository, r.tag ? ":" : "",
				    r.tag ? r.tag : "", r.digest ? "@" : "",
				    r.digest ? r.digest : "");
		assert_string_equal(r.full, full);
		/* Both forms mean the same thing again. */
		assert_int_equal(oci_reference_parse(r.full, &a, &again, &e), 0);
		assert_string_equal(again.full, r.full);
		assert_int_equal(oci_reference_parse(r.familiar, &a, &again, &e), 0);
		assert_string_equal(again.full, r.full);
	}
}

static void test_second_name(void **state)
{
	auto_arena struct arena a = {0};
	struct oci_reference plain, r;

	(void)state;
	assert_int_equal(oci_reference_parse("busybox", &a, &plain, NULL), 0);
	assert_int_equal(oci_reference_parse(arena_printf(&a, "index.%s/busybox", plain.domain), &a,
					     &r, NULL),
			 0);
	assert_string_equal(r.full, plain.full);
	assert_string_equal(r.familiar, "busybox:latest");
	/* Short, it would mean another registry. */
	assert_int_equal(
		oci_reference_parse(arena_printf(&a, "%s/localhost/x", plain.domain), &a, &r, NULL),
		0);
	assert_string_equal(r.familiar, arena_printf(&a, "%s/localhost/x:latest", plain.domain));
}

static const struct {
	const char *text, *part;
} bad[] = {
	{"", "empty"},
	{":tag", "empty"},
	{"@" DIGEST, "empty"},
	{"Busybox", "must be lowercase"},
	{"team/App", "must be lowercase"},
	{HEX, "cannot specify 64-byte hexadecimal"},
	{"a//b", "want parts of a-z"},
	{"/a", "want parts of a-z"},
	{"a/", "want parts of a-z"},
	{"-a", "want parts of a-z"},
	{"a-", "want parts of a-z"},
	{"a..b", "want parts of a-z"},
	{"a___b", "want parts of a-z"},
	{"a._b", "want parts of a-z"},
	{"a b", "want parts of a-z"},
	{"a+b", "want parts of a-z"},
	{"../../etc/passwd", "no host name"},
	{"..", "want parts of a-z"},
	{"a/../b", "want parts of a-z"},
	{"x:", "tag ()"},
	{"x:-a", "tag (-a)"},
	{"x:a b", "tag (a b)"},
	{"x:a/b", "the port must be a number"},
	{"x@", "digest ()"},
	{"x@sha256:abc", "digest (sha256:abc)"},
	{"x@sha512:" HEX HEX, "digest (sha512:"},
	{"x@" DIGEST "0", "digest (sha256:"},
	{"x@sha256:E3B0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "digest ("},
	{"host:port/x", "the port must be a number"},
	{"host:/x", "the port must be a number"},
	{"-host.example/x", "no host name"},
	{"host-.example/x", "no host name"},
	{"host..example/x", "no host name"},
	{"[::1/x", "no host name"},
	{"[zz]:1/x", "no host name"},
	{"h\303\251.example/x", "no host name"},
	{"caf\303\251", "want parts of a-z"},
};

static void test_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		auto_arena struct arena a = {0};
		struct oci_reference r = {0};
		struct err e = {0};

		if (oci_reference_parse(bad[i].text, &a, &r, &e) != -EINVAL)
			fail_msg("\"%s\" was taken", bad[i].text);
		if (!strstr(e.text, bad[i].part))
			fail_msg("\"%s\": \"%s\" does not say \"%s\"", bad[i].text, e.text,
				 bad[i].part);
		assert_null(r.full);
	}
}

static void test_lengths(void **state)
{
	auto_arena struct arena a = {0};
	char name[300] = "localhost/", tag[200] = "x:";
	struct oci_reference r;
	struct err e = {0};

	(void)state;
	memset(name + 10, 'a', 245);
	assert_int_equal(oci_reference_parse(name, &a, &r, &e), 0);
	name[255] = 'a';
	assert_int_equal(oci_reference_parse(name, &a, &r, &e), -EINVAL);
	assert_non_null(strstr(e.text, "longer than 255"));
	memset(tag + 2, 't', 128);
	assert_int_equal(oci_reference_parse(tag, &a, &r, NULL), 0);
	tag[130] = 't';
	assert_int_equal(oci_reference_parse(tag, &a, &r, NULL), -EINVAL);
}

static void test_digest(void **state)
{
	(void)state;
	assert_true(oci_digest_is_valid(DIGEST));
	assert_false(oci_digest_is_valid(NULL));
	assert_false(oci_digest_is_valid(""));
	assert_false(oci_digest_is_valid(HEX));
	assert_false(oci_digest_is_valid(DIGEST "a"));
	assert_false(oci_digest_is_valid("sha256:../../../../etc/passwd"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),   cmocka_unit_test(test_second_name),
		cmocka_unit_test(test_bad),    cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_digest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

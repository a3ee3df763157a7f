/* SPDX-License-Identifier: Apache-2.0 */
/* Registries' challenges, config.json, credential helpers, tries, and which hosts are trusted. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "image/auth.h"
#include "image/retry.h"
#include "image/trust.h"
#include "kernel/fd.h"
#include "kernel/tree.h"
#include "oci/reference.h"

/* ---- challenges ----------------------------------------------------------------------------------- */

static void test_challenges(void **state)
{
	static const struct {
		const char *header;
		int scheme;
		const char *realm, *service, *scope;
	} rows[] = {
		{"Basic realm=\"a b\"", AUTH_BASIC, "a b", NULL, NULL},
		{"basic", AUTH_BASIC, NULL, NULL, NULL},
		{"Bearer "
		 "realm=\"https://x/token\",service=\"s\",scope=\"repository:a/b:pull,push\"",
		 AUTH_BEARER, "https://x/token", "s", "repository:a/b:pull,push"},
		{"bearer Realm = r , SERVICE=s", AUTH_BEARER, "r", "s", NULL},
		{"Negotiate abc==, Basic realm=\"b\", Bearer realm=\"t\"", AUTH_BEARER, "t", NULL,
		 NULL},
		{"Bearer realm=\"t\\\"u\", Basic realm=\"b\"", AUTH_BEARER, "t\"u", NULL, NULL},
		{"Bearer service=\"no realm\"", AUTH_NONE, NULL, NULL, NULL},
		{"Digest realm=\"x\"", AUTH_NONE, NULL, NULL, NULL},
		{"Bearer realm=\"open", AUTH_BEARER, "open", NULL, NULL},
		{"", AUTH_NONE, NULL, NULL, NULL},
		{",,=\"\\", AUTH_NONE, NULL, NULL, NULL},
	};
	auto_arena struct arena a = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct auth_challenge c;

		auth_challenge_parse(rows[i].header, &a, &c);
		assert_int_equal(c.scheme, rows[i].scheme);
		assert_true(str_eq(c.realm, rows[i].realm));
		assert_true(str_eq(c.service, rows[i].service));
		assert_true(str_eq(c.scope, rows[i].scope));
	}
}

static void test_base64(void **state)
{
	auto_arena struct arena a = {0};

	(void)state;
	assert_string_equal(auth_base64("me:pw", 5, &a), "bWU6cHc=");
	assert_string_equal(auth_base64_decode("bWU6cHc=", &a), "me:pw");
	assert_string_equal(auth_base64_decode("", &a), "");
	assert_null(auth_base64_decode("abc", &a));
	assert_null(auth_base64_decode("a*c=", &a));
}

/* ---- config.json ---------------------------------------------------------------------------------- */

static void test_config(void **state)
{
	static const char text[] =
		"{\"auths\": {\"https://127.0.0.1:5000/v1/\": {\"auth\": \"bWU6cHc=\"},"
		" \"reg.test/team\": {\"username\": \"team\", \"password\": \"t\"},"
		" \"reg.test\": {\"auth\": \"bWU6cHc=\", \"identitytoken\": \"id\"},"
		" \"empty.test\": {}}, \"HttpHeaders\": {\"X\": \"y\"},"
		" \"credsStore\": \"safe\", \"credHelpers\": {\"other.test\": \"other\"}}";
	static const char bad[] = "{\"auths\": {\"x.test\": {\"auth\": \"bWU=\"}}}";
	static const struct {
		const char *domain, *repository, *user;
	} rows[] = {
		{"127.0.0.1:5000", "a", "me"},      {"reg.test", "team/app", "team"},
		{"reg.test", "teams/app", "me"},    {"empty.test", "a", NULL},
		{"unknown.test", "team/app", NULL},
	};
	auto_arena struct arena a = {0};
	struct auth_config c;
	struct err e = {0};

	(void)state;
	assert_int_equal(auth_config_parse(text, strlen(text), "config.json", &a, &c, &e), 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct auth_entry *entry =
			auth_config_pick(&c, rows[i].domain, rows[i].repository, &a);

		assert_true(str_eq(entry ? entry->credentials.username : NULL, rows[i].user));
	}
	assert_string_equal(auth_config_pick(&c, "reg.test", "x", &a)->credentials.identity_token,
			    "id");
	assert_string_equal(auth_config_helper(&c, "other.test"), "other");
	assert_string_equal(auth_config_helper(&c, "reg.test"), "safe");
	assert_int_equal(auth_config_parse(bad, strlen(bad), "config.json", &a, &c, &e), -EINVAL);
	assert_non_null(strstr(e.text, "config.json: auths[\"x.test\"].auth"));
}

/* The default registry has a key of its own in config.json. */
static void test_default_key(void **state)
{
	auto_arena struct arena a = {0};
	struct oci_reference ref;
	struct auth_config c;
	const char *text;

	(void)state;
	assert_int_equal(oci_reference_parse("busybox", &a, &ref, NULL), 0);
	text = arena_printf(&a, "{\"auths\":{\"%s\":{\"auth\":\"bWU6cHc=\"}}}",
			    oci_registry_key(ref.domain));
	assert_int_equal(auth_config_parse(text, strlen(text), "x", &a, &c, NULL), 0);
	assert_non_null(auth_config_pick(&c, ref.domain, ref.repository, &a));
	assert_string_equal(oci_registry_domain(oci_registry_key(ref.domain), &a), ref.domain);
	assert_string_equal(oci_registry_domain(NULL, &a), ref.domain);
	assert_string_equal(oci_registry_domain("https://reg.test:5000/v2/", &a), "reg.test:5000");
	assert_string_equal(oci_registry_host("reg.test"), "reg.test");
}

/* A folder of our own as DOCKER_CONFIG and at the front of PATH. */
static int set_up(void **state)
{
	static char place[] = "/tmp/test_auth.XXXXXX";
	char path[4096];

	if (!mkdtemp(place))
		return -1;
	snprintf(path, sizeof(path), "%s:%s", place, getenv("PATH"));
	setenv("PATH", path, 1);
	setenv("DOCKER_CONFIG", place, 1);
	setenv("HOME", place, 1);
	unsetenv("REGISTRY_AUTH_FILE");
	unsetenv("XDG_RUNTIME_DIR");
	unsetenv("XDG_CONFIG_HOME");
	*state = place;
	return 0;
}

static int clear(void **state)
{
	return tree_remove_at(AT_FDCWD, *state);
}

static void put_file(const char *place, const char *name, const char *text, mode_t mode)
{
	char path[256];
	auto_close int fd = -EBADF;

	snprintf(path, sizeof(path), "%s/%s", place, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
}

static void test_store(void **state)
{
	const struct auth_credentials c = {.username = "me", .password = "p:w"};
	auto_arena struct arena a = {0};
	struct auth_credentials found;
	const char *where = NULL;
	bool is_plain = false;
	struct stat st;
	char *text;

	put_file(*state, "config.json",
		 "{\"psFormat\": \"x\", \"auths\": {\"old\": {\"auth\": \"bWU6cHc=\"}}}", 0644);
	assert_int_equal(auth_store("reg.test:5000", &c, &a, &where, &is_plain, NULL), 0);
	assert_true(is_plain);
	assert_int_equal(stat(where, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(file_read_at(AT_FDCWD, where, &a, 4096, &text, NULL), 0);
	assert_non_null(strstr(text, "\"psFormat\": \"x\""));
	assert_non_null(strstr(text, "\"old\""));
	assert_int_equal(auth_find("reg.test:5000", "any", &a, &found, NULL), 0);
	assert_string_equal(found.username, "me");
	assert_string_equal(found.password, "p:w");
	assert_int_equal(auth_erase("reg.test:5000", &a, NULL), 1);
	assert_int_equal(auth_erase("reg.test:5000", &a, NULL), 0);
	assert_int_equal(auth_find("reg.test:5000", "any", &a, &found, NULL), 0);
	assert_false(auth_has_credentials(&found));
	assert_int_equal(auth_find("old", NULL, &a, &found, NULL), 0);
	assert_string_equal(found.username, "me");
}

static const char helper[] = "#!/bin/sh\n"
			     "dir=${0%/*}\n"
			     "case $1 in\n"
			     "store) cat > $dir/secret ;;\n"
			     "get) [ -e $dir/secret ] && cat $dir/secret && exit\n"
			     "     echo 'credentials not found in native keychain'; exit 1 ;;\n"
			     "erase) cat > /dev/null; rm $dir/secret ;;\n"
			     "esac\n";

static void test_helper(void **state)
{
	const struct auth_credentials c = {.username = "me", .password = "pw"};
	const struct auth_credentials token = {.username = "me", .identity_token = "id"};
	auto_arena struct arena a = {0};
	struct auth_credentials found;
	const char *where = NULL;
	bool is_plain = true;
	struct err e = {0};

	put_file(*state, "docker-credential-test", helper, 0755);
	put_file(*state, "docker-credential-broken", "#!/bin/sh\necho 'no key\tring'\nexit 1\n",
		 0755);
	put_file(*state, "config.json",
		 "{\"credHelpers\": {\"reg.test\": \"test\", \"b.test\": \"broken\", \"g.test\": "
		 "\"gone\","
		 " \"p.test\": \"../x\"}}",
		 0600);
	assert_int_equal(auth_find("reg.test", "any", &a, &found, &e), 0);
	assert_false(auth_has_credentials(&found));
	assert_int_equal(auth_store("reg.test", &c, &a, &where, &is_plain, &e), 0);
	assert_false(is_plain);
	assert_int_equal(auth_find("reg.test", "any", &a, &found, &e), 0);
	assert_string_equal(found.password, "pw");
	assert_int_equal(auth_store("reg.test", &token, &a, &where, &is_plain, &e), 0);
	assert_int_equal(auth_find("reg.test", "any", &a, &found, &e), 0);
	assert_string_equal(found.identity_token, "id");
	assert_int_equal(auth_erase("reg.test", &a, &e), 1);
	assert_int_equal(auth_find("b.test", "any", &a, &found, &e), -EIO);
	assert_string_equal(e.text, "docker-credential-broken get: no key ring ");
	e = (struct err){0};
	assert_int_equal(auth_find("g.test", "any", &a, &found, &e), -ENOENT);
	assert_non_null(strstr(e.text, "run docker-credential-gone"));
	assert_int_equal(auth_find("p.test", "any", &a, &found, NULL), -EINVAL);
}

static void test_fallback(void **state)
{
	auto_arena struct arena a = {0};
	struct auth_credentials found;
	char path[256];

	put_file(*state, "config.json", "{}", 0600);
	put_file(*state, "auth.json", "{\"auths\": {\"reg.test\": {\"auth\": \"bWU6cHc=\"}}}",
		 0600);
	snprintf(path, sizeof(path), "%s/auth.json", (const char *)*state);
	setenv("REGISTRY_AUTH_FILE", path, 1);
	assert_int_equal(auth_find("reg.test", "any", &a, &found, NULL), 0);
	assert_string_equal(found.username, "me");
	unsetenv("REGISTRY_AUTH_FILE");
}

/* ---- tries, trust --------------------------------------------------------------------------------- */

static void test_retry(void **state)
{
	static const long worth[] = {408, 429, 500, 502, 503, 504};
	static const long worthless[] = {200, 301, 400, 401, 403, 404, 416, 501, 505};
	int64_t middle = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(worth); i++)
		assert_true(retry_is_worth(worth[i]));
	for (size_t i = 0; i < ARRAY_LEN(worthless); i++)
		assert_false(retry_is_worth(worthless[i]));
	for (unsigned attempt = 1; attempt < RETRY_MAX; attempt++) {
		int64_t low = retry_delay_ms(attempt, -1, 0);
		int64_t high = retry_delay_ms(attempt, -1, (uint32_t)(2 * low - 1));

		assert_true(low > middle / 2 && high == 3 * low - 1);
		middle = low + (high - low) / 2;
	}
	assert_int_equal(retry_delay_ms(RETRY_MAX, -1, 0), -1);
	assert_int_equal(retry_delay_ms(1, 3, 0), 3000);
	assert_int_equal(retry_delay_ms(1, 3600, 0), -1);
	assert_true(retry_delay_ms(1, 0, 0) > 0);
}

static void test_trust(void **state)
{
	static const char *const loopback[] = {"localhost", "a.localhost", "127.0.0.1",
					       "127.9.9.9", "::1",         "[::1]"};
	static const char *const others[] = {"localhost.test", "128.0.0.1", "127.0.0.1.test",
					     "notlocalhost",   "::2",       "",
					     "127.1"};
	auto_arena struct arena a = {0};
	struct str_slice list = {0};
	struct err e = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(loopback); i++)
		assert_true(trust_is_loopback(loopback[i]));
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		assert_false(trust_is_loopback(others[i]));
	assert_int_equal(trust_parse("# all\n\ninsecure a.test:5000 # lab\n\tinsecure  b.test\r\n",
				     "f", &a, &list, &e),
			 0);
	assert_int_equal(list.n, 2);
	assert_string_equal(list.v[0], "a.test:5000");
	assert_string_equal(list.v[1], "b.test");
	assert_int_equal(trust_parse("\nsecure x\n", "f", &a, &list, &e), -EINVAL);
	assert_string_equal(e.text, "f: line 2: want \"insecure HOST[:PORT]\"");
}

static void test_certificates(void **state)
{
	auto_arena struct arena a = {0};
	struct trust_certificates c;
	char path[256];

	snprintf(path, sizeof(path), "%s/docker/certs.d/reg.test:5000", (const char *)*state);
	for (char *p = path + strlen(*state) + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		mkdir(path, 0755);
		*p = '/';
	}
	mkdir(path, 0755);
	setenv("XDG_CONFIG_HOME", *state, 1);
	put_file(path, "one.crt", "ONE", 0644);
	put_file(path, "two.crt", "TWO", 0644);
	put_file(path, "me.cert", "ME", 0644);
	put_file(path, "me.key", "KEY", 0600);
	assert_int_equal(trust_certificates("reg.test:5000", &a, &c, NULL), 0);
	assert_int_equal(c.authorities_n, 8);
	assert_true(str_ends(c.certificate, "/me.cert"));
	assert_true(str_ends(c.key, "/me.key"));
	assert_int_equal(trust_certificates("reg.test", &a, &c, NULL), 0);
	assert_null(c.authorities);
	unsetenv("XDG_CONFIG_HOME");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_challenges), cmocka_unit_test(test_base64),
		cmocka_unit_test(test_config),     cmocka_unit_test(test_default_key),
		cmocka_unit_test(test_store),      cmocka_unit_test(test_helper),
		cmocka_unit_test(test_fallback),   cmocka_unit_test(test_retry),
		cmocka_unit_test(test_trust),      cmocka_unit_test(test_certificates),
	};

	return cmocka_run_group_tests(tests, set_up, clear);
}

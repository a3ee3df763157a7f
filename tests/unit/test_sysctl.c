/* SPDX-License-Identifier: Apache-2.0 */
/* linux.sysctl: the grammar of names and the namespaces that they belong to. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/auto.h"
#include "base/err.h"
#include "namespace/namespace.h"

static int make(const char *key, const char *value, const char *ns, const char *domainname,
		struct err *e)
{
	struct oci_namespace n = {.type = ns};
	struct oci_pair s = {key, value};
	struct oci_spec spec = {
		.domainname = domainname,
		.linux_.namespaces = {&n, ns ? 1 : 0},
		.linux_.sysctl = {&s, 1},
	};
	struct ns_plan p;

	*e = (struct err){0};
	return ns_plan_make(&spec, false, &p, e);
}

static void test_accepted(void **state)
{
	static const struct {
		const char *key, *ns;
	} cases[] = {
		{"net.ipv4.ip_forward", "network"},
		{"net/ipv4/ip_forward", "network"},
		{"net/ipv4/conf/eth0.1/forwarding", "network"},
		{"net.ipv4.conf.eth0/1.forwarding", "network"},
		{"kernel.msgmax", "ipc"},
		{"kernel/shm_rmid_forced", "ipc"},
		{"fs.mqueue.msg_max", "ipc"},
		{"kernel.domainname", "uts"},
	};
	struct err e;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(make(cases[i].key, "1", cases[i].ns, NULL, &e), 0);
	assert_int_equal(make("net.ipv4.ping_group_range", "0 2147483647", "network", NULL, &e), 0);
}

static void test_not_namespaced(void **state)
{
	static const struct {
		const char *key, *ns;
	} cases[] = {
		{"net.ipv4.ip_forward", NULL},      {"net.ipv4.ip_forward", "ipc"},
		{"kernel.msgmax", "network"},       {"kernel.core_pattern", "ipc"},
		{"kernel/core_pattern", "ipc"},     {"vm.swappiness", "network"},
		{"kernel.msgmaxx", "ipc"},          {"kernel.msgmax.x", "ipc"},
		{"fs.mqueuefoo.msg_max", "ipc"},    {"net/../kernel.core_pattern/x", NULL},
		{"user.max_net_namespaces", "uts"},
	};
	struct err e;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(make(cases[i].key, "1", cases[i].ns, NULL, &e), -EINVAL);
		assert_true(strstr(e.text, "is not in a separate kernel namespace") ||
			    strstr(e.text, "well-formed"));
	}
}

/* CVE-2022-0811: what looks like a net sysctl must not carry a second assignment. */
static void test_grammar(void **state)
{
	static const char *const keys[] = {
		"",
		"net",
		"net.",
		".net.ipv4",
		"net..ipv4",
		"net.ipv4+kernel.core_pattern",
		"net/ipv4/../../kernel/core_pattern",
		"net/./ipv4",
		"/net/ipv4",
		"net/ipv4/",
		"net.ipv4.//.//.kernel",
		"net.ipv4=1",
		"net.ipv4 x",
		"net.ipv4\nx",
		"net.ipv4.\xc3\xa9",
	};
	struct err e;
	char big[400];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		assert_int_equal(make(keys[i], "1", "network", NULL, &e), -EINVAL);
		assert_non_null(strstr(e.text, "well-formed"));
	}
	memset(big, 'a', sizeof(big));
	memcpy(big, "net.", 4);
	big[sizeof(big) - 1] = '\0';
	assert_int_equal(make(big, "1", "network", NULL, &e), -EINVAL);
}

static void test_values(void **state)
{
	struct err e;

	(void)state;
	assert_int_equal(make("net.ipv4.ip_forward", "1\n2", "network", NULL, &e), -EINVAL);
	assert_int_equal(make("net.ipv4.ip_forward", "", "network", NULL, &e), 0);
}

static void test_conflicts(void **state)
{
	struct err e;

	(void)state;
	assert_int_equal(make("kernel.hostname", "x", "uts", NULL, &e), -EINVAL);
	assert_string_equal(e.text,
			    "sysctl \"kernel.hostname\" is not allowed as it conflicts with "
			    "the OCI \"hostname\" field");
	assert_int_equal(make("kernel.domainname", "x", "uts", "y", &e), -EINVAL);
	assert_non_null(strstr(e.text, "\"domainname\" field"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accepted),  cmocka_unit_test(test_not_namespaced),
		cmocka_unit_test(test_grammar),   cmocka_unit_test(test_values),
		cmocka_unit_test(test_conflicts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

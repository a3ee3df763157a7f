/* SPDX-License-Identifier: Apache-2.0 */
/* Instructions of a Dockerfile applied to a configuration. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/json.h"
#include "image/change.h"
#include "oci/image_tables.h"

/* Everything that an instruction did, as JSON. */
static const char *apply(struct arena *a, const char *instruction)
{
	const char *old_env[] = {"PATH=/bin", "A=0"}, *old_ports[] = {"80/tcp"};
	struct oci_pair old_labels[] = {{"l", "0"}};
	struct oci_image_run run = {.env = {old_env, 2},
				    .exposed_ports = {old_ports, 1},
				    .labels = {old_labels, 1},
				    .working_dir = "/srv"};
	auto_json_writer struct json_writer w = {0};
	struct err e = {0};

	if (change_apply(instruction, a, &run, &e) < 0) {
		assert_int_equal(e.code, EINVAL);
		assert_non_null(strstr(e.text, "--change"));
		return NULL;
	}
	assert_string_equal(old_env[1], "A=0");
	json_encode(&oci_image_run_type, &run, &w);
	return arena_strdup(a, w.buf);
}

static void test_applied(void **state)
{
	static const struct {
		const char *instruction, *wanted;
	} cases[] = {
		{"CMD [\"a\",\"b c\"]", "\"Cmd\":[\"a\",\"b c\"]"},
		{"cmd echo $HOME | cat", "\"Cmd\":[\"/bin/sh\",\"-c\",\"echo $HOME | cat\"]"},
		{"CMD=[\"a\"]", "\"Cmd\":[\"a\"]"},
		{"ENTRYPOINT [\"/x\"]", "\"Entrypoint\":[\"/x\"]"},
		{"ENV A=1 B=\"2 3\" C='4 \\5' D=6\\ 7",
		 "\"Env\":[\"PATH=/bin\",\"A=1\",\"B=2 3\",\"C=4 \\\\5\",\"D=6 7\"]"},
		{"ENV A  one two ", "\"Env\":[\"PATH=/bin\",\"A=one two\"]"},
		{"ENV A=", "\"Env\":[\"PATH=/bin\",\"A=\"]"},
		{"LABEL l=1 \"m n\"=2", "\"Labels\":{\"l\":\"1\",\"m n\":\"2\"}"},
		{"EXPOSE 80 53/udp 8000-8010", "{\"53/udp\":{},\"80"},
		{"VOLUME /a /b", "\"/a\":{},\"/b\":{}"},
		{"VOLUME [\"/a b\"]", "\"/a b\":{}"},
		{"USER 1:2", "\"User\":\"1:2\""},
		{"WORKDIR /x/../y/", "\"WorkingDir\":\"/y\""},
		{"WORKDIR z", "\"WorkingDir\":\"/srv/z\""},
		{"STOPSIGNAL SIGINT", "\"StopSignal\":\"SIGINT\""},
		{"ONBUILD RUN x", "\"OnBuild\":[\"RUN x\"]"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_arena struct arena a = {0};
		const char *is = apply(&a, cases[i].instruction);

		assert_non_null(is);
		/* Maps of ports may come in any order. */
		if (cases[i].wanted[0] != '{' && !strstr(is, cases[i].wanted))
			fail_msg("%s: %s lacks %s", cases[i].instruction, is, cases[i].wanted);
		if (cases[i].wanted[0] == '{')
			assert_true(strstr(is, "\"53/udp\"") && strstr(is, "\"8000-8010/tcp\""));
	}
}

static void test_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"RUN x",
		"FROM x",
		"ENV",
		"ENV =1",
		"ENV A=1 B",
		"ENV A=\"1",
		"EXPOSE",
		"EXPOSE x",
		"EXPOSE 80/x",
		"LABEL",
		"VOLUME",
		"WORKDIR",
		"STOPSIGNAL",
		"CMDX [\"a\"]",
		"ENTRY x",
		"EXPOSE 80 -1/tcp",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		auto_arena struct arena a = {0};

		if (apply(&a, bad[i]))
			fail_msg("taken: %s", bad[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_applied),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Templates, tables, filters and quantities. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "view/view.h"

static const char row[] =
	"{\"ID\":\"abc\",\"Name\":\"web\",\"N\":3,\"Big\":1234567890123456789,\"Yes\":true,"
	"\"Labels\":{\"b\":\"2\",\"a\":\"1\"},\"Cmd\":[\"sh\",\"-c\",\"x\"],\"None\":null,"
	"\"Empty\":[],"
	"\"State\":{\"Health\":{\"Status\":\"healthy\"}},\"Uni\":\"gr\\u00fc\\u00df\"}";

static void parse(const char *text, struct arena *a, struct view_value *ret)
{
	struct err e = {0};

	assert_int_equal(view_parse(text, strlen(text), a, ret, &e), 0);
}

static const struct {
	const char *template, *wanted;
} good[] = {
	{"{{.ID}}", "abc"},
	{"{{ .Name }}-{{.N}}", "web-3"},
	{"{{.Big}}", "1234567890123456789"},
	{"a\\tb\\n", "a\tb\n"},
	{"{{.State.Health.Status}}", "healthy"},
	{"{{.Labels.a}}", "1"},
	{"{{.Labels.nope}}", "<no value>"},
	{"{{.Labels}}", "map[a:1 b:2]"},
	{"{{.Cmd}}", "[sh -c x]"},
	{"{{.None}}", "<no value>"},
	{"{{index .Labels \"b\"}}", "2"},
	{"{{index .Cmd 1}}", "-c"},
	{"{{json .Cmd}}", "[\"sh\",\"-c\",\"x\"]"},
	{"{{json .Uni}}", "\"gr\xc3\xbc\xc3\x9f\""},
	{"{{len .Cmd}} {{len .Labels}}", "3 2"},
	{"{{join .Cmd \",\"}}", "sh,-c,x"},
	{"{{.Cmd | json | upper}}", "[\"SH\",\"-C\",\"X\"]"},
	{"{{upper .Name}}{{lower \"AB\"}}{{title \"ab cd\"}}", "WEBabAb Cd"},
	{"{{range .Cmd}}<{{.}}>{{end}}", "<sh><-c><x>"},
	{"{{range $i, $v := .Cmd}}{{$i}}={{$v}};{{end}}", "0=sh;1=-c;2=x;"},
	{"{{range $k, $v := .Labels}}{{$k}}={{$v}} {{$.ID}},{{end}}", "b=2 abc,a=1 abc,"},
	{"{{range .Empty}}x{{else}}none{{end}}", "none"},
	{"{{range $i, $v := .Empty}}{{$v}}{{end}}", ""},
	{"{{if .Yes}}y{{else}}n{{end}}", "y"},
	{"{{if .Empty}}y{{else}}n{{end}}", "n"},
	{"{{if eq .Name \"x\" \"web\"}}y{{end}}", "y"},
	{"{{if ne .N 3}}y{{else if gt .N 2}}big{{else}}n{{end}}", "big"},
	{"{{if and .Yes (not .Empty)}}both{{end}}", "both"},
	{"{{if or .Empty .None}}y{{else}}n{{end}}", "n"},
	{"{{with .State.Health}}{{.Status}}{{end}}", "healthy"},
	{"{{with .None}}x{{else}}y{{end}}", "y"},
	{"{{if .Yes}}a{{if .Empty}}b{{else}}c{{end}}d{{else}}e{{end}}", "acd"},
	{"{{if .Empty}}{{range .Cmd}}x{{end}}{{else}}z{{end}}", "z"},
	{"{{$x := .Name}}{{$x}}!{{$x = \"b\"}}{{$x}}", "web!b"},
	{"a  {{- .ID -}}  b", "aabcb"},
	{"{{/* nothing */}}x", "x"},
	{"{{println .ID}}", "abc\n"},
	{"{{printf \"%-5s|%3d|%q\" .ID .N .Name}}", "abc  |  3|\"web\""},
	{"{{\"tab\\t\"}}|{{`raw\\t`}}", "tab\t|raw\\t"},
	{"{{truncate .Name 2}} {{split \"a:b\" \":\"}}", "we [a b]"},
	{"{{(index .Cmd 0)}}{{print 1 2}}", "sh1 2"},
	{"{{true}} {{.Yes}} {{not true}}", "true true false"},
};

static void test_templates(void **state)
{
	auto_arena struct arena a = {0};
	struct view_value v;

	(void)state;
	parse(row, &a, &v);
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		auto_view_text struct view_text t = {0};
		struct err e = {0};

		if (view_template(good[i].template, &v, &t, &e) < 0)
			fail_msg("%s: %s", good[i].template, e.text);
		if (strcmp(t.buf ? t.buf : "", good[i].wanted) != 0)
			fail_msg("%s: \"%s\", not \"%s\"", good[i].template, t.buf, good[i].wanted);
	}
}

static void test_bad_templates(void **state)
{
	static const char *const bad[] = {
		"{{.Nope}}",
		"{{nope .ID}}",
		"{{.ID",
		"{{if .ID}}",
		"{{end}}",
		"{{else}}",
		"{{range .ID}}{{end}}",
		"{{.ID.Name}}",
		"{{index .Cmd 9}}",
		"{{\"open}}",
		"{{$x}}",
		"{{.ID | .N}}",
		"{{join .ID \",\"}}",
		"{{(.ID}}",
		"{{printf \"%s\"}}",
		"{{.ID}} }} {{ {{",
		"{{range .Cmd}}",
		"{{eq .ID}}",
		"{{/* open",
		"{{if}}{{end}}",
	};
	auto_arena struct arena a = {0};
	struct view_value v;

	(void)state;
	parse(row, &a, &v);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		auto_view_text struct view_text t = {0};
		struct err e = {0};

		view_append(&t, "kept", 4);
		if (view_template(bad[i], &v, &t, &e) >= 0)
			fail_msg("%s: is not refused: \"%s\"", bad[i], t.buf);
		assert_true(strstr(e.text, "template: ") == e.text);
		assert_string_equal(t.buf, "kept");
	}
}

static const struct view_column columns[] = {
	{"ID", "ID", false}, {"COUNT", "N", true}, {"NAME", "Name", false}, {0}};

static void check_rows(const char *format, const char *quiet, bool no_heading, const char *wanted)
{
	static const char text[] = "[{\"ID\":\"a\",\"N\":5,\"Name\":\"one\",\"CreatedAt\":\"x\"},"
				   "{\"ID\":\"\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\",\"N\":10,\"Name\":"
				   "\"t\\tw\\no\",\"CreatedAt\":\"y\"}]";
	const struct view_list l = {columns, format, quiet, no_heading};
	auto_arena struct arena a = {0};
	auto_view_text struct view_text t = {0};
	struct view_value v;
	struct err e = {0};

	parse(text, &a, &v);
	if (view_rows(&l, v.items, v.n, &t, &e) < 0)
		fail_msg("%s", e.text);
	assert_string_equal(t.buf, wanted);
}

static void test_rows(void **state)
{
	(void)state;
	check_rows(NULL, NULL, false,
		   "ID     COUNT   NAME\na          5   one\n"
		   "\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc      10   t w o\n");
	check_rows("table", "ID", false, "a\n\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\n");
	check_rows("{{.N}}", "ID", false, "5\n10\n");
	check_rows("table {{.N}}\t{{.CreatedAt}}", NULL, false,
		   "COUNT   CREATED AT\n5       x\n10      y\n");
	check_rows("table {{.N}}\\t{{.CreatedAt}}", NULL, true, "5    x\n10   y\n");
	check_rows("json", NULL, false,
		   "{\"ID\":\"a\",\"N\":5,\"Name\":\"one\",\"CreatedAt\":\"x\"}\n"
		   "{\"ID\":\"\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\",\"N\":10,\"Name\":\"t\\tw\\no\","
		   "\"CreatedAt\":\"y\"}\n");
}

static int match(void *arg, const char *key, const char *value, struct err *e)
{
	if (strcmp(key, "name") == 0)
		return strcmp(value, "web") == 0;
	if (strcmp(key, "id") == 0)
		return strcmp(value, "1") == 0;
	(void)arg;
	return err_say(e, -22, "no such key");
}

static int filter(const char *a, const char *b)
{
	const char *v[] = {a, b};
	const struct str_slice list = {v, b ? 2 : 1};

	return view_filter(&list, match, NULL, NULL);
}

static void test_filters(void **state)
{
	(void)state;
	assert_int_equal(view_filter(&(struct str_slice){0}, match, NULL, NULL), 1);
	assert_int_equal(filter("name=web", NULL), 1);
	assert_int_equal(filter("name=x", NULL), 0);
	assert_int_equal(filter("name=x", "name=web"), 1);
	assert_int_equal(filter("name=web", "id=2"), 0);
	assert_int_equal(filter("name!=x", NULL), 1);
	assert_int_equal(filter("name!=web", NULL), 0);
	assert_int_equal(filter("id=1", "name!=web"), 0);
	assert_true(filter("nope=1", NULL) < 0);
	assert_true(filter("name", NULL) < 0);
	assert_true(filter("=x", NULL) < 0);
}

static void test_words(void **state)
{
	static const struct {
		long long seconds;
		const char *wanted;
	} durations[] = {
		{0, "Less than a second"},  {1, "1 second"},
		{59, "59 seconds"},         {60, "About a minute"},
		{150, "2 minutes"},         {3600, "About an hour"},
		{7200, "2 hours"},          {172800, "2 days"},
		{86400LL * 15, "2 weeks"},  {86400LL * 70, "2 months"},
		{86400LL * 800, "2 years"},
	};
	auto_arena struct arena a = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(durations); i++)
		assert_string_equal(view_duration(durations[i].seconds * 1000000000, &a),
				    durations[i].wanted);
	assert_string_equal(view_ago(0, 5000000000, &a), "5 seconds ago");
	assert_string_equal(view_size(0, &a), "0B");
	assert_string_equal(view_size(1234, &a), "1.234kB");
	assert_string_equal(view_size(12345678, &a), "12.35MB");
	assert_string_equal(view_binary_size(67108864, &a), "64MiB");
}

static void test_parse(void **state)
{
	static const char *const bad[] = {"",    "{",   "[1,]",  "{\"a\":}", "tru",
					  "1 2", "\"a", "{1:2}", "[1 2]",    "{\"a\" 1}"};
	auto_arena struct arena a = {0};
	struct view_value v;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_true(view_parse(bad[i], strlen(bad[i]), &a, &v, NULL) < 0);
	parse(" {\"A\":[],\"a\":{}} ", &a, &v);
	assert_int_equal(view_get(&v, "a")->kind, VIEW_OBJECT);
	assert_int_equal(view_get(&v, "A")->kind, VIEW_LIST);
	assert_null(view_get(&v, "b"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_templates), cmocka_unit_test(test_bad_templates),
		cmocka_unit_test(test_rows),      cmocka_unit_test(test_filters),
		cmocka_unit_test(test_words),     cmocka_unit_test(test_parse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Command lines: the forms of options, where they end, and what is said of wrong ones. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/opt.h"
#include "base/str.h"

struct values {
	bool is_detached, is_set;
	const char *bundle;
	struct str_slice env;
	uint64_t count;
};

static const struct opt table[] = {
	{"bundle", 'b', OPT_STRING, offsetof(struct values, bundle), "PATH", "where it is", false},
	{"detach", 'd', OPT_FLAG, offsetof(struct values, is_detached), NULL, "do not wait", false},
	{"env", 'e', OPT_LIST, offsetof(struct values, env), NULL, "a variable", false},
	{"count", 0, OPT_UINT, offsetof(struct values, count), "N", NULL, false},
	{"secret", 's', OPT_FLAG, offsetof(struct values, is_set), NULL, "not shown", true},
	{0},
};

enum { WORDS_MAX = 10 };

struct row {
	const char *line[WORDS_MAX]; /* ends with NULL */
	bool stops;
	const char *want; /* what describe() prints, or the error */
};

/* "bundle=B detach=0 count=1 env=X,Y secret=0 | word word" without what is not there. */
static const char *describe(const struct values *v, const struct str_slice *words, struct arena *a)
{
	char *s = arena_printf(a, "%s%s%s%s", v->bundle ? "b=" : "", v->bundle ? v->bundle : "",
			       v->bundle ? " " : "", v->is_detached ? "d " : "");

	if (v->is_set)
		s = arena_printf(a, "%ss ", s);
	if (v->count)
		s = arena_printf(a, "%sn=%llu ", s, (unsigned long long)v->count);
	for (size_t i = 0; i < v->env.n; i++)
		s = arena_printf(a, "%se=%s ", s, v->env.v[i]);
	s = arena_printf(a, "%s|", s);
	for (size_t i = 0; i < words->n; i++)
		s = arena_printf(a, "%s %s", s, words->v[i]);
	assert_null(words->v[words->n]);
	return s;
}

static void check(const struct row *row, int want_r)
{
	auto_arena struct arena a = {0};
	struct str_slice words = {0};
	struct values v = {0};
	struct err e = {0};
	int argc = 0, r;

	while (row->line[argc])
		argc++;
	r = opt_parse(table, argc, (char **)row->line, row->stops, &a, &v, &words, &e);
	if (r != want_r)
		fail_msg("%s: returned %d (%s)", row->want, r, e.text);
	if (r < 0) {
		assert_string_equal(e.text, row->want);
		assert_int_equal(e.code, EINVAL);
	}
	if (r != 0)
		assert_null(words.v);
	else
		assert_string_equal(describe(&v, &words, &a), row->want);
}

static void test_forms(void **state)
{
	static const struct row rows[] = {
		{{NULL}, false, "|"},
		{{"x"}, false, "| x"},
		{{"--bundle", "/b", "x"}, false, "b=/b | x"},
		{{"--bundle=/b", "x"}, false, "b=/b | x"},
		{{"-bundle", "/b", "x"}, false, "b=/b | x"},
		{{"-bundle=/b", "x"}, false, "b=/b | x"},
		{{"-b", "/b", "x"}, false, "b=/b | x"},
		{{"-b=/b", "x"}, false, "b=/b | x"},
		{{"--b=/b", "x"}, false, "b=/b | x"},
		{{"--bundle=", "x"}, false, "b= | x"},
		{{"--bundle=a=b"}, false, "b=a=b |"},
		{{"--bundle", "-d", "x"}, false, "b=-d | x"},
		{{"--bundle", "--", "x"}, false, "b=-- | x"},
		{{"-b", "1", "-b", "2"}, false, "b=2 |"},
		{{"--detach", "x"}, false, "d | x"},
		{{"-d", "false"}, false, "d | false"},
		{{"-d=false", "x"}, false, "| x"},
		{{"--detach=true"}, false, "d |"},
		{{"--detach=1"}, false, "d |"},
		{{"-d", "--detach=F"}, false, "|"},
		{{"-e", "A=1", "--env=B=2", "-env", "C"}, false, "e=A=1 e=B=2 e=C |"},
		{{"--count", "18446744073709551615"}, false, "n=18446744073709551615 |"},
		{{"--secret", "-s=true"}, false, "s |"},
		/* letters side by side */
		{{"-ds", "x"}, false, "d s | x"},
		{{"-db", "1", "x"}, false, "b=1 d | x"},
		{{"-db1", "x"}, false, "b=1 d | x"},
		{{"-db=1", "x"}, false, "b=1 d | x"},
		{{"-sd=false"}, false, "s |"},
		{{"-bd"}, false, "b=d |"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		check(&rows[i], 0);
}

static void test_ends(void **state)
{
	static const struct row rows[] = {
		/* as `update ID --memory 1` needs it */
		{{"x", "-d", "y", "-b", "1"}, false, "b=1 d | x y"},
		{{"x", "--", "-d"}, false, "| x -d"},
		{{"--", "-d", "--", "x"}, false, "| -d -- x"},
		{{"x", "-"}, false, "| x -"},
		{{"-", "-d"}, false, "d | -"},
		/* as `exec ID CMD -d` needs it */
		{{"-d", "x", "-b", "1"}, true, "d | x -b 1"},
		{{"-d", "x", "--", "-b"}, true, "d | x -- -b"},
		{{"-d", "--", "x", "-b"}, true, "d | x -b"},
		{{"-d", "--", "-b", "--"}, true, "d | -b --"},
		{{"x", "--help"}, true, "| x --help"},
		{{"", "-d"}, true, "|  -d"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		check(&rows[i], 0);
}

static void test_errors(void **state)
{
	static const struct row rows[] = {
		{{"--foo"}, false, "flag provided but not defined: -foo"},
		{{"-foo=bar"}, false, "flag provided but not defined: -foo"},
		{{"-x"}, true, "flag provided but not defined: -x"},
		{{"-dx"}, false, "flag provided but not defined: -dx"},
		{{"-db"}, false, "flag needs an argument: -b"},
		{{"--bundl", "x"}, false, "flag provided but not defined: -bundl"},
		{{"--bundles", "x"}, false, "flag provided but not defined: -bundles"},
		{{"-helpme"}, false, "flag provided but not defined: -helpme"},
		{{"---detach"}, false, "bad flag syntax: ---detach"},
		{{"--=x"}, false, "bad flag syntax: --=x"},
		{{"-=x"}, false, "bad flag syntax: -=x"},
		{{"-b"}, false, "flag needs an argument: -b"},
		{{"x", "--bundle"}, false, "flag needs an argument: -bundle"},
		{{"-d=maybe"}, false, "invalid boolean value \"maybe\" for -d: parse error"},
		{{"--detach="}, false, "invalid boolean value \"\" for -detach: parse error"},
		{{"--count", "z"}, false, "invalid value \"z\" for flag -count: parse error"},
		{{"--count="}, false, "invalid value \"\" for flag -count: parse error"},
		{{"--count", "-1"}, false, "invalid value \"-1\" for flag -count: parse error"},
		{{"--count=1x"}, false, "invalid value \"1x\" for flag -count: parse error"},
		{{"--count=18446744073709551616"},
		 false,
		 "invalid value \"18446744073709551616\" for flag -count: value out of range"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		check(&rows[i], -EINVAL);
}

static void test_help(void **state)
{
	static const struct row rows[] = {
		{{"--help"}, false, "help"},       {{"-h"}, false, "help"},
		{{"-help"}, true, "help"},         {{"x", "--help"}, false, "help"},
		{{"-d", "-h", "x"}, true, "help"}, {{"--help=false"}, true, "help"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		check(&rows[i], OPT_HELP);
}

/* A table that has a row of that name gets it. */
static void test_own_help(void **state)
{
	static const struct opt own[] = {
		{"help", 'h', OPT_FLAG, offsetof(struct values, is_set), NULL, "help", false},
		{0},
	};
	const char *line[] = {"-h", "x"};
	auto_arena struct arena a = {0};
	struct str_slice words;
	struct values v = {0};
	struct err e = {0};

	(void)state;
	assert_int_equal(opt_parse(own, 2, (char **)line, true, &a, &v, &words, &e), 0);
	assert_true(v.is_set);
	assert_int_equal(words.n, 1);
}

static void test_print(void **state)
{
	static const char want[] = "   --bundle PATH, -b PATH               where it is\n"
				   "   --detach, -d                         do not wait\n"
				   "   --env value, -e value                a variable\n"
				   "   --count N                            \n";
	char got[1024] = "";
	FILE *to = fmemopen(got, sizeof(got), "w");

	(void)state;
	assert_non_null(to);
	opt_print(table, to);
	fclose(to);
	assert_string_equal(got, want);
}

static void test_maybe(void **state)
{
	struct some {
		struct maybe_bool verify;
	};
	static const struct opt rows[] = {
		{"verify", 0, OPT_MAYBE, offsetof(struct some, verify), NULL, "check", false}, {0}};
	static const struct {
		const char *word;
		bool is_set, value;
	} cases[] = {
		{"word", false, false}, {"--verify", true, true}, {"--verify=false", true, false}};
	auto_arena struct arena a = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct some v = {0};
		struct str_slice words;
		char *argv[] = {arena_strdup(&a, cases[i].word), NULL};

		assert_int_equal(opt_parse(rows, 1, argv, false, &a, &v, &words, NULL), 0);
		assert_int_equal(v.verify.is_set, cases[i].is_set);
		assert_int_equal(v.verify.value, cases[i].value);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),    cmocka_unit_test(test_ends),
		cmocka_unit_test(test_errors),   cmocka_unit_test(test_help),
		cmocka_unit_test(test_own_help), cmocka_unit_test(test_print),
		cmocka_unit_test(test_maybe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

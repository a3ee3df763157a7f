/* SPDX-License-Identifier: Apache-2.0 */
/* berth: containers and images for people. Finds the command, or the program that has it. */
#include "base/auto.h"
#include "base/str.h"
#include "bin/berth/frame.h"
#include "bin/berth/help.h"

const char program_name[] = "berth";

const struct command *command_find(const struct str_slice *words, size_t *ret_n, struct arena *a)
{
	const struct command *c = frame_find(words, ret_n, a);
	struct str_slice second = {words->v + 1, 1};

	/* "container run" is "run". */
	if (c || words->n < 2 || !str_eq(words->v[0], "container"))
		return c;
	c = frame_find(&second, ret_n, a);
	*ret_n = 2;
	return c && str_eq(c->group, "containers") ? c : NULL;
}

/* argv from the command's name on goes to another program of ours. */
static int hand_over(const struct command *c, const struct globals *g, int argc, char **argv,
		     struct arena *a)
{
	const char **words = arena_array(a, (size_t)argc + 2, sizeof(*words));
	struct engine engine;
	struct err e = {0};

	words[0] = c->program;
	for (int i = 0; i < argc; i++)
		words[i + 1] = argv[i];
	if (engine_open(g->root, g->run_root, a, &engine, &e) == 0)
		engine_exec_program(&engine, c->program, words, &e);
	return frame_fail(c, &e, 0);
}

/* Of a command that another program has, that one knows the options. */
static int help_elsewhere(const struct command *c, const struct str_slice *words,
			  const struct globals *g, struct arena *a)
{
	char **argv = arena_array(a, words->n + 2, sizeof(*argv));

	for (size_t i = 0; i < words->n; i++)
		argv[i] = (char *)words->v[i];
	argv[words->n] = (char *)"--help";
	return hand_over(c, g, (int)words->n + 1, argv, a);
}

/* help [COMMAND] */
static int help(const struct str_slice *words, const struct globals *g, struct arena *a)
{
	struct str_slice rest = {words->v + 1, words->n - 1};
	struct err e = {0};
	const struct command *c;
	size_t n;

	if (words->n < 2) {
		help_print(words->n == 0);
		return 0;
	}
	c = command_find(&rest, &n, a);
	if (!c && rest.n == 1 && help_print_family(rest.v[0]))
		return 0;
	if (!c) {
		help_suggest(rest.v[0], &e);
		return frame_usage_error(NULL, &e);
	}
	if (c->program)
		return help_elsewhere(c, &rest, g, a);
	frame_print_help(c);
	return 0;
}

int main(int argc, char **argv)
{
	auto_arena struct arena a = {0};
	struct globals g = {0};
	struct str_slice words = {0};
	const struct command *c;
	struct err e = {0};
	size_t taken = 0;
	int r = frame_open(argc, argv, &a, &g, &words);

	if (r)
		return r;
	if (g.wants_version)
		return frame_print_version();
	if (!words.n || g.wants_help || str_eq(words.v[0], "help")) {
		words.n = g.wants_help ? 1 : words.n;
		return help(&words, &g, &a);
	}
	c = command_find(&words, &taken, &a);
	if (!c && (words.n == 1 || str_eq(words.v[1], "--help") || str_eq(words.v[1], "-h")) &&
	    help_print_family(words.v[0]))
		return 0;
	if (!c) {
		help_suggest(words.v[0], &e);
		return frame_usage_error(NULL, &e);
	}
	if (c->program)
		return hand_over(c, &g, (int)words.n, argv + argc - words.n, &a);
	return frame_run(c, &g, argc, argv, argc - (int)(words.n - taken), &a);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* berth: containers and images for people. Finds the command, reads its options, runs it. */
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/log.h"
#include "base/str.h"
#include "bin/berth/command.h"
#include "bin/berth/help.h"
#include "kernel/fd.h"
#include "runtime/exe.h"

enum { EXIT_USAGE = 125, NAME_WORDS_MAX = 2 };

struct globals {
	const char *root, *run_root;
	bool is_debug, wants_help, wants_version;
};

#define GLOBAL(member) offsetof(struct globals, member)
const struct opt global_options[] = {
	{"root", 0, OPT_STRING, GLOBAL(root), "DIR",
	 "where images and containers are kept (/var/lib/berth; BERTH_ROOT)", false},
	{"run-root", 0, OPT_STRING, GLOBAL(run_root), "DIR",
	 "where sockets and events are kept (/run/berth-engine; BERTH_RUN_ROOT)", false},
	{"debug", 'D', OPT_FLAG, GLOBAL(is_debug), NULL, "write debug lines to standard error",
	 false},
	{"help", 'h', OPT_FLAG, GLOBAL(wants_help), NULL, "show help", false},
	{"version", 'v', OPT_FLAG, GLOBAL(wants_version), NULL, "print the version", false},
	{0},
};

int print_text(const char *text, size_t n, struct err *e)
{
	int r = fd_write_all(STDOUT_FILENO, text, n);

	return r < 0 ? err_sys(e, r, "write to standard output") : 0;
}

int print_json(struct json_writer *w, struct err *e)
{
	int r = print_text(w->buf ? w->buf : "", w->len, e);

	return r < 0 ? r : print_text("\n", 1, e);
}

int print_line(const char *text, struct err *e)
{
	int r = print_text(text, strlen(text), e);

	return r < 0 ? r : print_text("\n", 1, e);
}

void complain(const struct err *e)
{
	dprintf(STDERR_FILENO, "berth: %s\n", e->text);
}

int confirm(const char *what, struct err *e)
{
	char answer[16] = "";

	printf("WARNING! %s\nAre you sure you want to continue? [y/N] ", what);
	fflush(stdout);
	if (!fgets(answer, sizeof(answer), stdin))
		return err_say(e, -EINVAL, "nobody is there to confirm it: add --force");
	return answer[0] == 'y' || answer[0] == 'Y';
}

static int usage_error(const struct command *c, const struct err *e)
{
	dprintf(STDERR_FILENO, "berth: %s (see `berth %s%s--help`)\n", e->text, c ? c->name : "",
		c ? " " : "");
	return EXIT_USAGE;
}

static int fail(const struct command *c, const struct err *e, int code)
{
	complain(e);
	return code ? code : c->failure ? c->failure : 1;
}

static int check_words(const struct command *c, size_t n, struct err *e)
{
	if (n >= c->words_min && n <= c->words_max)
		return 0;
	if (c->words_min == c->words_max)
		return err_say(e, -EINVAL, "\"%s\" requires exactly %zu argument%s", c->name,
			       c->words_min, c->words_min == 1 ? "" : "s");
	if (n < c->words_min)
		return err_say(e, -EINVAL, "\"%s\" requires at least %zu argument%s", c->name,
			       c->words_min, c->words_min == 1 ? "" : "s");
	return err_say(e, -EINVAL, "\"%s\" takes at most %zu argument%s", c->name, c->words_max,
		       c->words_max == 1 ? "" : "s");
}

/* ---- finding the command ------------------------------------------------------------------------- */

static const struct command *find_exactly(const char *name)
{
	for (size_t i = 0; commands[i]; i++)
		if (str_eq(commands[i]->name, name))
			return commands[i];
	return NULL;
}

const struct command *command_find(const struct str_slice *words, size_t *ret_n, struct arena *a)
{
	const struct command *c;

	for (size_t n = words->n < NAME_WORDS_MAX ? words->n : NAME_WORDS_MAX; n > 0; n--) {
		c = find_exactly(n == 1 ? words->v[0]
					: arena_printf(a, "%s %s", words->v[0], words->v[1]));
		*ret_n = n;
		if (c)
			return c;
	}
	/* "container run" is "run". */
	if (words->n < 2 || !str_eq(words->v[0], "container"))
		return NULL;
	c = find_exactly(words->v[1]);
	*ret_n = 2;
	return c && str_eq(c->group, "containers") ? c : NULL;
}

/* ---- running it ---------------------------------------------------------------------------------- */

/* argv from the command's name on goes to another program of ours. */
static int hand_over(const struct invocation *in, int argc, char **argv, struct err *e)
{
	const char **words = arena_array(in->arena, (size_t)argc + 2, sizeof(*words));

	words[0] = in->command->program;
	for (int i = 0; i < argc; i++)
		words[i + 1] = argv[i];
	return engine_exec_program(&in->engine, in->command->program, words, e);
}

static int run_main(const struct command *c, const struct globals *g, struct invocation *in,
		    int *ret_code, struct err *e)
{
	int r = c->needs_no_engine ? 0
				   : engine_open(g->root, g->run_root, in->arena, &in->engine, e);

	if (r == 0 && c->enters)
		r = engine_enter(&in->engine, e);
	if (r == 0)
		r = c->main(in, ret_code, e);
	engine_close(&in->engine);
	return r;
}

/* first: the command's own words, behind its name. */
static int run_command(const struct command *c, const struct globals *g, int argc, char **argv,
		       int first, struct arena *a)
{
	struct invocation in = {.command = c, .arena = a, .argv = argv};
	struct err e = {0};
	int code = 0, r;

	in.engine.data_fd = in.engine.run_fd = -EBADF;
	if (c->program) {
		r = engine_open(g->root, g->run_root, a, &in.engine, &e);
		if (r == 0)
			hand_over(&in, argc - first, argv + first, &e);
		return fail(c, &e, 0);
	}
	in.values = arena_alloc(a, c->values_size + 1);
	r = opt_parse(c->options, argc - first, argv + first, c->stops, a, (void *)in.values,
		      &in.words, &e);
	if (r == OPT_HELP) {
		help_print_command(c);
		return 0;
	}
	if (r < 0 || check_words(c, in.words.n, &e) < 0)
		return usage_error(c, &e);
	/* Order: before anything is opened; it executes us once more. */
	if (c->is_sealed && exe_seal(argv, &e) < 0)
		return fail(c, &e, 0);
	r = run_main(c, g, &in, &code, &e);
	return r < 0 ? fail(c, &e, code) : code;
}

/* Descriptors 0 to 2 must be taken, or the first file that we open becomes somebody's output. */
static void fill_standard_streams(void)
{
	int fd;

	if (fcntl(0, F_GETFD) >= 0 && fcntl(1, F_GETFD) >= 0 && fcntl(2, F_GETFD) >= 0)
		return;
	while ((fd = open("/dev/null", O_RDWR)) >= 0 && fd <= 2)
		continue;
	if (fd > 2)
		close(fd);
}

static int print_version(void)
{
	static const char text[] = "berth version " BERTH_VERSION "\n";

	return fd_write_all(STDOUT_FILENO, text, sizeof(text) - 1) < 0;
}

/* Of a command that another program has, that one knows the options. */
static int help_elsewhere(const struct command *c, const struct str_slice *words,
			  const struct globals *g, struct arena *a)
{
	struct invocation in = {.command = c, .arena = a};
	char **argv = arena_array(a, words->n + 2, sizeof(*argv));
	struct err e = {0};
	int r = engine_open(g->root, g->run_root, a, &in.engine, &e);

	for (size_t i = 0; i < words->n; i++)
		argv[i] = (char *)words->v[i];
	argv[words->n] = (char *)"--help";
	if (r == 0)
		hand_over(&in, (int)words->n + 1, argv, &e);
	return fail(c, &e, 0);
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
		return usage_error(NULL, &e);
	}
	if (c->program)
		return help_elsewhere(c, &rest, g, a);
	help_print_command(c);
	return 0;
}

int main(int argc, char **argv)
{
	auto_arena struct arena a = {0};
	struct globals g = {0};
	struct str_slice words;
	const struct command *c;
	struct err e = {0};
	size_t taken = 0;
	int first;

	fill_standard_streams();
	/* A reader that goes away is an error of write(2), so that we clean up. */
	signal(SIGPIPE, SIG_IGN);
	if (opt_parse(global_options, argc - 1, argv + 1, true, &a, &g, &words, &e) < 0)
		return usage_error(NULL, &e);
	log_setup(&(struct log_options){.fd = STDERR_FILENO, .is_debug = g.is_debug});
	if (g.wants_version)
		return print_version();
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
		return usage_error(NULL, &e);
	}
	first = argc - (int)(words.n - taken);
	if (c->program)
		first = argc - (int)words.n;
	return run_command(c, &g, argc, argv, first, &a);
}

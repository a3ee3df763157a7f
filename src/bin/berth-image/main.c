/* SPDX-License-Identifier: Apache-2.0 */
/* berth-image: what moves images in and out of the store, with the libraries that this takes. */
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
#include "kernel/fd.h"

#define NAME "berth-image"

enum { EXIT_USAGE = 125, NAME_MAX_WORDS = 2 };

struct globals {
	const char *root, *run_root;
	bool is_debug, wants_help, wants_version;
};

#define GLOBAL(member) offsetof(struct globals, member)
static const struct opt global_options[] = {
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

static void print_help(void)
{
	fputs("Usage: " NAME " [OPTIONS] COMMAND [WORDS]\n\n"
	      "The part of berth that moves images in and out of the store; `berth COMMAND` starts "
	      "it.\n\n"
	      "Commands:\n",
	      stdout);
	for (size_t i = 0; commands[i]; i++)
		if (!commands[i]->is_hidden)
			printf("   %-12s %s\n", commands[i]->name, commands[i]->help);
	fputs("\nOptions:\n", stdout);
	opt_print(global_options, stdout);
}

static void print_command_help(const struct command *c)
{
	printf("Usage: berth %s %s%s\n\n%s\n", c->name, c->options[0].name ? "[OPTIONS] " : "",
	       c->usage, c->help);
	if (c->details)
		printf("\n%s\n", c->details);
	if (c->options[0].name) {
		fputs("\nOptions:\n", stdout);
		opt_print(c->options, stdout);
	}
}

static int usage_error(const struct command *c, const struct err *e)
{
	dprintf(STDERR_FILENO, NAME ": %s (see `" NAME " %s%s--help`)\n", e->text, c ? c->name : "",
		c ? " " : "");
	return EXIT_USAGE;
}

static int fail(const struct command *c, const struct err *e)
{
	dprintf(STDERR_FILENO, NAME ": %s\n", e->text);
	return c->failure ? c->failure : 1;
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

/* The command of the first word, or of the first two ("image load"); *ret_n: how many they are. */
static const struct command *find_command(const struct str_slice *words, size_t *ret_n,
					  struct arena *a)
{
	for (size_t n = words->n < NAME_MAX_WORDS ? words->n : NAME_MAX_WORDS; n > 0; n--) {
		const char *name =
			n == 1 ? words->v[0] : arena_printf(a, "%s %s", words->v[0], words->v[1]);

		for (size_t i = 0; commands[i]; i++)
			if (str_eq(commands[i]->name, name)) {
				*ret_n = n;
				return commands[i];
			}
	}
	return NULL;
}

static int start(const struct command *c, const struct globals *g, struct invocation *in,
		 struct err *e)
{
	int r = c->needs_no_engine ? 0
				   : engine_open(g->root, g->run_root, in->arena, &in->engine, e);

	if (r == 0 && c->enters)
		r = engine_enter(&in->engine, e);
	return r;
}

static int run_command(const struct command *c, const struct globals *g, int argc, char **argv,
		       char **whole, struct arena *a)
{
	struct invocation in = {.command = c, .arena = a, .argv = whole};
	struct err e = {0};
	int code = 0, r;

	in.engine.data_fd = in.engine.run_fd = -EBADF;
	in.values = arena_alloc(a, c->values_size + 1);
	r = opt_parse(c->options, argc, argv, c->stops, a, (void *)in.values, &in.words, &e);
	if (r == OPT_HELP) {
		print_command_help(c);
		return 0;
	}
	if (r < 0 || check_words(c, in.words.n, &e) < 0)
		return usage_error(c, &e);
	r = start(c, g, &in, &e);
	if (r == 0)
		r = c->main(&in, &code, &e);
	engine_close(&in.engine);
	return r < 0 ? fail(c, &e) : code;
}

/* Descriptors 0 to 2 must be taken, or the first file that we open becomes somebody's output. */
static void fill_standard_streams(void)
{
	int fd;

	while ((fd = open("/dev/null", O_RDWR | O_CLOEXEC)) >= 0 && fd <= 2)
		continue;
	if (fd > 2)
		close(fd);
}

static int print_version(void)
{
	static const char text[] = NAME " version " BERTH_VERSION "\n";

	return fd_write_all(STDOUT_FILENO, text, sizeof(text) - 1) < 0;
}

int main(int argc, char **argv)
{
	auto_arena struct arena a = {0};
	struct globals g = {0};
	struct str_slice words;
	const struct command *c;
	struct err e = {0};
	size_t taken = 0;

	fill_standard_streams();
	/* A reader that goes away is an error of write(2), so that we clean up. */
	signal(SIGPIPE, SIG_IGN);
	if (opt_parse(global_options, argc - 1, argv + 1, true, &a, &g, &words, &e) < 0)
		return usage_error(NULL, &e);
	log_setup(&(struct log_options){.fd = STDERR_FILENO, .is_debug = g.is_debug});
	if (g.wants_version)
		return print_version();
	if (!words.n || g.wants_help || str_eq(words.v[0], "help")) {
		print_help();
		return 0;
	}
	c = find_command(&words, &taken, &a);
	if (!c) {
		err_say(&e, -EINVAL, "unknown command \"%s\"", words.v[0]);
		return usage_error(NULL, &e);
	}
	return run_command(c, &g, (int)(words.n - taken), argv + argc - words.n + taken, argv, &a);
}

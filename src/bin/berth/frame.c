/* SPDX-License-Identifier: Apache-2.0 */
/* What every program with commands does with its words. */
#include "bin/berth/frame.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/str.h"
#include "kernel/fd.h"
#include "runtime/exe.h"
#include "view/view.h"

enum { NAME_WORDS_MAX = 2 };

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

int print_template(const char *format, struct json_writer *w, struct arena *a, struct err *e)
{
	auto_view_text struct view_text text = {0};
	struct view_value list = {0};
	int r = view_parse(w->buf, w->len, a, &list, e);

	for (size_t i = 0; r == 0 && i < list.n; i++) {
		r = view_template(format, &list.items[i], &text, e);
		view_append(&text, "\n", 1);
	}
	return r < 0 ? r : print_text(text.buf ? text.buf : "", text.len, e);
}

int print_line(const char *text, struct err *e)
{
	int r = print_text(text, strlen(text), e);

	return r < 0 ? r : print_text("\n", 1, e);
}

void complain(const struct err *e)
{
	dprintf(STDERR_FILENO, "%s: %s\n", program_name, e->text);
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

int frame_usage_error(const struct command *c, const struct err *e)
{
	dprintf(STDERR_FILENO, "%s: %s (see `%s %s%s--help`)\n", program_name, e->text,
		program_name, c ? c->name : "", c ? " " : "");
	return EXIT_USAGE;
}

int frame_fail(const struct command *c, const struct err *e, int code)
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

static const struct command *find_exactly(const char *name)
{
	for (size_t i = 0; commands[i]; i++)
		if (str_eq(commands[i]->name, name))
			return commands[i];
	return NULL;
}

const struct command *frame_find(const struct str_slice *words, size_t *ret_n, struct arena *a)
{
	const struct command *c = NULL;
	size_t n = words->n < NAME_WORDS_MAX ? words->n : NAME_WORDS_MAX;

	for (; n > 0 && !c; n--) {
		c = find_exactly(n == 1 ? words->v[0]
					: arena_printf(a, "%s %s", words->v[0], words->v[1]));
		*ret_n = n;
	}
	return c;
}

void frame_print_help(const struct command *c)
{
	bool has_options = c->options && c->options[0].name;

	printf("Usage: berth %s%s%s%s\n\n%s\n", c->name, has_options ? " [OPTIONS]" : "",
	       c->usage[0] ? " " : "", c->usage, c->help);
	if (c->details)
		printf("\n%s\n", c->details);
	if (has_options) {
		fputs("\nOptions:\n", stdout);
		opt_print(c->options, stdout);
	}
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

int frame_run(const struct command *c, const struct globals *g, int argc, char **argv, int first,
	      struct arena *a)
{
	struct invocation in = {.command = c, .arena = a, .argv = argv};
	struct err e = {0};
	int code = 0, r;

	in.engine.data_fd = in.engine.run_fd = -EBADF;
	in.values = arena_alloc(a, c->values_size + 1);
	r = opt_parse(c->options, argc - first, argv + first, c->stops, a, (void *)in.values,
		      &in.words, &e);
	if (r == OPT_HELP) {
		frame_print_help(c);
		return 0;
	}
	if (r < 0 || check_words(c, in.words.n, &e) < 0)
		return frame_usage_error(c, &e);
	/* Order: before anything is opened; it executes us once more. */
	if (c->is_sealed && exe_seal(argv, &e) < 0)
		return frame_fail(c, &e, 0);
	r = run_main(c, g, &in, &code, &e);
	return r < 0 ? frame_fail(c, &e, code) : code;
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

int frame_print_version(void)
{
	char text[64];
	int n = snprintf(text, sizeof(text), "%s version " BERTH_VERSION "\n", program_name);

	return fd_write_all(STDOUT_FILENO, text, (size_t)n) < 0;
}

int frame_open(int argc, char **argv, struct arena *a, struct globals *ret,
	       struct str_slice *ret_words)
{
	struct err e = {0};

	fill_standard_streams();
	/* A reader that goes away is an error of write(2), so that we clean up. */
	signal(SIGPIPE, SIG_IGN);
	if (opt_parse(global_options, argc - 1, argv + 1, true, a, ret, ret_words, &e) < 0)
		return frame_usage_error(NULL, &e);
	log_setup(&(struct log_options){
		.fd = STDERR_FILENO, .name = program_name, .is_debug = ret->is_debug});
	return 0;
}

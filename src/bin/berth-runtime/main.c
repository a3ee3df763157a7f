/* SPDX-License-Identifier: Apache-2.0 */
/* berth-runtime: the OCI runtime, with runc's command line. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "bin/berth-runtime/command.h"
#include "kernel/fd.h"
#include "runtime/exe.h"

#define NAME "berth-runtime"

static const struct command *const commands[] = {
	&cmd_checkpoint, &cmd_create, &cmd_delete, &cmd_events, &cmd_exec,  &cmd_features,
	&cmd_kill,       &cmd_list,   &cmd_pause,  &cmd_plan,   &cmd_ps,    &cmd_restore,
	&cmd_resume,     &cmd_run,    &cmd_spec,   &cmd_start,  &cmd_state, &cmd_update,
};

struct globals {
	bool is_debug, has_systemd_cgroup, wants_help, wants_version;
	const char *log, *log_format, *root, *rootless, *criu;
};

#define GLOBAL(member) offsetof(struct globals, member)
static const struct opt global_options[] = {
	{"debug", 0, OPT_FLAG, GLOBAL(is_debug), NULL, "write debug lines to the log", false},
	{"log", 0, OPT_STRING, GLOBAL(log), "FILE", "append the log to FILE (default: stderr)",
	 false},
	{"log-format", 0, OPT_STRING, GLOBAL(log_format), "FORMAT", "text (default) or json",
	 false},
	{"root", 0, OPT_STRING, GLOBAL(root), "DIR",
	 "where the state is kept (default: /run/berth, rootless $XDG_RUNTIME_DIR/berth)", false},
	{"criu", 0, OPT_STRING, GLOBAL(criu), "PATH",
	 "the criu of checkpoint and restore (default: found by $PATH)", false},
	{"systemd-cgroup", 0, OPT_FLAG, GLOBAL(has_systemd_cgroup), NULL,
	 "have systemd make the cgroups: cgroupsPath is \"slice:prefix:name\"", false},
	{"rootless", 0, OPT_STRING, GLOBAL(rootless), "WHEN", "true, false or auto (default)",
	 false},
	{"help", 'h', OPT_FLAG, GLOBAL(wants_help), NULL, "show help", false},
	{"version", 'v', OPT_FLAG, GLOBAL(wants_version), NULL, "print the version", false},
	{0},
};

static const char version_text[] =
	NAME " version " BERTH_VERSION "\n"
	     "commit: " BERTH_VERSION "\n"
	     "spec: 1.3.0\n"
	     "+SECCOMP +CAP +APPARMOR +SELINUX +EBPF +CGROUP_V1 +CGROUP_V2 "
	     "+ROOTLESS +PLAN\n";

int print_json(struct json_writer *w, struct err *e)
{
	int r = fd_write_all(1, w->buf, w->len);

	if (r == 0)
		r = fd_write_all(1, "\n", 1);
	return r < 0 ? err_sys(e, r, "write to standard output") : 0;
}

static void print_help(FILE *to)
{
	fputs("NAME:\n   " NAME " - run OCI containers\n\nUSAGE:\n   " NAME
	      " [global options] command [command options] [arguments...]\n\nCOMMANDS:\n",
	      to);
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		fprintf(to, "   %-10s %s\n", commands[i]->name, commands[i]->help);
	fprintf(to, "   %-10s %s\n", "help, h", "show the options of a command");
	fputs("\nGLOBAL OPTIONS:\n", to);
	opt_print(global_options, to);
}

static void print_command_help(const struct command *c, FILE *to)
{
	fprintf(to, "NAME:\n   " NAME " %s - %s\n\nUSAGE:\n   " NAME " %s %s\n", c->name, c->help,
		c->name, c->usage);
	if (c->options && c->options[0].name) {
		fputs("\nOPTIONS:\n", to);
		opt_print(c->options, to);
	}
}

/* What went wrong goes to the log and, where that is a file, to stderr as well: callers read the
 * one, people the other. */
static int fail(const struct err *e, const struct globals *g, int code)
{
	log_error("%s", e->text);
	if (g->log)
		dprintf(2, NAME ": %s\n", e->text);
	return code ? code : 1;
}

static int setup_log(const struct globals *g, struct err *e)
{
	struct log_options o = {.fd = 2, .is_debug = g->is_debug};

	if (g->log_format && !str_eq(g->log_format, "json") && !str_eq(g->log_format, "text"))
		return err_say(e, -EINVAL, "invalid log-format: %s (text or json)", g->log_format);
	o.is_json = str_eq(g->log_format, "json");
	if (g->log) {
		o.fd = open(g->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
		if (o.fd < 0)
			return err_sys(e, -errno, "open log file %s", g->log);
	}
	log_setup(&o);
	return 0;
}

/* One line, unlike runc: the cause would scroll away above the whole help. The log gets the bare
 * cause: callers show its last line to their users. */
static int usage_error(const struct command *c, const struct globals *g, const struct err *e)
{
	if (g->log && setup_log(g, NULL) == 0)
		log_error("%s", e->text);
	dprintf(2, NAME ": %s (see " NAME " help%s%s)\n", e->text, c ? " " : "", c ? c->name : "");
	return 1;
}

static int parse_rootless(const char *word, struct err *e)
{
	bool is_true = str_eq(word, "true") || str_eq(word, "1");

	if (!word || str_eq(word, "auto"))
		return -1;
	if (!is_true && !str_eq(word, "false") && !str_eq(word, "0"))
		return err_say(e, -EINVAL, "invalid --rootless %s: true, false or auto", word);
	return is_true;
}

static int check_words(const struct command *c, size_t n, struct err *e)
{
	if (n >= c->words_min && n <= c->words_max)
		return 0;
	if (c->words_min == c->words_max)
		return err_say(e, -EINVAL, "\"%s\" requires exactly %zu argument(s)", c->name,
			       c->words_min);
	if (n < c->words_min)
		return err_say(e, -EINVAL, "\"%s\" requires a minimum of %zu argument(s)", c->name,
			       c->words_min);
	return err_say(e, -EINVAL, "\"%s\" takes at most %zu argument(s)", c->name, c->words_max);
}

static int run_command(const struct command *c, const struct globals *g, int argc, char **argv,
		       char **whole, struct arena *a)
{
	struct invocation in = {
		.command = c, .arena = a, .argv = whole, .is_debug = g->is_debug, .criu = g->criu};
	struct err e = {0};
	int code = 0, rootless, r;

	in.values = arena_alloc(a, c->values_size + 1);
	r = opt_parse(c->options, argc, argv, c->stops, a, (void *)in.values, &in.words, &e);
	if (r == OPT_HELP) {
		print_command_help(c, stdout);
		return 0;
	}
	if (r < 0 || check_words(c, in.words.n, &e) < 0)
		return usage_error(c, g, &e);
	if (setup_log(g, &e) < 0)
		return fail(&e, &(struct globals){0}, c->failure);
	if (!c->needs_no_runtime) {
		rootless = parse_rootless(g->rootless, &e);
		if (rootless < -1 ||
		    runtime_init(&in.rt, g->root, rootless, g->has_systemd_cgroup, a, &e) < 0)
			return fail(&e, g, c->failure);
	}
	log_debug(NAME " " BERTH_VERSION " %s %s: root %s", c->name,
		  in.words.n ? in.words.v[0] : "", in.rt.root ? in.rt.root : "none");
	if (c->main(&in, &code, &e) < 0)
		return fail(&e, g, c->failure);
	log_debug("%s: done, exit code %d", c->name, code);
	return code;
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		if (str_eq(commands[i]->name, name))
			return commands[i];
	return NULL;
}

static int no_such_command(const char *name)
{
	dprintf(2, "No help topic for '%s' (see " NAME " help)\n", name);
	return 3;
}

/* Descriptors 0 to 2 must be taken, or the first file we open becomes somebody's output. */
static void fill_standard_streams(void)
{
	int fd;

	while ((fd = open("/dev/null", O_RDWR)) >= 0 && fd <= 2)
		continue;
	if (fd > 2)
		close(fd);
}

/* help [COMMAND] */
static int help(const struct str_slice *words)
{
	const struct command *c = words->n > 1 ? find_command(words->v[1]) : NULL;

	if (words->n > 1 && !c)
		return no_such_command(words->v[1]);
	if (c)
		print_command_help(c, stdout);
	else
		print_help(stdout);
	return 0;
}

int main(int argc, char **argv)
{
	auto_arena struct arena a = {0};
	struct globals g = {0};
	struct str_slice words;
	const struct command *c;
	struct err e = {0};
	int n;

	if (argc == 2 && (str_eq(argv[1], "--version") || str_eq(argv[1], "-v")))
		return fd_write_all(1, version_text, sizeof(version_text) - 1) < 0;
	if (fcntl(2, F_GETFD) < 0 || fcntl(1, F_GETFD) < 0 || fcntl(0, F_GETFD) < 0)
		fill_standard_streams();
	if (opt_parse(global_options, argc - 1, argv + 1, true, &a, &g, &words, &e) < 0)
		return usage_error(NULL, &g, &e);
	if (g.wants_version)
		return fd_write_all(1, version_text, sizeof(version_text) - 1) < 0;
	if (!words.n || g.wants_help || str_eq(words.v[0], "help") || str_eq(words.v[0], "h")) {
		words.n = g.wants_help ? 0 : words.n;
		return help(&words);
	}
	c = find_command(words.v[0]);
	if (!c)
		return no_such_command(words.v[0]);
	if (c->is_sealed && exe_seal(argv, &e) < 0) {
		setup_log(&g, NULL);
		return fail(&e, &g, c->failure);
	}
	n = (int)words.n;
	return run_command(c, &g, n - 1, argv + argc - n + 1, argv, &a);
}

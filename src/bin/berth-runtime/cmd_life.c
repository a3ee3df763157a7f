/* SPDX-License-Identifier: Apache-2.0 */
/* start, kill, delete, pause, resume, state: the small commands of a container's life. */
#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <strings.h>

#include "base/auto.h"
#include "base/json.h"
#include "base/str.h"
#include "bin/berth-runtime/command.h"

static const struct opt no_options[] = {{0}};

/* ---- kill ------------------------------------------------------------------------------------ */

static const struct {
	const char *name;
	int number;
} signals[] = {
	{"HUP", SIGHUP},     {"INT", SIGINT},   {"QUIT", SIGQUIT},     {"ILL", SIGILL},
	{"TRAP", SIGTRAP},   {"ABRT", SIGABRT}, {"IOT", SIGABRT},      {"BUS", SIGBUS},
	{"FPE", SIGFPE},     {"KILL", SIGKILL}, {"USR1", SIGUSR1},     {"SEGV", SIGSEGV},
	{"USR2", SIGUSR2},   {"PIPE", SIGPIPE}, {"ALRM", SIGALRM},     {"TERM", SIGTERM},
	{"CHLD", SIGCHLD},   {"CLD", SIGCHLD},  {"CONT", SIGCONT},     {"STOP", SIGSTOP},
	{"TSTP", SIGTSTP},   {"TTIN", SIGTTIN}, {"TTOU", SIGTTOU},     {"URG", SIGURG},
	{"XCPU", SIGXCPU},   {"XFSZ", SIGXFSZ}, {"VTALRM", SIGVTALRM}, {"PROF", SIGPROF},
	{"WINCH", SIGWINCH}, {"IO", SIGIO},     {"POLL", SIGIO},       {"PWR", SIGPWR},
	{"SYS", SIGSYS},     {"STKFLT", 16},
};

/* "TERM", "SIGTERM", "15", "RTMIN+3"; 0 is allowed as kill(2) does. */
static int parse_signal(const char *word, struct err *e)
{
	const char *name = strncasecmp(word, "SIG", 3) == 0 ? word + 3 : word;
	uint32_t n;

	if (str_to_u32(word, &n) == 0)
		return n <= 64 ? (int)n : err_say(e, -EINVAL, "unknown signal \"%s\"", word);
	for (size_t i = 0; i < ARRAY_LEN(signals); i++)
		if (strcasecmp(signals[i].name, name) == 0)
			return signals[i].number;
	/* The kernel's real-time signals: 34 and 64 as the C libraries number them. */
	if (strncasecmp(name, "RTMIN", 5) == 0 && !name[5])
		return 34;
	if (strncasecmp(name, "RTMAX", 5) == 0 && !name[5])
		return 64;
	if (strncasecmp(name, "RTMIN+", 6) == 0 && str_to_u32(name + 6, &n) == 0 && n <= 30)
		return 34 + (int)n;
	if (strncasecmp(name, "RTMAX-", 6) == 0 && str_to_u32(name + 6, &n) == 0 && n <= 30)
		return 64 - (int)n;
	return err_say(e, -EINVAL, "unknown signal \"%s\"", word);
}

struct kill_values {
	bool all;
};

static const struct opt kill_options[] = {
	{"all", 'a', OPT_FLAG, offsetof(struct kill_values, all), NULL,
	 "signal every process of the container", false},
	{0},
};

static int kill_main(const struct invocation *in, int *ret_code, struct err *e)
{
	const struct kill_values *v = in->values;
	int signo = parse_signal(in->words.n > 1 ? in->words.v[1] : "SIGTERM", e);

	*ret_code = 0;
	return signo < 0 ? signo : runtime_kill(&in->rt, in->words.v[0], signo, v->all, e);
}

const struct command cmd_kill = {
	.name = "kill",
	.usage = "[options] <container-id> [signal]",
	.help = "send a signal (default: SIGTERM) to a container's first process",
	.options = kill_options,
	.values_size = sizeof(struct kill_values),
	.words_min = 1,
	.words_max = 2,
	.main = kill_main,
};

/* ---- delete ---------------------------------------------------------------------------------- */

struct delete_values {
	bool force;
};

static const struct opt delete_options[] = {
	{"force", 'f', OPT_FLAG, offsetof(struct delete_values, force), NULL,
	 "kill it first if it runs; a missing container is fine", false},
	{0},
};

static int delete_main(const struct invocation *in, int *ret_code, struct err *e)
{
	const struct delete_values *v = in->values;

	*ret_code = 0;
	return runtime_delete(&in->rt, in->words.v[0], v->force, e);
}

const struct command cmd_delete = {
	.name = "delete",
	.usage = "[options] <container-id>",
	.help = "remove everything that a stopped container holds",
	.options = delete_options,
	.values_size = sizeof(struct delete_values),
	.words_min = 1,
	.words_max = 1,
	.main = delete_main,
};

/* ---- start, pause, resume -------------------------------------------------------------------- */

static int start_main(const struct invocation *in, int *ret_code, struct err *e)
{
	*ret_code = 0;
	return runtime_start(&in->rt, in->words.v[0], e);
}

static int pause_main(const struct invocation *in, int *ret_code, struct err *e)
{
	*ret_code = 0;
	return runtime_pause(&in->rt, in->words.v[0], e);
}

static int resume_main(const struct invocation *in, int *ret_code, struct err *e)
{
	*ret_code = 0;
	return runtime_resume(&in->rt, in->words.v[0], e);
}

#define SIMPLE_COMMAND(verb, text)          \
	const struct command cmd_##verb = { \
		.name = #verb,              \
		.usage = "<container-id>",  \
		.help = text,               \
		.options = no_options,      \
		.words_min = 1,             \
		.words_max = 1,             \
		.main = verb##_main,        \
	}

SIMPLE_COMMAND(start, "let the program of a created container run");
SIMPLE_COMMAND(pause, "freeze all processes of a container");
SIMPLE_COMMAND(resume, "let a paused container go on");

/* ---- state ----------------------------------------------------------------------------------- */

static int state_main(const struct invocation *in, int *ret_code, struct err *e)
{
	auto_json_writer struct json_writer w = {.is_pretty = true, .indent = 2};
	struct container c;
	int r = runtime_load(&in->rt, in->words.v[0], in->arena, &c, e);

	if (r < 0)
		return r;
	runtime_container_print(&c, in->arena, &w);
	*ret_code = 0;
	return print_json(&w, e);
}

SIMPLE_COMMAND(state, "print the state of a container as JSON");

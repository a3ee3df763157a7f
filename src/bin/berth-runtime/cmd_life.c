/* SPDX-License-Identifier: Apache-2.0 */
/* start, kill, delete, pause, resume, state: the small commands of a container's life. */
#include <errno.h>
#include <string.h>

#include "base/auto.h"
#include "base/json.h"
#include "base/str.h"
#include "bin/berth-runtime/command.h"
#include "kernel/signal.h"

static const struct opt no_options[] = {{0}};

/* ---- kill ------------------------------------------------------------------------------------ */

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
	const char *word = in->words.n > 1 ? in->words.v[1] : "SIGTERM";
	int signo = signal_number(word);

	*ret_code = 0;
	if (signo < 0)
		return err_say(e, signo, "unknown signal \"%s\"", word);
	return runtime_kill(&in->rt, in->words.v[0], signo, v->all, e);
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

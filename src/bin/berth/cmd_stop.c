/* SPDX-License-Identifier: Apache-2.0 */
/* berth stop, restart, kill, pause and unpause. */
#include <errno.h>
#include <stddef.h>

#include "base/str.h"
#include "bin/berth/each.h"
#include "engine/container/live.h"
#include "kernel/signal.h"

/* ---- stop, restart ------------------------------------------------------------------------------- */

struct stop_options {
	const char *time, *signal;
	bool ignore;
};

#define STOP(member) offsetof(struct stop_options, member)
static const struct opt stop_options[] = {
	{"time", 't', OPT_STRING, STOP(time), "SECONDS",
	 "from the signal to SIGKILL (10, or the container's own; -1: never)", false},
	{"timeout", 0, OPT_STRING, STOP(time), NULL, NULL, true},
	{"signal", 's', OPT_STRING, STOP(signal), "SIGNAL", "in place of the container's own",
	 false},
	{0},
};

static int read_timeout(const struct stop_options *o, int64_t *ret, struct err *e)
{
	*ret = LIVE_OWN_TIMEOUT;
	if (!o->time)
		return 0;
	if (str_to_i64(o->time, ret) < 0 || *ret < -1)
		return err_say(e, -EINVAL, "--time %s: want a number of seconds, or -1", o->time);
	return 0;
}

static int stop_one(const struct invocation *in, const struct container_info *c, struct err *e)
{
	const struct stop_options *o = in->values;
	int64_t timeout;
	int r = read_timeout(o, &timeout, e);

	return r < 0 ? r : container_stop(&in->engine, c, timeout, o->signal, e);
}

static int stop_main(const struct invocation *in, int *ret_code, struct err *e)
{
	return each_container(in, stop_one, ret_code, e);
}

static int restart_one(const struct invocation *in, const struct container_info *c, struct err *e)
{
	int r = stop_one(in, c, e);

	if (r == 0)
		r = container_start(&in->engine, &c->record, -EBADF, -EBADF, 0, NULL, e);
	return r;
}

static int restart_main(const struct invocation *in, int *ret_code, struct err *e)
{
	return each_container(in, restart_one, ret_code, e);
}

const struct command cmd_stop = {
	.name = "stop",
	.usage = "CONTAINER...",
	.help = "End containers: by their stop signal, then by SIGKILL",
	.group = "containers",
	.options = stop_options,
	.values_size = sizeof(struct stop_options),
	.words_min = 1,
	.words_max = WORDS_MANY,
	.main = stop_main,
};

const struct command cmd_restart = {
	.name = "restart",
	.usage = "CONTAINER...",
	.help = "Stop containers and start them again",
	.group = "containers",
	.options = stop_options,
	.values_size = sizeof(struct stop_options),
	.words_min = 1,
	.words_max = WORDS_MANY,
	.enters = true,
	.main = restart_main,
};

/* ---- kill ---------------------------------------------------------------------------------------- */

struct kill_options {
	const char *signal;
};

static const struct opt kill_options[] = {
	{"signal", 's', OPT_STRING, offsetof(struct kill_options, signal), "SIGNAL",
	 "by name or number (KILL)", false},
	{0},
};

static int kill_one(const struct invocation *in, const struct container_info *c, struct err *e)
{
	const struct kill_options *o = in->values;
	const char *word = o->signal ? o->signal : "KILL";
	int signo = signal_number(word);

	if (signo <= 0)
		return err_say(e, -EINVAL, "--signal %s: invalid signal: want a name or number",
			       word);
	return container_kill(&in->engine, c, signo, e);
}

static int kill_main(const struct invocation *in, int *ret_code, struct err *e)
{
	return each_container(in, kill_one, ret_code, e);
}

const struct command cmd_kill = {
	.name = "kill",
	.usage = "CONTAINER...",
	.help = "Send a signal to containers",
	.group = "containers",
	.options = kill_options,
	.values_size = sizeof(struct kill_options),
	.words_min = 1,
	.words_max = WORDS_MANY,
	.main = kill_main,
};

/* ---- pause, unpause ------------------------------------------------------------------------------ */

static const struct opt no_options[] = {{0}};

static int pause_one(const struct invocation *in, const struct container_info *c, struct err *e)
{
	if (c->status.state == CONTAINER_PAUSED)
		return err_say(e, -EBUSY, "container %s is already paused", c->record.name);
	return live_freeze(&in->engine, c, e);
}

static int pause_main(const struct invocation *in, int *ret_code, struct err *e)
{
	return each_container(in, pause_one, ret_code, e);
}

static int unpause_one(const struct invocation *in, const struct container_info *c, struct err *e)
{
	if (c->status.state != CONTAINER_PAUSED)
		return err_say(e, -EINVAL, "container %s is not paused", c->record.name);
	return live_thaw(&in->engine, c, e);
}

static int unpause_main(const struct invocation *in, int *ret_code, struct err *e)
{
	return each_container(in, unpause_one, ret_code, e);
}

const struct command cmd_pause = {
	.name = "pause",
	.usage = "CONTAINER...",
	.help = "Freeze all processes of containers",
	.group = "containers",
	.options = no_options,
	.words_min = 1,
	.words_max = WORDS_MANY,
	.main = pause_main,
};

const struct command cmd_unpause = {
	.name = "unpause",
	.usage = "CONTAINER...",
	.help = "Let frozen containers go on",
	.group = "containers",
	.options = no_options,
	.words_min = 1,
	.words_max = WORDS_MANY,
	.main = unpause_main,
};

/* SPDX-License-Identifier: Apache-2.0 */
/* berth exec: one more program in a running container. */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/str.h"
#include "bin/berth/command.h"
#include "engine/container/container.h"
#include "engine/container/spec_parts.h"
#include "engine/container/user.h"
#include "engine/event.h"
#include "kernel/fd.h"
#include "security/security.h"

enum { FAILURE = 125 };

struct options {
	bool detach, interactive, tty, privileged;
	const char *user, *workdir, *detach_keys;
	struct str_slice env, env_file;
};

#define VALUE(member) offsetof(struct options, member)
static const struct opt options[] = {
	{"detach", 'd', OPT_FLAG, VALUE(detach), NULL, "return once it runs", false},
	{"interactive", 'i', OPT_FLAG, VALUE(interactive), NULL, "keep standard input open", false},
	{"tty", 't', OPT_FLAG, VALUE(tty), NULL, "give it a terminal", false},
	{"user", 'u', OPT_STRING, VALUE(user), "USER[:GROUP]", "who runs it, by name or number",
	 false},
	{"workdir", 'w', OPT_STRING, VALUE(workdir), "PATH", "where it starts", false},
	{"env", 'e', OPT_LIST, VALUE(env), "NAME[=VALUE]", "set a variable", false},
	{"env-file", 0, OPT_LIST, VALUE(env_file), "FILE", "variables, one a line", false},
	{"privileged", 0, OPT_FLAG, VALUE(privileged), NULL, "with all capabilities", false},
	{"detach-keys", 0, OPT_STRING, VALUE(detach_keys), "KEYS", "accepted", true},
	{0},
};

static void set_variable(struct str_slice *env, const char *word, struct arena *a)
{
	size_t n = strcspn(word, "=");
	const char *value;

	if (!word[n]) {
		value = getenv(word);
		if (!value)
			return;
		word = arena_printf(a, "%s=%s", word, value);
	}
	for (size_t i = 0; i < env->n; i++)
		if (strncmp(env->v[i], word, n + 1) == 0) {
			env->v[i] = word;
			return;
		}
	strings_add(env, word, a);
}

/* The container's variables are a decoded list: ours grows by itself. */
static int plan_env(const struct invocation *in, struct oci_process *p, struct err *e)
{
	const struct options *o = in->values;
	struct str_slice env = {0};

	for (size_t i = 0; i < p->env.n; i++)
		strings_add(&env, p->env.v[i], in->arena);
	for (size_t i = 0; i < o->env_file.n; i++) {
		char *text, *line;
		int r = read_text("--env-file", o->env_file.v[i], in->arena, &text, NULL, e);

		if (r < 0)
			return r;
		while ((line = next_line(&text)))
			if (*line && *line != '#')
				set_variable(&env, line, in->arena);
	}
	for (size_t i = 0; i < o->env.n; i++) {
		if (!o->env.v[i][0] || o->env.v[i][0] == '=')
			return err_say(e, -EINVAL, "--env %s: want NAME=VALUE or NAME",
				       o->env.v[i]);
		set_variable(&env, o->env.v[i], in->arena);
	}
	p->env = env;
	return 0;
}

static int plan_user(const struct invocation *in, const struct container_info *c,
		     struct oci_process *p, struct err *e)
{
	const struct options *o = in->values;
	auto_close int root = -EBADF;
	struct oci_capabilities *caps = &p->capabilities;
	int r;

	if (!o->user)
		return 0;
	/* The root as its first process sees it; only names and groups are read below it. */
	root = open(arena_printf(in->arena, "/proc/%lld/root", (long long)c->status.pid),
		    O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return err_sys(e, -errno, "open the root of container %s", c->record.name);
	r = user_find(root, o->user, NULL, "--user", in->arena, &p->user, e);
	if (r < 0)
		return r;
	/* HOME is the runtime's business, by the user. */
	if (p->user.uid != 0) {
		caps->effective = caps->permitted = (struct str_slice){0};
		caps->ambient = caps->inheritable = (struct str_slice){0};
	} else {
		caps->effective = caps->permitted = caps->bounding;
	}
	return 0;
}

static void plan_privileged(struct oci_process *p, struct arena *a)
{
	struct str_slice all = {0};
	const char *name;

	for (unsigned i = 0; (name = caps_name(i)); i++)
		strings_add(&all, name, a);
	p->capabilities.is_set = true;
	p->capabilities.bounding = p->capabilities.effective = p->capabilities.permitted = all;
	p->no_new_privileges = false;
}

static int plan(const struct invocation *in, const struct engine *g, const struct container_info *c,
		struct exec_request *q, struct err *e)
{
	const struct options *o = in->values;
	struct oci_process *p = &q->process;
	struct winsize size;
	int r = runtime_exec_defaults(&g->runtime, c->record.id, in->arena, p, e);

	if (r < 0 || (r = plan_env(in, p, e)) < 0 || (r = plan_user(in, c, p, e)) < 0)
		return r;
	p->is_set = true;
	p->args = (struct str_slice){in->words.v + 1, in->words.n - 1};
	p->terminal = o->tty && !o->detach;
	if (o->workdir)
		p->cwd = o->workdir;
	if (o->workdir && o->workdir[0] != '/')
		return err_say(e, -EINVAL, "--workdir %s: want an absolute path", o->workdir);
	if (o->privileged)
		plan_privileged(p, in->arena);
	if (p->terminal && ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0) {
		p->console_size.height = size.ws_row;
		p->console_size.width = size.ws_col;
	}
	return 0;
}

/* What it does not get is an empty file. */
static int redirect(const struct options *o, struct err *e)
{
	auto_close int null = -EBADF;

	if (o->interactive && !o->detach)
		return 0;
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 ||
	    (o->detach && (dup2(null, STDOUT_FILENO) < 0 || dup2(null, STDERR_FILENO) < 0)))
		return err_sys(e, -errno, "open /dev/null");
	return 0;
}

static int check(const struct options *o, const struct container_info *c, struct err *e)
{
	if (c->status.state == CONTAINER_PAUSED)
		return err_say(e, -EBUSY,
			       "container %s is paused, unpause the container before exec",
			       c->record.name);
	if (c->status.state != CONTAINER_RUNNING)
		return err_say(e, -ESRCH, "container %s is not running", c->record.name);
	if (o->tty && o->interactive && !o->detach && !isatty(STDIN_FILENO))
		return err_say(e, -ENOTTY, "the input device is not a TTY: leave out --tty");
	return 0;
}

static int exec_main(const struct invocation *in, int *ret_code, struct err *e)
{
	const struct options *o = in->values;
	struct engine inside = in->engine;
	struct container_info c = {0};
	struct exec_request q = {.is_detached = o->detach};
	auto_close int err_fd = -EBADF;
	int r = container_find(&in->engine, in->words.v[0], in->arena, &c, e);

	if (r < 0) {
		*ret_code = 1;
		return r;
	}
	*ret_code = 1;
	if ((r = check(o, &c, e)) < 0 ||
	    (r = engine_enter_monitor(&inside, (pid_t)c.status.monitor_pid, e)) < 0)
		return r;
	q.id = c.record.id;
	r = plan(in, &inside, &c, &q, e);
	if (r < 0)
		return r;
	event_emit(&in->engine, "container", "exec_start", c.record.id, c.record.name, NULL);
	/* For our own last words, where it gets none of our streams. */
	err_fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	r = redirect(o, e);
	*ret_code = 0;
	if (r == 0)
		r = runtime_exec(&inside.runtime, &q, ret_code, e);
	if (r < 0) {
		dup2(err_fd, STDERR_FILENO);
		*ret_code = container_failure_code(e);
	}
	return r;
}

const struct command cmd_exec = {
	.name = "exec",
	.usage = "CONTAINER COMMAND [ARGUMENT...]",
	.help = "Run one more program in a running container",
	.group = "containers",
	.options = options,
	.values_size = sizeof(struct options),
	.words_min = 2,
	.words_max = WORDS_MANY,
	.stops = true,
	.is_sealed = true,
	.failure = FAILURE,
	.main = exec_main,
};

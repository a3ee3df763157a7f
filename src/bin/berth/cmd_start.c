/* SPDX-License-Identifier: Apache-2.0 */
/* berth start: containers that were made or have ended, once more. */
#include <errno.h>
#include <stddef.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/str.h"
#include "bin/berth/command.h"
#include "engine/container/attach.h"
#include "engine/container/container.h"

struct options {
	bool attach, interactive;
	const char *detach_keys, *sig_proxy;
};

static const struct opt options[] = {
	{"attach", 'a', OPT_FLAG, offsetof(struct options, attach), NULL,
	 "show its output and pass signals on", false},
	{"interactive", 'i', OPT_FLAG, offsetof(struct options, interactive), NULL,
	 "pass our input on, too", false},
	{"detach-keys", 0, OPT_STRING, offsetof(struct options, detach_keys), "KEYS",
	 "what leaves it running (ctrl-p,ctrl-q)", false},
	{"sig-proxy", 0, OPT_STRING, offsetof(struct options, sig_proxy), "BOOL",
	 "pass our signals on (true)", false},
	{0},
};

static bool is_live(const struct container_info *c)
{
	return c->status.state == CONTAINER_RUNNING || c->status.state == CONTAINER_PAUSED;
}

static int start_attached(const struct invocation *in, const struct container_info *c,
			  int *ret_code, struct err *e)
{
	const struct options *o = in->values;
	struct attach_options a = {
		.wants = ATTACH_WANT_STDOUT | ATTACH_WANT_STDERR |
			 (o->interactive && c->record.opens_stdin ? ATTACH_WANT_STDIN : 0),
		.has_tty = c->record.has_tty,
		.sig_proxy = !str_eq(o->sig_proxy, "false"),
		.detach_keys = o->detach_keys ? o->detach_keys : c->record.detach_keys,
		.id = c->record.id,
	};
	auto_close int socket = -EBADF;
	int r = container_start(&in->engine, &c->record, -EBADF, -EBADF, a.wants, &socket, e);

	if (r < 0) {
		*ret_code = container_failure_code(e);
		return r;
	}
	r = attach_pump(&in->engine, socket, &a, e);
	if (r == -EINTR) {
		e->code = 0;
		return 0;
	}
	*ret_code = r < 0 ? 1 : r;
	return r < 0 ? r : 0;
}

static int start_one(const struct invocation *in, const char *name, int *ret_code, struct err *e)
{
	const struct options *o = in->values;
	struct container_info c = {0};
	int r = container_find(&in->engine, name, in->arena, &c, e);

	if (r < 0)
		return r;
	if (c.status.state == CONTAINER_PAUSED)
		return err_say(e, -EBUSY,
			       "cannot start a paused container, try unpause instead: %s", name);
	if (!is_live(&c) && (o->attach || o->interactive))
		return start_attached(in, &c, ret_code, e);
	r = is_live(&c) ? 0 : container_start(&in->engine, &c.record, -EBADF, -EBADF, 0, NULL, e);
	return r < 0 ? r : print_line(name, e);
}

static int start_main(const struct invocation *in, int *ret_code, struct err *e)
{
	const struct options *o = in->values;

	if ((o->attach || o->interactive) && in->words.n > 1)
		return err_say(e, -EINVAL,
			       "you cannot start and attach multiple containers at once");
	if (in->words.n == 1)
		return start_one(in, in->words.v[0], ret_code, e);
	for (size_t i = 0; i < in->words.n; i++) {
		struct err why = {0};

		if (start_one(in, in->words.v[i], ret_code, &why) < 0) {
			complain(&why);
			*ret_code = 1;
		}
	}
	return 0;
}

const struct command cmd_start = {
	.name = "start",
	.usage = "CONTAINER...",
	.help = "Start containers that do not run",
	.group = "containers",
	.options = options,
	.values_size = sizeof(struct options),
	.words_min = 1,
	.words_max = WORDS_MANY,
	.enters = true,
	.main = start_main,
};

/* SPDX-License-Identifier: Apache-2.0 */
/* berth attach: our terminal or streams on those of a running container. */
#include <errno.h>
#include <stddef.h>

#include "base/auto.h"
#include "base/str.h"
#include "bin/berth/command.h"
#include "engine/container/attach.h"
#include "engine/container/container.h"
#include "engine/event.h"

struct options {
	bool no_stdin;
	const char *sig_proxy, *detach_keys;
};

static const struct opt options[] = {
	{"no-stdin", 0, OPT_FLAG, offsetof(struct options, no_stdin), NULL,
	 "only watch: our input stays ours", false},
	{"sig-proxy", 0, OPT_STRING, offsetof(struct options, sig_proxy), "BOOL",
	 "pass our signals on (true; a terminal passes Ctrl-C on by itself)", false},
	{"detach-keys", 0, OPT_STRING, offsetof(struct options, detach_keys), "KEYS",
	 "keys that leave the container running (ctrl-p,ctrl-q)", false},
	{0},
};

static int attach_main(const struct invocation *in, int *ret_code, struct err *e)
{
	const struct options *o = in->values;
	struct attach_options a = {.sig_proxy = !str_eq(o->sig_proxy, "false")};
	struct container_info c;
	auto_close int socket = -EBADF;
	int r = container_find(&in->engine, in->words.v[0], in->arena, &c, e);

	if (r < 0)
		return r;
	if (c.status.state != CONTAINER_RUNNING && c.status.state != CONTAINER_RESTARTING)
		return err_say(e, -ESRCH, "container %s is %s: cannot attach to it", c.record.name,
			       container_state_names[c.status.state]);
	a.id = c.record.id;
	a.wants = ATTACH_WANT_STDOUT | ATTACH_WANT_STDERR;
	if (!o->no_stdin && c.record.opens_stdin)
		a.wants |= ATTACH_WANT_STDIN;
	a.detach_keys = o->detach_keys         ? o->detach_keys
			: c.record.detach_keys ? c.record.detach_keys
					       : "ctrl-p,ctrl-q";
	socket = attach_connect(&in->engine, a.id, a.wants, &a.has_tty, e);
	if (socket < 0)
		return socket;
	event_emit(&in->engine, "container", "attach", a.id, c.record.name, NULL);
	r = attach_pump(&in->engine, socket, &a, e);
	if (r == -EINTR && e) {
		e->code = 0; /* detached, as asked for */
		return 0;
	}
	if (r >= 0)
		*ret_code = r;
	return r < 0 ? r : 0;
}

const struct command cmd_attach = {
	.name = "attach",
	.usage = "CONTAINER",
	.help = "Join the input and output of a running container",
	.group = "containers",
	.options = options,
	.values_size = sizeof(struct options),
	.words_min = 1,
	.words_max = 1,
	.main = attach_main,
};

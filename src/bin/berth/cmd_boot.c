/* SPDX-License-Identifier: Apache-2.0 */
/* berth system boot: after a boot, the containers that are always to run. */
#include <errno.h>
#include <stddef.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/str.h"
#include "bin/berth/command.h"
#include "engine/container/container.h"

enum { AT_ONCE = 8 };

/* Whom nobody has ended, and who ran before. */
static bool is_wanted(const struct container_info *c)
{
	bool is_always = str_eq(c->record.restart, "always");

	return !c->is_broken && c->status.started_ns &&
	       (c->status.state == CONTAINER_EXITED || c->status.state == CONTAINER_RESTARTING) &&
	       (is_always ||
		(str_eq(c->record.restart, "unless-stopped") && !c->status.was_stopped));
}

static int start_in_child(const struct invocation *in, const struct container_info *c)
{
	struct err why = {0};
	pid_t child = fork();

	if (child != 0)
		return child;
	if (container_start(&in->engine, &c->record, -EBADF, -EBADF, 0, NULL, &why) < 0) {
		complain(&why);
		_exit(1);
	}
	_exit(print_line(c->record.name, NULL) < 0);
}

static void reap(int *running, int *ret_code)
{
	int status;

	if (wait(&status) > 0) {
		--*running;
		if (status)
			*ret_code = 1;
	}
}

static int boot_main(const struct invocation *in, int *ret_code, struct err *e)
{
	struct container_info *list;
	int running = 0, r;
	size_t n;

	r = container_list(&in->engine, false, in->arena, &list, &n, e);
	/* The list is newest first; who was made first comes first. */
	for (size_t i = n; r >= 0 && i-- > 0;) {
		if (!is_wanted(&list[i]))
			continue;
		if (running == AT_ONCE)
			reap(&running, ret_code);
		if (start_in_child(in, &list[i]) > 0)
			running++;
		else
			*ret_code = 1;
	}
	while (running > 0)
		reap(&running, ret_code);
	return r < 0 ? r : 0;
}

static const struct opt no_options[] = {{0}};

const struct command cmd_system_boot = {
	.name = "system boot",
	.usage = "",
	.help = "Start what --restart always and unless-stopped promise after a boot",
	.group = "system",
	.options = no_options,
	.enters = true,
	.main = boot_main,
};

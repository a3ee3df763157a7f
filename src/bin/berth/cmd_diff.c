/* SPDX-License-Identifier: Apache-2.0 */
/* berth diff: what a container has changed of its image's files. */
#include "bin/berth/command.h"
#include "engine/container/diff.h"

static int diff_main(const struct invocation *in, int *ret_code, struct err *e)
{
	struct container_info c = {0};
	struct file_changes changes = {0};
	int r = container_find(&in->engine, in->words.v[0], in->arena, &c, e);

	(void)ret_code;
	if (r == 0)
		r = container_diff(&in->engine, &c, in->arena, &changes, e);
	for (size_t i = 0; r == 0 && i < changes.n; i++)
		r = print_line(
			arena_printf(in->arena, "%c %s", changes.v[i].kind, changes.v[i].path), e);
	return r;
}

static const struct opt no_options[] = {{0}};

const struct command cmd_diff = {
	.name = "diff",
	.usage = "CONTAINER",
	.help = "Show which files a container has added, changed and deleted",
	.group = "containers",
	.options = no_options,
	.words_min = 1,
	.words_max = 1,
	.enters = true,
	.main = diff_main,
};

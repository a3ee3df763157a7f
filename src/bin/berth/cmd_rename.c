/* SPDX-License-Identifier: Apache-2.0 */
/* berth rename. */
#include <stddef.h>

#include "bin/berth/command.h"
#include "engine/container/container.h"

static const struct opt no_options[] = {{0}};

static int rename_main(const struct invocation *in, int *ret_code, struct err *e)
{
	struct container_info c = {0};
	int r = container_find(&in->engine, in->words.v[0], in->arena, &c, e);

	(void)ret_code;
	return r < 0 ? r : container_rename(&in->engine, &c, in->words.v[1], e);
}

const struct command cmd_rename = {
	.name = "rename",
	.usage = "CONTAINER NAME",
	.help = "Give a container another name",
	.group = "containers",
	.options = no_options,
	.words_min = 2,
	.words_max = 2,
	.enters = true,
	.main = rename_main,
};

/* SPDX-License-Identifier: Apache-2.0 */
/* berth export: a container's whole root as a tar file. */
#include <stddef.h>

#include "bin/berth-image/commands.h"
#include "image/commit.h"

struct options {
	const char *output;
};

static const struct opt options[] = {
	{"output", 'o', OPT_STRING, offsetof(struct options, output), "FILE",
	 "where to (standard output, where that is no terminal)", false},
	{0},
};

static int export_main(const struct invocation *in, int *ret_code, struct err *e)
{
	const struct options *o = in->values;
	struct container_info c;
	int r = container_find(&in->engine, in->words.v[0], in->arena, &c, e);

	(void)ret_code;
	return r < 0 ? r : export_container(&in->engine, &c, o->output, e);
}

#define EXPORT(words, hidden)                                                                     \
	{                                                                                         \
		.name = (words), .usage = "CONTAINER",                                            \
		.help = "Write a container's files as a tar file", .group = "containers",         \
		.details = "What volumes and other mounts hold is left out. A running container " \
			   "goes on: what it changes\nmeanwhile may be there or not.",            \
		.options = options, .values_size = sizeof(struct options), .words_min = 1,        \
		.words_max = 1, .is_hidden = (hidden), .enters = true, .main = export_main,       \
	}

const struct command cmd_export = EXPORT("export", false);
const struct command cmd_container_export = EXPORT("container export", true);

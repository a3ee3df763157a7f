/* SPDX-License-Identifier: Apache-2.0 */
/* berth man DIR: writes the manual pages; for the build. */
#include "bin/berth/frame.h"
#include "bin/berth/manual.h"

static const struct opt options[] = {{0}};

static int man_main(const struct invocation *in, int *ret_code, struct err *e)
{
	int r = manual_write_overview(in->words.v[0], global_options, e);

	(void)ret_code;
	return r < 0 ? r : manual_write_commands(in->words.v[0], e);
}

const struct command cmd_man = {
	.name = "man",
	.usage = "DIR",
	.help = "Write the manual pages",
	.group = "system",
	.options = options,
	.words_min = 1,
	.words_max = 1,
	.is_hidden = true,
	.needs_no_engine = true,
	.main = man_main,
};

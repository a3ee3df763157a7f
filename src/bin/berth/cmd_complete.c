/* SPDX-License-Identifier: Apache-2.0 */
/* berth __complete -- WORDS: what may stand at their end; the shells' scripts call it. */
#include "bin/berth/complete.h"
#include "bin/berth/frame.h"

static const struct opt options[] = {{0}};

static int complete_main(const struct invocation *in, int *ret_code, struct err *e)
{
	(void)ret_code;
	return complete_print(in, global_options, e);
}

const struct command cmd_complete = {
	.name = "__complete",
	.usage = "-- [WORD...]",
	.help = "Print what may stand at the end of a command line",
	.group = "system",
	.options = options,
	.words_max = WORDS_MANY,
	.is_hidden = true,
	.needs_no_engine = true,
	.main = complete_main,
};

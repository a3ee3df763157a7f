/* SPDX-License-Identifier: Apache-2.0 */
/* berth wait: until containers end. */
#include <stdio.h>
#include <string.h>

#include "bin/berth/command.h"
#include "engine/container/container.h"

static int wait_main(const struct invocation *in, int *ret_code, struct err *e)
{
	(void)ret_code;
	for (size_t i = 0; i < in->words.n; i++) {
		struct container_info c;
		char line[16];
		int code = 0, r;

		r = container_find(&in->engine, in->words.v[i], in->arena, &c, e);
		if (r == 0)
			r = container_wait(&in->engine, &c, &code, e);
		if (r < 0)
			return r;
		snprintf(line, sizeof(line), "%d\n", code);
		r = print_text(line, strlen(line), e);
		if (r < 0)
			return r;
	}
	return 0;
}

static const struct opt options[] = {{0}};

const struct command cmd_wait = {
	.name = "wait",
	.usage = "CONTAINER...",
	.help = "Wait until containers end, and print their exit codes",
	.group = "containers",
	.options = options,
	.words_min = 1,
	.words_max = WORDS_MANY,
	.main = wait_main,
};

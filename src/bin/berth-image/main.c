/* SPDX-License-Identifier: Apache-2.0 */
/* berth-image: what moves images in and out of the store, with the libraries that this takes. */
#include <errno.h>
#include <stdio.h>

#include "base/auto.h"
#include "base/str.h"
#include "bin/berth/frame.h"

const char program_name[] = "berth-image";

static void print_help(void)
{
	fputs("Usage: berth-image [OPTIONS] COMMAND [WORDS]\n\n"
	      "The part of berth that moves images in and out of the store; `berth COMMAND` starts "
	      "it.\n\n"
	      "Commands:\n",
	      stdout);
	for (size_t i = 0; commands[i]; i++)
		if (!commands[i]->is_hidden)
			printf("   %-12s %s\n", commands[i]->name, commands[i]->help);
	fputs("\nOptions:\n", stdout);
	opt_print(global_options, stdout);
}

int main(int argc, char **argv)
{
	auto_arena struct arena a = {0};
	struct globals g = {0};
	struct str_slice words = {0};
	const struct command *c;
	struct err e = {0};
	size_t taken = 0;
	int r = frame_open(argc, argv, &a, &g, &words);

	if (r)
		return r;
	if (g.wants_version)
		return frame_print_version();
	if (!words.n || g.wants_help || str_eq(words.v[0], "help")) {
		print_help();
		return 0;
	}
	c = frame_find(&words, &taken, &a);
	if (!c) {
		err_say(&e, -EINVAL, "unknown command \"%s\"", words.v[0]);
		return frame_usage_error(NULL, &e);
	}
	return frame_run(c, &g, argc, argv, argc - (int)(words.n - taken), &a);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What every program with commands does with its words: global options, one command's options, its end. */
#ifndef BERTH_BIN_BERTH_FRAME_H
#define BERTH_BIN_BERTH_FRAME_H

#include "bin/berth/command.h"

enum { EXIT_USAGE = 125 };

struct globals {
	const char *root, *run_root;
	bool is_debug, wants_help, wants_version;
};
extern const struct opt global_options[];

/* "berth", "berth-image": each main.c says its own; errors begin with it. */
extern const char program_name[];

/* Before anything else of a program. Takes the global options off; what is left goes to *ret_words. Returns 0, or
 * the exit code of a complaint that is already made. */
int frame_open(int argc, char **argv, struct arena *a, struct globals *ret,
	       struct str_slice *ret_words);

/* The command that words[0..*ret_n) name exactly ("run"; "image ls"), or NULL. */
const struct command *frame_find(const struct str_slice *words, size_t *ret_n, struct arena *a);

/* Runs a command with argv[first..argc). Returns the program's exit code. */
int frame_run(const struct command *c, const struct globals *g, int argc, char **argv, int first,
	      struct arena *a);

int frame_print_version(void);
void frame_print_help(const struct command *c);

/* Each complains and returns the exit code. code 0: the command's own. */
int frame_usage_error(const struct command *c, const struct err *e);
int frame_fail(const struct command *c, const struct err *e, int code);

#endif

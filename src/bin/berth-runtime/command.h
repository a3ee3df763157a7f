/* SPDX-License-Identifier: Apache-2.0 */
/* What a command of berth-runtime is: its name, options and the function behind it. */
#ifndef BERTH_BIN_COMMAND_H
#define BERTH_BIN_COMMAND_H

#include "base/arena.h"
#include "base/err.h"
#include "base/opt.h"
#include "runtime/runtime.h"

/* What every command gets. */
struct invocation {
	const struct command *command;
	struct runtime rt;
	struct arena *arena;
	char **argv;            /* the whole command line, for the sealed copy */
	struct str_slice words; /* what is left after the options; a NULL follows */
	const void *values;     /* the command's options, as its table describes */
	bool is_debug;
	const char *criu; /* --criu; NULL: by $PATH */
};

struct command {
	const char *name, *usage, *help;
	const struct opt *options;
	size_t values_size;
	size_t words_min, words_max; /* words_max 0 with words_min 0: none */
	bool stops;                  /* options end at the first word */
	bool is_sealed;              /* enters containers: runs from a sealed copy */
	bool needs_no_runtime;
	int failure; /* exit code for errors; 0 means 1 */
	/* Returns 0 or -errno with *e filled; *ret_code is the program's exit code. */
	int (*main)(const struct invocation *in, int *ret_code, struct err *e);
};

extern const struct command cmd_checkpoint, cmd_create, cmd_delete, cmd_events, cmd_exec,
	cmd_features, cmd_kill, cmd_list, cmd_pause, cmd_plan, cmd_ps, cmd_restore, cmd_resume,
	cmd_run, cmd_spec, cmd_start, cmd_state, cmd_update;

#define WORDS_MANY 100000

/* Writes what a writer holds and a newline to stdout. */
int print_json(struct json_writer *w, struct err *e);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* What a command of berth is: its name, options and the function behind it. */
#ifndef BERTH_BIN_BERTH_COMMAND_H
#define BERTH_BIN_BERTH_COMMAND_H

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/opt.h"
#include "engine/engine.h"

/* What every command gets. */
struct invocation {
	const struct command *command;
	struct engine engine; /* opened; inside its namespaces where command->enters */
	struct arena *arena;
	char **argv;            /* the whole command line */
	struct str_slice words; /* what is left after the options; a NULL follows */
	const void *values;     /* the command's options, as its table describes */
};

struct command {
	const char *name, *usage, *help; /* name: "run", "image ls"; help: one line for the list */
	const char *group;               /* heading in the list: "containers", "images", ... */
	const char *details; /* paragraphs and examples for --help and the man page, or NULL */
	const struct opt *options;
	size_t values_size;
	size_t words_min, words_max;
	bool stops;     /* options end at the first word (run, create, exec) */
	bool is_hidden; /* an alias, not in the list */
	bool is_sealed; /* enters containers: runs from a read-only mount of itself */
	bool enters;    /* works on files of images or containers: engine_enter first */
	bool needs_no_engine;
	const char *program; /* "berth-image": handed over with all its words (no main) */
	int failure;         /* exit code for errors; 0 means 1 (run, create, exec: 125) */
	/* Returns 0 or -errno with *e filled; *ret_code is the program's exit code. */
	int (*main)(const struct invocation *in, int *ret_code, struct err *e);
};

/* The command that the first word, or the first two, name; *ret_n: how many they are. NULL: none. */
const struct command *command_find(const struct str_slice *words, size_t *ret_n, struct arena *a);

/* Every command, in the order of the list; ends with NULL. commands.c */
extern const struct command *const commands[];

#define WORDS_MANY 100000

/* Writes to stdout; an error names standard output. */
int print_text(const char *text, size_t n, struct err *e);
/* Writes what a writer holds and a newline to stdout. */
int print_json(struct json_writer *w, struct err *e);
/* What a writer holds, a list, through a template of --format, a line for each of its items. */
int print_template(const char *format, struct json_writer *w, struct arena *a, struct err *e);
/* The text and a newline. */
int print_line(const char *text, struct err *e);
/* "berth: TEXT" to standard error, for a command that goes on with its next word. */
void complain(const struct err *e);
/* Asks on the terminal whether to go on: 1 for a clear yes, 0 for anything else, -EINVAL where nobody can be
 * asked. what: a sentence that says what will be removed. */
int confirm(const char *what, struct err *e);

#endif

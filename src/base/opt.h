/* SPDX-License-Identifier: Apache-2.0 */
/* Command lines by table: one row an option, one struct a command. */
#ifndef BERTH_BASE_OPT_H
#define BERTH_BASE_OPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/slice.h"

struct arena;
struct err;

enum opt_kind {
	OPT_FLAG,   /* bool */
	OPT_STRING, /* const char *; the last one counts */
	OPT_LIST,   /* struct str_slice; each adds one */
	OPT_UINT,   /* uint64_t */
	OPT_MAYBE,  /* struct maybe_bool: a flag whose absence is not "false" */
};

/* A row; the table ends with a row without name. */
struct opt {
	const char *name; /* "console-socket": --console-socket, and -console-socket as Go has it */
	char letter;      /* 'b': -b; 0: none */
	enum opt_kind kind;
	size_t offset;   /* of the value in the struct that the parser fills */
	const char *arg; /* "PATH", for the help */
	const char *help;
	bool is_hidden; /* accepted, not shown */
};

/* Parses argv[0..argc) into *values, which the table describes. With stops, the first word that is
 * no option ends the options (as `exec` and `ps` need); else they may stand between the words. "--"
 * before that always ends them. The words go to *ret (in the arena), a NULL follows them. Forms:
 * --name value, --name=value, -name value, -n value, -n=value, -nVALUE, -abc for -a -b -c; --flag=false. A flag given twice: the
 * last one counts.
 *
 * Returns 0, OPT_HELP where --help or -h was asked for and the table has no such row (*ret is then
 * untouched), or -EINVAL with the text of Go's flag package, which runc prints: "flag provided but
 * not defined: -x". */
#define OPT_HELP 1
int opt_parse(const struct opt *table, int argc, char **argv, bool stops, struct arena *a,
	      void *values, struct str_slice *ret, struct err *e);

/* Writes one line an option: "   --bundle PATH, -b PATH   help". */
void opt_print(const struct opt *table, FILE *to);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Help, from the tables of commands and options. */
#ifndef BERTH_BIN_BERTH_HELP_H
#define BERTH_BIN_BERTH_HELP_H

#include "bin/berth/command.h"

/* All commands by group. is_short: nothing was asked for, so a hint goes with it. */
void help_print(bool is_short);
/* The commands that begin with the same word: "image" and "volume" have many. Returns how many there are. */
size_t help_print_family(const char *first);
/* Fills e for a command that is not there, with the nearest one that is. */
void help_suggest(const char *name, struct err *e);

#endif

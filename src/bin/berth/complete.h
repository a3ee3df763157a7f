/* SPDX-License-Identifier: Apache-2.0 */
/* What may stand at the end of a command line; berth and berth-image each answer for their commands. */
#ifndef BERTH_BIN_BERTH_COMPLETE_H
#define BERTH_BIN_BERTH_COMPLETE_H

#include "bin/berth/command.h"

/* Prints one candidate a line for the last of in->words (the words after "berth", as far as they were typed):
 * the word, a tab, its help. The line ":files" asks the shell for names of files. globals: options before
 * the command; NULL where this program has none of its own. */
int complete_print(const struct invocation *in, const struct opt *globals, struct err *e);

#endif

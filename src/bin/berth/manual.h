/* SPDX-License-Identifier: Apache-2.0 */
/* Manual pages from the tables of commands and options; berth and berth-image each write their own. */
#ifndef BERTH_BIN_BERTH_MANUAL_H
#define BERTH_BIN_BERTH_MANUAL_H

#include "bin/berth/command.h"

/* Writes DIR/berth-NAME.1 for each command of this program that is listed. DIR is made where it is missing. */
int manual_write_commands(const char *dir, struct err *e);

/* Writes DIR/berth.1: all commands by group, and the options of every command. */
int manual_write_overview(const char *dir, const struct opt *globals, struct err *e);

#endif

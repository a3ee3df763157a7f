/* SPDX-License-Identifier: Apache-2.0 */
/* The names of containers: checked, invented, claimed and given up. */
#ifndef BERTH_ENGINE_CONTAINER_NAMES_H
#define BERTH_ENGINE_CONTAINER_NAMES_H

#include "engine/engine.h"

/*
 * Theory of operation
 *
 * names/NAME is a file that holds an id. It is written under another name and put in place by link(2), which
 * fails where the name is taken: so a name belongs to one container at any time, and its file is never empty. A
 * name whose container's folder is gone (a command was killed between the two) is free.
 */

/* [a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}. Returns 0 or -EINVAL with Docker's words. */
int name_check(const char *name, struct err *e);

/* Two words that nobody has: "quiet_harbour". Not claimed yet. */
const char *name_invent(struct arena *a);

/* Returns 0, or -EEXIST that tells who has it. */
int name_claim(const struct engine *g, const char *name, const char *id, struct err *e);

/* Gives the name up if it is this container's. */
void name_release(const struct engine *g, const char *name, const char *id);

/* The id behind a name. Returns 0 or -ENOENT. */
int name_find(const struct engine *g, const char *name, char ret[65]);

#endif

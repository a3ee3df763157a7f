/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept of a container between commands: one folder a container below the runtime's root. */
#ifndef BERTH_RUNTIME_STATE_H
#define BERTH_RUNTIME_STATE_H

#include "runtime/runtime.h"

/*
 * Theory of operation
 *
 * ROOT/ID/ (mode 0700) is the claim on the id: who makes the folder owns the name. In it
 *   state.json   struct container, replaced by rename; written first with pid 0 ("creating"), before
 *                the first cgroup is made, so that `delete --force` finds whatever a killed `create`
 *                left behind;
 *   config.json  the bundle's configuration as it was at `create`;
 *   start.sock   the first process waits here for `start`; its presence is the state "created".
 * The status is never stored: it follows from the process, the socket and the cgroup's freezer.
 */

#define STATE_FILE "state.json"
#define STATE_CONFIG "config.json"
#define STATE_SOCKET "start.sock"

/* An id: 1 to 1024 of [A-Za-z0-9_+.-], not "." or "..". Returns 0 or -EINVAL. */
int state_check_id(const char *id, struct err *e);

/* Claims the id: makes ROOT (0711... 0700) and ROOT/ID. Returns an O_DIRECTORY descriptor of the
 * folder, -EEXIST "container with id exists", or -errno. */
int state_claim(const struct runtime *rt, const char *id, struct err *e);

/* Opens ROOT/ID; -ENOENT "container ID does not exist". */
int state_open(const struct runtime *rt, const char *id, struct err *e);

/* Writes state.json. */
int state_save(int dir_fd, const struct container *c, struct err *e);

/* Reads state.json and finds out the status. */
int state_load(int dir_fd, const char *id, struct arena *a, struct container *ret, struct err *e);

/* Removes the folder with everything in it. A folder already gone is fine. */
int state_remove(const struct runtime *rt, const char *id, struct err *e);

#endif

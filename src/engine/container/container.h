/* SPDX-License-Identifier: Apache-2.0 */
/* Containers as a person knows them: made, started, found, stopped, removed, repaired. */
#ifndef BERTH_ENGINE_CONTAINER_CONTAINER_H
#define BERTH_ENGINE_CONTAINER_CONTAINER_H

#include "engine/container/record.h"
#include "engine/container/request.h"
#include "engine/image/image.h"

/* By name, id or unique prefix of an id. -ENOENT: "no such container: NAME". What a dead monitor left is
 * repaired on the way (container_repair). */
int container_find(const struct engine *g, const char *name, struct arena *a,
		   struct container_info *ret, struct err *e);
/* All (or only those that live), newest first. */
int container_list(const struct engine *g, bool only_live, struct arena *a,
		   struct container_info **ret, size_t *ret_n, struct err *e);

/* Makes the container: id, name, folder, volumes, config.json, record.json. On failure nothing is left.
 * ret_lock: a lock that container_start takes over. ret_root: the mounted root (or -EBADF), likewise. */
int container_create(const struct engine *g, const struct container_request *q, struct arena *a,
		     struct record *ret, int *ret_lock, int *ret_root, struct err *e);

/* Starts its monitor. lock and root as above or -EBADF; both are closed. attached: *ret_socket gets the
 * connection of the first client (see attach.h). Returns once the program runs or has failed to. */
int container_start(const struct engine *g, const struct record *r, int lock, int root,
		    unsigned wants, int *ret_socket, struct err *e);

/* What `run` ends with after container_start failed, as Docker has it: 127 where the program is not there, 126 where
 * it cannot be executed, else 125. */
int container_failure_code(const struct err *e);

/* Sends the stop signal, waits up to timeout seconds (-1: for ever; LIVE_OWN_TIMEOUT of live.h: the
 * container's own), then SIGKILL, and waits for the monitor to be done. Where pid 1 has no handler for the signal (/proc/PID/status SigCgt) the wait is
 * skipped, since the kernel drops the signal. A stopped container is fine. */
int container_stop(const struct engine *g, const struct container_info *c, int64_t timeout,
		   const char *signal, struct err *e);
int container_kill(const struct engine *g, const struct container_info *c, int signo,
		   struct err *e);
/* force: kills a live one. volumes: anonymous ones go too. */
int container_remove(const struct engine *g, const struct container_info *c, bool force,
		     bool volumes, struct err *e);
/* Waits for the end; its exit code. */
int container_wait(const struct engine *g, const struct container_info *c, int *ret_code,
		   struct err *e);
int container_rename(const struct engine *g, const struct container_info *c, const char *name,
		     struct err *e);

/* Puts right what a killed command or monitor left of one container: kills what still runs of it, removes
 * its groups, writes the end of its life, frees its name where the container is half-made or half-removed.
 * Takes the container's lock; where somebody else has it there is nothing to repair. Returns 1 if it did
 * something. */
int container_repair(const struct engine *g, const char *id, struct err *e);
/* All of them, and names and run folders without container. */
int container_repair_all(const struct engine *g, struct err *e);

#endif

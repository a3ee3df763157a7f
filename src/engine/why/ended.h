/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept of containers that are removed: RUN/ended.jsonl. */
#ifndef BERTH_ENGINE_WHY_ENDED_H
#define BERTH_ENGINE_WHY_ENDED_H

#include "engine/container/record.h"

/*
 * Theory of operation
 *
 * Who removes a container appends one line with one write: the last line of its status.jsonl and exits.jsonl and
 * its last health check. At 512 KiB the file is moved to ended.1.jsonl, so both together stay below 1 MiB. A failure is
 * no error of the removal.
 */

struct ended {
	const char *id, *name, *image, *pool;
	int64_t removed_ns;
	const char *request;                /* JSON */
	const char *status, *exit, *health; /* JSON; NULL: none */
};

/* dir_fd: its folder, still whole. s NULL: the status as stored. */
void ended_append(const struct engine *g, int dir_fd, const struct record *r,
		  const struct status *s);

/* The last that was removed with that name, id or prefix (three digits at least). -ENOENT: none. */
int ended_find(const struct engine *g, const char *word, struct arena *a, struct ended *ret,
	       struct err *e);

#endif

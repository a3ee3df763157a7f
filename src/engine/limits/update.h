/* SPDX-License-Identifier: Apache-2.0 */
/* Limits of containers and pools changed together: all or none. */
#ifndef BERTH_ENGINE_LIMITS_UPDATE_H
#define BERTH_ENGINE_LIMITS_UPDATE_H

#include "base/slice.h"
#include "engine/container/request.h"

struct err;

/*
 * Theory of operation
 *
 * Everything is worked out first, for every container and pool: the new request, specification and record, and the
 * writes. What would end in the kernel killing a process is refused. Then the new files are written beside the
 * old ones, so that a full disk is noticed; then the kernel is changed, group by group, each old value kept;
 * then the files take their places by rename. Whatever fails, the old values go back and the new files go.
 * DATA/pools is locked all the while, so one update runs at a time.
 */

/* One file of one group. */
struct limit_change {
	const char *who;  /* "box", "pool team" */
	const char *file; /* the whole path; "(next start)" where there is no group yet */
	const char *old, *value;
};

struct limit_changes {
	struct limit_change *v;
	size_t n;
};

struct limit_request {
	const struct str_slice *containers, *pools;
	const struct container_request *limits;
	bool is_dry;    /* only *ret */
	bool is_forced; /* also where a process is killed for it */
};

/* Returns 0 with what was (or would be) written, or -errno with nothing changed. */
int limits_update(const struct engine *g, const struct limit_request *q, struct arena *a,
		  struct limit_changes *ret, struct err *e);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Inside limits/: one container or pool of an update. */
#ifndef BERTH_ENGINE_LIMITS_TARGET_H
#define BERTH_ENGINE_LIMITS_TARGET_H

#include "cgroup/cgroup.h"
#include "engine/container/container.h"
#include "engine/pool/pool.h"

/* A file that is to be replaced. */
struct target_file {
	const char *name, *old, *text;
	size_t old_n, n;
	bool is_written, is_placed;
};

struct target {
	const char *who; /* "container box", "pool team" */
	bool is_pool;
	struct container_info container; /* one of the two */
	struct pool pool;
	const struct opt *options;       /* what it can be asked for */
	struct container_request before; /* the request as it was */
	struct oci_resources fresh;      /* what is new */
	int dir_fd;                      /* where its files are */
	struct target_file files[2];
	size_t n_files;
	struct cgroup group; /* has_group: it has one now */
	bool has_group, is_applied;
	struct cgroup_undo undo;
};

/* Finds it and works out everything; changes nothing. Returns 0 or -errno; target_close in either case. */
int target_plan_container(const struct engine *g, const char *name,
			  const struct container_request *q, struct arena *a, struct target *t,
			  struct err *e);
int target_plan_pool(const struct engine *g, const char *name, const struct container_request *q,
		     struct arena *a, struct target *t, struct err *e);
void target_close(struct target *t);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* What a container has changed of its image's files. */
#ifndef BERTH_ENGINE_CONTAINER_DIFF_H
#define BERTH_ENGINE_CONTAINER_DIFF_H

#include "engine/container/container.h"

struct file_change {
	char kind;        /* 'A', 'C' or 'D' */
	const char *path; /* absolute, as the container sees it */
};

struct file_changes {
	struct file_change *v;
	size_t n;
};

/* From the container's own layer against those of the image, sorted by path. Empty files and folders that only carry
 * mounts are none. To be called inside engine_enter's namespaces. */
int container_diff(const struct engine *g, const struct container_info *c, struct arena *a,
		   struct file_changes *ret, struct err *e);

#endif

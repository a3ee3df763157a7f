/* SPDX-License-Identifier: Apache-2.0 */
/* Files copied between a container and the host, or a stream. */
#ifndef BERTH_ENGINE_CONTAINER_COPY_H
#define BERTH_ENGINE_CONTAINER_COPY_H

#include "engine/container/container.h"
#include "kernel/tree.h"

/* A place below a root: the host's, or a container's. */
struct copy_place {
	int root_fd;      /* nothing leads out of it */
	const char *path; /* absolute; "/." at its end: what is in the folder */
	const char *name; /* for errors: "box:/etc" or "/tmp/x" */
};

/* By the rules of docker cp: into a folder that is there; else under the new name; "/." copies what is in a
 * folder. follows: a link that the source itself is. owner NULL: owners as they are. Returns 0 or -errno. */
int copy_files(const struct copy_place *from, const struct copy_place *to, bool follows,
	       const struct tree_owner *owner, struct arena *a, struct err *e);

/* The root of a container: as its first process sees it where it runs, else mounted for us. *ret_lock: keeps it from
 * being started meanwhile, or -EBADF. To be called inside the namespaces of its monitor, or of engine_enter. Returns
 * a descriptor or -errno. */
int copy_open_root(const struct engine *g, const struct container_info *c, int *ret_lock,
		   struct err *e);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Volumes: folders of data with a name that outlive containers. */
#ifndef BERTH_ENGINE_VOLUME_VOLUME_H
#define BERTH_ENGINE_VOLUME_VOLUME_H

#include "engine/engine.h"
#include "oci/spec.h"

struct volume {
	const char *name, *path; /* path: DATA/volumes/NAME/data, absolute */
	int64_t created_ns;
	bool is_anonymous;
	struct oci_pairs labels, options;
};

/* The lock of all volumes: shared from volume_need until a container's record names the volume, exclusive
 * within removals. Returns a descriptor that holds it or -errno. */
int volume_lock(const struct engine *g, bool is_exclusive, struct err *e);

/* Makes it, or finds it (*ret_is_new false). name NULL: one of 64
 * hexadecimal digits. is_anonymous: nobody gave it a name, so prune and the end of its container take it. Options as Docker's
 * local driver: type, o, device (a bind or another file system, mounted by the container). The draft is made in
 * tmp/: hold the store's lock (shared), which keeps image_collect off it. */
int volume_need(const struct engine *g, const char *name, bool is_anonymous,
		const struct oci_pairs *labels, const struct oci_pairs *options, struct arena *a,
		struct volume *ret, bool *ret_is_new, struct err *e);
int volume_find(const struct engine *g, const char *name, struct arena *a, struct volume *ret,
		struct err *e);
int volume_list(const struct engine *g, struct arena *a, struct volume **ret, size_t *ret_n,
		struct err *e);
/* -EBUSY with the container's name where one uses it (force does not override that). */
int volume_remove(const struct engine *g, const char *name, bool force, struct err *e);
/* Which containers use it, by name. */
int volume_users(const struct engine *g, const char *name, struct arena *a, struct str_slice *ret,
		 struct err *e);
/* Removes unused anonymous ones (all: named too). */
int volume_prune(const struct engine *g, bool all, struct arena *a, struct str_slice *ret,
		 int64_t *ret_bytes, struct err *e);
/* Fills an empty volume with what the image has at `path` (below root_fd), owners and modes kept. */
int volume_copy_up(const struct engine *g, const struct volume *v, int root_fd, const char *path,
		   struct err *e);

#endif

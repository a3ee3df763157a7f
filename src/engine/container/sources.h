/* SPDX-License-Identifier: Apache-2.0 */
/* What a container's mounts come from: made before its first start. */
#ifndef BERTH_ENGINE_CONTAINER_SOURCES_H
#define BERTH_ENGINE_CONTAINER_SOURCES_H

#include "engine/container/record.h"

/* Makes volumes that are not there (filled from the image below root_fd, if that is not negative), missing
 * folders on the host that --volume names, and gives away what ":U" asks for. *ret_lock: -EBADF, or a lock of the
 * volumes that the caller holds until the record is saved. made: names of the anonymous volumes that were made, also
 * on failure. Returns 0 or -errno. */
int sources_make(const struct engine *g, const struct record *r, int root_fd, struct arena *a,
		 struct str_slice *made, int *ret_lock, struct err *e);

#endif

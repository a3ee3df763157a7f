/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a container in the store. */
#ifndef BERTH_ENGINE_CONTAINER_REMOVE_H
#define BERTH_ENGINE_CONTAINER_REMOVE_H

#include "engine/container/record.h"

/* Removes folder, name and (volumes) anonymous volumes of a container that does not run. The caller holds its
 * lock, or its record is half-made. r may be NULL where there is no readable record. Also for the monitor,
 * of --rm. Returns 0 or -errno. */
int container_forget(const struct engine *g, const char *id, const struct record *r, bool volumes,
		     struct err *e);

#endif

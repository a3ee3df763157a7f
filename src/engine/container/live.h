/* SPDX-License-Identifier: Apache-2.0 */
/* Work on a running container: in its monitor's namespaces where the caller is an ordinary user. */
#ifndef BERTH_ENGINE_CONTAINER_LIVE_H
#define BERTH_ENGINE_CONTAINER_LIVE_H

#include "engine/container/container.h"

/* Calls action; for an ordinary user in a child that has entered the monitor's user and mount namespace,
 * since only there we are root over the container's processes. What action does to memory is lost then. */
int live_do(const struct engine *g, const struct container_info *c,
	    int (*action)(const struct engine *g, void *arg, struct err *e), void *arg,
	    struct err *e);

/* A pidfd of the monitor, surely of it, or -ESRCH. */
int live_monitor(const struct engine *g, const struct container_info *c);

/* Pause and unpause. */
int live_freeze(const struct engine *g, const struct container_info *c, struct err *e);
int live_thaw(const struct engine *g, const struct container_info *c, struct err *e);

/* container_stop's timeout: what the container was made with. */
#define LIVE_OWN_TIMEOUT INT64_MIN

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Inside network/: RUN/CONTAINER/network.json, what a live container has of networks. */
#ifndef BERTH_ENGINE_NETWORK_STATE_H
#define BERTH_ENGINE_NETWORK_STATE_H

#include "engine/network/network.h"

#define NETWORK_STATE_FILE "network.json"

/* The lock of RUN/ID, under which it is changed. Returns a descriptor, -ENOENT (it does not live) or -errno. */
int state_lock(const struct engine *g, const char *id);
/* Replaced as a whole. */
int network_state_save(const struct engine *g, const struct network_state *s, struct err *e);

#endif

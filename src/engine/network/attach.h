/* SPDX-License-Identifier: Apache-2.0 */
/* Inside network/: one place of a container in one network. */
#ifndef BERTH_ENGINE_NETWORK_ATTACH_H
#define BERTH_ENGINE_NETWORK_ATTACH_H

#include "engine/network/network.h"

/* Finds the network, sees that its link is there, claims addresses for container id. On failure nothing is left. */
int endpoint_claim(const struct engine *g, const char *id, const struct record_network *wish,
		   const char *interface, struct arena *a, struct endpoint *ret, struct err *e);
void endpoint_release(const struct engine *g, const char *id, const struct endpoint *p);
/* Removes its link; there may be none. netns: the container's. 0 or -errno. */
int endpoint_unlink(const struct endpoint *p, int netns);
/* Makes the links of endpoints [from, n) in the namespace. */
int endpoints_attach(const struct network_state *s, size_t from, int netns, struct err *e);

#endif

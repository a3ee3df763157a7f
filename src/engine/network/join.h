/* SPDX-License-Identifier: Apache-2.0 */
/* Inside network/: a container's names made known in its networks, and its own addresses to itself. */
#ifndef BERTH_ENGINE_NETWORK_JOIN_H
#define BERTH_ENGINE_NETWORK_JOIN_H

#include "engine/network/network.h"

/* The network's dnsmasq knows the container from now on. For networks without names (the default one, macvlan) nothing
 * is done. Its bridge must be there. */
int endpoint_join(const struct engine *g, const struct network_state *s, const struct endpoint *p,
		  struct err *e);
void endpoint_part(const struct engine *g, const char *id, const struct endpoint *p);

/* The network as its dnsmasq sees it; gateway NULL: it has no names. */
struct names_network;
int endpoint_names(const struct engine *g, const struct endpoint *p, struct arena *a,
		   struct names_network *ret, struct err *e);

/* The addresses of this life at the end of containers/ID/hosts. */
int endpoints_write_hosts(const struct engine *g, const struct network_state *s, struct err *e);

#endif

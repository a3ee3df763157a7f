/* SPDX-License-Identifier: Apache-2.0 */
/* Inside network/: the link of a network on the host, made when it is needed. */
#ifndef BERTH_ENGINE_NETWORK_BRIDGE_H
#define BERTH_ENGINE_NETWORK_BRIDGE_H

#include "engine/network/network.h"

/* Sees that the network's link is there, with its addresses, forwarding and elements of the firewall. socket:
 * NETLINK_ROUTE. Returns the link's index or -errno. */
int bridge_need(const struct engine *g, int socket, const struct network *n, struct err *e);
/* Takes it away again; it need not be there. */
int bridge_remove(const struct engine *g, const struct network *n, struct err *e);
/* 02:be and the four bytes of an address: whoever has the address has the same place in everybody's ARP table. */
void bridge_mac(const struct address *a, uint8_t ret[6]);

#endif

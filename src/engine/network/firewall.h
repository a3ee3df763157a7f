/* SPDX-License-Identifier: Apache-2.0 */
/* Inside network/: one nftables table whose rules never change; networks and ports are elements of its sets. */
#ifndef BERTH_ENGINE_NETWORK_FIREWALL_H
#define BERTH_ENGINE_NETWORK_FIREWALL_H

#include "engine/network/network.h"

/*
 * Theory of operation
 *
 * Table inet berth (berth-HASH where DATA is not the default). Sets:
 *   bridges    links of our networks             internal   those that nothing leaves
 *   pairs      LINK . LINK: within one network   masquerade4, masquerade6   subnets that go out as the host
 *   publish4, publish6   ADDRESS . PROTOCOL . PORT, each an interval, to CONTAINER . MIN . MAX
 *
 * A packet for a local address whose port is in publish4 is sent to the container (chains `prerouting` and, from the host
 * itself, `output`). What it leads to is a rule of the map's data: address, first and last port. A whole range is one
 * element: the kernel computes MIN + (port - 0) % (MAX - MIN + 1) with NF_NAT_RANGE_PROTO_OFFSET (nf_nat_core.c), and
 * firewall_ports finds MIN and MAX such that this is port - host_first + container_first.
 *
 * Forwarding: what belongs to a connection passes; what stays within one network passes; what was published passes;
 * all else that goes to one of our links is refused, and all that comes from an internal one. Accepting ends only our
 * own chain: a drop in a table of somebody else's keeps the last word.
 *
 * 127.0.0.1: the host's own packets may leave for a container (route_localnet of the bridge), with the bridge's
 * address; packets that come in by a bridge for 127.0.0.0/8 are dropped before all else, so that containers cannot use
 * that to reach the host's own services.
 */

/* Sees that the table is there, and lays it with everything that should be in it where it is not. */
int firewall_need(const struct engine *g, struct err *e);
int firewall_add_network(const struct engine *g, const struct network *n, struct err *e);
int firewall_remove_network(const struct engine *g, const struct network *n, struct err *e);
/* The elements of one container's ports. A port that another container has: -EADDRINUSE, which names it. */
int firewall_publish(const struct engine *g, const struct network_state *s, struct err *e);
/* Has another container a port of s? 0 or -EADDRINUSE. */
int firewall_check(const struct engine *g, const struct network_state *s, struct err *e);
int firewall_withdraw(const struct engine *g, const struct network_state *s, struct err *e);

/* Elements come and go under a shared lock, the table under an exclusive one. Returns a descriptor or -errno. */
int firewall_lock(const struct engine *g, bool is_exclusive, struct err *e);

/* The numbers behind a range of n ports; for one port both are container_first. Not for container_first < host_first < n. */
void firewall_ports(uint32_t host_first, uint32_t n, uint32_t container_first, uint32_t *ret_min,
		    uint32_t *ret_max);

/* ---- layout.c ------------------------------------------------------------------------------------ */

struct nft;
/* The table's name, at most 32 bytes. */
void firewall_table(const struct engine *g, char ret[32]);
/* Table, chains, sets and rules; what was there before goes. */
void firewall_lay(struct nft *n);

#endif

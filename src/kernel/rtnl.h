/* SPDX-License-Identifier: Apache-2.0 */
/* Network links: found, brought up, renamed, moved to another net namespace; and their addresses. */
#ifndef BERTH_KERNEL_RTNL_H
#define BERTH_KERNEL_RTNL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The index of the loopback in every net namespace: it is the first device made in each. */
#define RTNL_LOOPBACK 1

/* socket: netlink_open(NETLINK_ROUTE) in the namespace that holds the link. Each returns 0 or -errno
 * (rtnetlink(7)). */

/* Sets or clears IFF_UP. */
int rtnl_set_up(int socket, int index, bool is_up);

/* Moves the link to the net namespace behind ns_fd; name (NULL: unchanged) is its name there and may
 * hold one "%d". The link is down afterwards. */
int rtnl_move(int socket, int index, int ns_fd, const char *name);

/* The index of the link with this name in the socket's namespace; -ENODEV: none. */
int rtnl_index(int socket, const char *name);

/* What an address is made of again: RTM_NEWADDR. */
struct rtnl_address {
	uint8_t family, prefix_length, scope;
	uint32_t flags;    /* IFA_F_* */
	uint32_t priority; /* IFA_RT_PRIORITY, 0: none */
	uint8_t size;      /* of each of these, 0: has none */
	uint8_t local[16], address[16], broadcast[16];
	bool has_local, has_address, has_broadcast;
};

/* The addresses of a link, in the kernel's order. The caller frees *ret. Returns how many, or -errno. */
int rtnl_addresses(int socket, int index, struct rtnl_address **ret);
int rtnl_add_address(int socket, int index, const struct rtnl_address *a);

/* ---- links made ---------------------------------------------------------------------------------- */

/* A bridge that is up, without spanning tree or waiting; mac: six bytes, for ever. -EEXIST: the name is taken. */
int rtnl_add_bridge(int socket, const char *name, const uint8_t mac[6], uint32_t mtu);

/* A link made for a container: it is born inside its namespace, down. */
struct rtnl_guest {
	const char *name;   /* in the container */
	const uint8_t *mac; /* six bytes */
	uint32_t mtu;       /* 0: the kernel's own */
	int netns;          /* of the container */
};
/* A veth pair whose other end is `name` here, up, and in the bridge with that index. */
int rtnl_add_veth(int socket, const char *name, int bridge, const struct rtnl_guest *g);
/* What comes by this port of a bridge may go back by it. */
int rtnl_set_hairpin(int socket, const char *name);
/* A macvlan (bridge mode) on the link with that index here. It is down; its name must be free here too. */
int rtnl_add_macvlan(int socket, int parent, const struct rtnl_guest *g);
int rtnl_delete(int socket, const char *name);
/* Gives the link another name and brings it up. */
int rtnl_rename(int socket, int index, const char *name);

/* ---- parts of a batch ---------------------------------------------------------------------------- */

struct netlink_batch;

void rtnl_put_up(struct netlink_batch *b, int index);
/* address: 4 or 16 bytes by family. IPv6: usable at once (no duplicate address detection). */
void rtnl_put_address(struct netlink_batch *b, int index, uint8_t family, const uint8_t *address,
		      uint8_t prefix);
void rtnl_put_default_route(struct netlink_batch *b, int index, uint8_t family,
			    const uint8_t *gateway);

/* Calls take for every route of the main table with a destination (not the default ones): family, address, prefix,
 * index of the link (0: none). Below 0 ends it. Returns 0 or -errno. */
int rtnl_routes(int socket,
		int (*take)(void *arg, uint8_t family, const uint8_t *address, uint8_t prefix,
			    int index),
		void *arg);

#endif

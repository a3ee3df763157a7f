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

#endif

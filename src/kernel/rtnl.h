/* SPDX-License-Identifier: Apache-2.0 */
/* Network links: bring up, rename, move to another net namespace. */
#ifndef BERTH_KERNEL_RTNL_H
#define BERTH_KERNEL_RTNL_H

#include <stdbool.h>

/* The index of the loopback in every net namespace: it is the first device made in each. */
#define RTNL_LOOPBACK 1

/* socket: netlink_open(NETLINK_ROUTE) in the namespace that holds the link. Each returns 0 or -errno
 * (rtnetlink(7)). */

/* Sets or clears IFF_UP. */
int rtnl_set_up(int socket, int index, bool is_up);

/* Moves the link to the net namespace behind ns_fd; name (NULL: unchanged) is its name there and may
 * hold one "%d". The link is down afterwards. */
int rtnl_move(int socket, int index, int ns_fd, const char *name);

#endif

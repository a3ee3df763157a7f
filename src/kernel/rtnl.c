/* SPDX-License-Identifier: Apache-2.0 */
/* Network links: bring up, rename, move to another net namespace. */
#include "kernel/rtnl.h"

#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "kernel/netlink.h"

int rtnl_set_up(int socket, int index, bool is_up)
{
	struct ifinfomsg link = {
		.ifi_family = AF_UNSPEC,
		.ifi_index = index,
		.ifi_flags = is_up ? IFF_UP : 0,
		.ifi_change = IFF_UP,
	};
	struct netlink_request q;

	netlink_begin(&q, RTM_NEWLINK, 0, &link, sizeof(link));
	return netlink_call(socket, &q);
}

int rtnl_move(int socket, int index, int ns_fd, const char *name)
{
	struct ifinfomsg link = {.ifi_family = AF_UNSPEC, .ifi_index = index};
	struct netlink_request q;

	netlink_begin(&q, RTM_NEWLINK, 0, &link, sizeof(link));
	netlink_put_u32(&q, IFLA_NET_NS_FD, (uint32_t)ns_fd);
	if (name)
		netlink_put_string(&q, IFLA_IFNAME, name);
	return netlink_call(socket, &q);
}

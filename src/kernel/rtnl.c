/* SPDX-License-Identifier: Apache-2.0 */
/* Network links: found, brought up, renamed, moved to another net namespace; and their addresses. */
#include "kernel/rtnl.h"

#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/auto.h"
#include "kernel/netlink.h"
#include "kernel/sys.h"

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

int rtnl_index(int socket, const char *name)
{
	struct ifreq q = {0};

	if (strlen(name) >= sizeof(q.ifr_name))
		return -ENODEV;
	strcpy(q.ifr_name, name);
	return ioctl(socket, SIOCGIFINDEX, &q) < 0 ? -errno : q.ifr_ifindex;
}

/* ---- addresses --------------------------------------------------------------------------------- */

struct address_list {
	int index;
	struct rtnl_address *v;
	size_t n;
};

static void take_bytes(uint8_t to[16], bool *has, const void *value, size_t n,
		       struct rtnl_address *a)
{
	if (n > 16)
		return;
	memcpy(to, value, n);
	a->size = (uint8_t)n;
	*has = true;
}

static void take_attribute(struct rtnl_address *a, int type, const void *value, size_t n)
{
	if (type == IFA_LOCAL)
		take_bytes(a->local, &a->has_local, value, n, a);
	else if (type == IFA_ADDRESS)
		take_bytes(a->address, &a->has_address, value, n, a);
	else if (type == IFA_BROADCAST)
		take_bytes(a->broadcast, &a->has_broadcast, value, n, a);
	else if (type == IFA_FLAGS && n == sizeof(a->flags))
		memcpy(&a->flags, value, n); /* the whole of it: ifa_flags has 8 bits */
	else if (type == IFA_RT_PRIORITY && n == sizeof(a->priority))
		memcpy(&a->priority, value, n);
}

static int take_address(void *arg, const struct nlmsghdr *m)
{
	struct address_list *list = arg;
	const struct ifaddrmsg *head = NLMSG_DATA(m);
	const char *at = (const char *)head + NLMSG_ALIGN(sizeof(*head));
	struct rtnl_address a = {0}, *more;
	const void *value;
	size_t left, size;
	int type;

	if (m->nlmsg_type != RTM_NEWADDR || m->nlmsg_len < NLMSG_LENGTH(sizeof(*head)) ||
	    (int)head->ifa_index != list->index)
		return 0;
	a.family = head->ifa_family;
	a.prefix_length = head->ifa_prefixlen;
	a.scope = head->ifa_scope;
	a.flags = head->ifa_flags;
	left = m->nlmsg_len - NLMSG_SPACE(sizeof(*head));
	while ((type = netlink_next(&at, &left, &value, &size)) >= 0)
		take_attribute(&a, type, value, size);
	more = realloc(list->v, (list->n + 1) * sizeof(*more));
	if (!more)
		return -ENOMEM;
	list->v = more;
	list->v[list->n++] = a;
	return 0;
}

int rtnl_addresses(int socket, int index, struct rtnl_address **ret)
{
	const struct ifaddrmsg any = {.ifa_family = AF_UNSPEC};
	struct address_list list = {.index = index};
	struct netlink_request q;
	int r = -EINTR;

	for (int i = 0; r == -EINTR && i < 8; i++) {
		list.n = 0;
		netlink_begin(&q, RTM_GETADDR, 0, &any, sizeof(any));
		r = netlink_dump(socket, &q, take_address, &list);
	}
	if (r < 0) {
		free(list.v);
		return r;
	}
	*ret = list.v;
	return (int)list.n;
}

int rtnl_add_address(int socket, int index, const struct rtnl_address *a)
{
	const struct ifaddrmsg head = {
		.ifa_family = a->family,
		.ifa_prefixlen = a->prefix_length,
		.ifa_flags = (uint8_t)a->flags,
		.ifa_scope = a->scope,
		.ifa_index = (uint32_t)index,
	};
	struct netlink_request q;

	netlink_begin(&q, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &head, sizeof(head));
	if (a->has_local)
		netlink_put(&q, IFA_LOCAL, a->local, a->size);
	if (a->has_address)
		netlink_put(&q, IFA_ADDRESS, a->address, a->size);
	if (a->has_broadcast)
		netlink_put(&q, IFA_BROADCAST, a->broadcast, a->size);
	netlink_put_u32(&q, IFA_FLAGS, a->flags);
	if (a->priority)
		netlink_put_u32(&q, IFA_RT_PRIORITY, a->priority);
	return netlink_call(socket, &q);
}

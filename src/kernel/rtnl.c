/* SPDX-License-Identifier: Apache-2.0 */
/* Network links: found, brought up, renamed, moved to another net namespace; and their addresses. */
#include "kernel/rtnl.h"

#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <linux/veth.h>
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

/* ---- links made ---------------------------------------------------------------------------------- */

static int call_batch(int socket, const struct netlink_batch *b)
{
	return netlink_batch_send(socket, b, NULL);
}

static void begin_link(struct netlink_batch *b, unsigned flags)
{
	const struct ifinfomsg up = {
		.ifi_family = AF_UNSPEC, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};

	netlink_batch_begin(b, RTM_NEWLINK, (uint16_t)(NLM_F_ACK | flags), &up, sizeof(up));
}

int rtnl_add_bridge(int socket, const char *name, const uint8_t mac[6], uint32_t mtu)
{
	auto_netlink_batch struct netlink_batch b = {0};
	size_t info, data;

	begin_link(&b, NLM_F_CREATE | NLM_F_EXCL);
	netlink_batch_put_string(&b, IFLA_IFNAME, name);
	netlink_batch_put(&b, IFLA_ADDRESS, mac, 6);
	if (mtu)
		netlink_batch_put_u32(&b, IFLA_MTU, mtu);
	info = netlink_batch_open(&b, IFLA_LINKINFO);
	netlink_batch_put_string(&b, IFLA_INFO_KIND, "bridge");
	data = netlink_batch_open(&b, IFLA_INFO_DATA);
	netlink_batch_put_u32(&b, IFLA_BR_STP_STATE, 0);
	netlink_batch_put_u32(&b, IFLA_BR_FORWARD_DELAY, 0);
	netlink_batch_close(&b, data);
	netlink_batch_close(&b, info);
	return call_batch(socket, &b);
}

static void put_guest(struct netlink_batch *b, const struct rtnl_guest *g)
{
	netlink_batch_put_string(b, IFLA_IFNAME, g->name);
	netlink_batch_put(b, IFLA_ADDRESS, g->mac, 6);
	if (g->mtu)
		netlink_batch_put_u32(b, IFLA_MTU, g->mtu);
	netlink_batch_put_u32(b, IFLA_NET_NS_FD, (uint32_t)g->netns);
}

int rtnl_add_veth(int socket, const char *name, int bridge, const struct rtnl_guest *g)
{
	/* A peer cannot be born up: it is not tied to us yet (drivers/net/veth.c). */
	const struct ifinfomsg down = {.ifi_family = AF_UNSPEC};
	auto_netlink_batch struct netlink_batch b = {0};
	size_t info, data, peer;

	begin_link(&b, NLM_F_CREATE | NLM_F_EXCL);
	netlink_batch_put_string(&b, IFLA_IFNAME, name);
	netlink_batch_put_u32(&b, IFLA_MASTER, (uint32_t)bridge);
	if (g->mtu)
		netlink_batch_put_u32(&b, IFLA_MTU, g->mtu);
	info = netlink_batch_open(&b, IFLA_LINKINFO);
	netlink_batch_put_string(&b, IFLA_INFO_KIND, "veth");
	data = netlink_batch_open(&b, IFLA_INFO_DATA);
	peer = netlink_batch_open(&b, VETH_INFO_PEER);
	netlink_batch_append(&b, &down, sizeof(down));
	put_guest(&b, g);
	netlink_batch_close(&b, peer);
	netlink_batch_close(&b, data);
	netlink_batch_close(&b, info);
	return call_batch(socket, &b);
}

int rtnl_set_hairpin(int socket, const char *name)
{
	const struct ifinfomsg any = {.ifi_family = AF_UNSPEC};
	auto_netlink_batch struct netlink_batch b = {0};
	const uint8_t yes = 1;
	size_t info, data;

	netlink_batch_begin(&b, RTM_NEWLINK, NLM_F_ACK, &any, sizeof(any));
	netlink_batch_put_string(&b, IFLA_IFNAME, name);
	info = netlink_batch_open(&b, IFLA_LINKINFO);
	netlink_batch_put_string(&b, IFLA_INFO_SLAVE_KIND, "bridge");
	data = netlink_batch_open(&b, IFLA_INFO_SLAVE_DATA);
	netlink_batch_put(&b, IFLA_BRPORT_MODE, &yes, sizeof(yes));
	netlink_batch_close(&b, data);
	netlink_batch_close(&b, info);
	return call_batch(socket, &b);
}

int rtnl_rename(int socket, int index, const char *name)
{
	const struct ifinfomsg up = {.ifi_family = AF_UNSPEC,
				     .ifi_index = index,
				     .ifi_flags = IFF_UP,
				     .ifi_change = IFF_UP};
	struct netlink_request q;

	netlink_begin(&q, RTM_NEWLINK, 0, &up, sizeof(up));
	netlink_put_string(&q, IFLA_IFNAME, name);
	return netlink_call(socket, &q);
}

int rtnl_add_macvlan(int socket, int parent, const struct rtnl_guest *g)
{
	const struct ifinfomsg down = {.ifi_family = AF_UNSPEC};
	auto_netlink_batch struct netlink_batch b = {0};
	size_t info, data;

	netlink_batch_begin(&b, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, &down,
			    sizeof(down));
	netlink_batch_put_u32(&b, IFLA_LINK, (uint32_t)parent);
	put_guest(&b, g);
	info = netlink_batch_open(&b, IFLA_LINKINFO);
	netlink_batch_put_string(&b, IFLA_INFO_KIND, "macvlan");
	data = netlink_batch_open(&b, IFLA_INFO_DATA);
	netlink_batch_put_u32(&b, IFLA_MACVLAN_MODE, MACVLAN_MODE_BRIDGE);
	netlink_batch_close(&b, data);
	netlink_batch_close(&b, info);
	return call_batch(socket, &b);
}

int rtnl_delete(int socket, const char *name)
{
	const struct ifinfomsg any = {.ifi_family = AF_UNSPEC};
	auto_netlink_batch struct netlink_batch b = {0};

	netlink_batch_begin(&b, RTM_DELLINK, NLM_F_ACK, &any, sizeof(any));
	netlink_batch_put_string(&b, IFLA_IFNAME, name);
	return call_batch(socket, &b);
}

/* ---- parts of a batch ---------------------------------------------------------------------------- */

void rtnl_put_up(struct netlink_batch *b, int index)
{
	const struct ifinfomsg up = {.ifi_family = AF_UNSPEC,
				     .ifi_index = index,
				     .ifi_flags = IFF_UP,
				     .ifi_change = IFF_UP};

	netlink_batch_begin(b, RTM_NEWLINK, NLM_F_ACK, &up, sizeof(up));
}

static size_t family_size(uint8_t family)
{
	return family == AF_INET ? 4 : 16;
}

void rtnl_put_address(struct netlink_batch *b, int index, uint8_t family, const uint8_t *address,
		      uint8_t prefix)
{
	const struct ifaddrmsg head = {
		.ifa_family = family,
		.ifa_prefixlen = prefix,
		.ifa_flags = family == AF_INET6 ? IFA_F_NODAD : 0,
		.ifa_scope = RT_SCOPE_UNIVERSE,
		.ifa_index = (uint32_t)index,
	};
	uint8_t last[4];

	netlink_batch_begin(b, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, &head,
			    sizeof(head));
	netlink_batch_put(b, IFA_LOCAL, address, family_size(family));
	netlink_batch_put(b, IFA_ADDRESS, address, family_size(family));
	if (family != AF_INET || prefix > 30)
		return;
	for (int i = 0; i < 4; i++) {
		int bits = (int)prefix - 8 * i;

		last[i] = (uint8_t)(address[i] | (bits >= 8 ? 0 : 0xff >> (bits > 0 ? bits : 0)));
	}
	netlink_batch_put(b, IFA_BROADCAST, last, sizeof(last));
}

void rtnl_put_default_route(struct netlink_batch *b, int index, uint8_t family,
			    const uint8_t *gateway)
{
	const struct rtmsg head = {
		.rtm_family = family,
		.rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = RTPROT_BOOT,
		.rtm_scope = RT_SCOPE_UNIVERSE,
		.rtm_type = RTN_UNICAST,
	};

	netlink_batch_begin(b, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, &head,
			    sizeof(head));
	netlink_batch_put(b, RTA_GATEWAY, gateway, family_size(family));
	netlink_batch_put_u32(b, RTA_OIF, (uint32_t)index);
}

struct route_taker {
	int (*take)(void *arg, uint8_t family, const uint8_t *address, uint8_t prefix, int index);
	void *arg;
};

static int take_route(void *arg, const struct nlmsghdr *m)
{
	const struct route_taker *t = arg;
	const struct rtmsg *head = NLMSG_DATA(m);
	const char *at = (const char *)head + NLMSG_ALIGN(sizeof(*head));
	const uint8_t *address = NULL;
	const void *value;
	size_t left, size;
	int type, index = 0;

	if (m->nlmsg_type != RTM_NEWROUTE || m->nlmsg_len < NLMSG_LENGTH(sizeof(*head)) ||
	    head->rtm_table != RT_TABLE_MAIN || head->rtm_dst_len == 0)
		return 0;
	left = m->nlmsg_len - NLMSG_SPACE(sizeof(*head));
	while ((type = netlink_next(&at, &left, &value, &size)) >= 0) {
		if (type == RTA_DST && size == family_size(head->rtm_family))
			address = value;
		else if (type == RTA_OIF && size == sizeof(index))
			memcpy(&index, value, sizeof(index));
	}
	return address ? t->take(t->arg, head->rtm_family, address, head->rtm_dst_len, index) : 0;
}

int rtnl_routes(int socket,
		int (*take)(void *arg, uint8_t family, const uint8_t *address, uint8_t prefix,
			    int index),
		void *arg)
{
	const struct rtmsg any = {.rtm_family = AF_UNSPEC};
	struct route_taker taker = {take, arg};
	struct netlink_request q;

	netlink_begin(&q, RTM_GETROUTE, 0, &any, sizeof(any));
	return netlink_dump(socket, &q, take_route, &taker);
}

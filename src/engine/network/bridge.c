/* SPDX-License-Identifier: Apache-2.0 */
/* The link of a network on the host, made when it is needed. */
#include "engine/network/bridge.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "engine/network/firewall.h"
#include "kernel/fd.h"
#include "kernel/netlink.h"
#include "kernel/rtnl.h"
#include "kernel/sys.h"

void bridge_mac(const struct address *a, uint8_t ret[6])
{
	size_t n = address_size(a);

	ret[0] = 0x02;
	ret[1] = 0xbe;
	for (size_t i = 0; i < 4; i++)
		ret[2 + i] = n >= 4 ? a->bytes[n - 4 + i] : 0;
	/* The last bytes of an IPv6 address of one network need not differ from those of another's IPv4. */
	if (a->family == AF_INET6)
		ret[1] = 0xbf;
}

static const struct network_range *first_range(const struct network *n)
{
	return &n->range[n->range[NETWORK_V4].is_set ? NETWORK_V4 : NETWORK_V6];
}

/* Writing what is there already costs a lock of the whole machine's, so it is looked at first. */
static int set_sysctl(const char *path, const char *value)
{
	char now[16];

	if (file_read_small(AT_FDCWD, path, now, sizeof(now)) >= 0 && str_eq(now, value))
		return 0;
	return file_write_at(AT_FDCWD, path, value);
}

static int set_sysctls(const struct network *n, struct err *e)
{
	char path[96];
	int r = 0;

	/* Packets to 127.0.0.1 may leave for a container; the firewall keeps others from using that. */
	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/conf/%s/route_localnet", n->interface);
	if (n->range[NETWORK_V4].is_set)
		r = set_sysctl(path, "1");
	if (r == 0 && !n->is_internal && n->range[NETWORK_V4].is_set)
		r = set_sysctl("/proc/sys/net/ipv4/ip_forward", "1");
	if (r == 0 && !n->is_internal && n->range[NETWORK_V6].is_set)
		r = set_sysctl("/proc/sys/net/ipv6/conf/all/forwarding", "1");
	return r < 0 ? err_sys(e, r, "let the host forward packets of network %s", n->name) : 0;
}

static int give_addresses(int socket, const struct network *n, int index)
{
	auto_netlink_batch struct netlink_batch b = {0};
	int r;

	for (int f = 0; f < NETWORK_FAMILIES; f++) {
		const struct network_range *range = &n->range[f];

		if (range->is_set)
			rtnl_put_address(&b, index, range->gateway.family, range->gateway.bytes,
					 range->subnet.prefix);
	}
	r = netlink_batch_send(socket, &b, NULL);
	return r == -EEXIST ? 0 : r;
}

/* RUN/networks/ID/up: the bridge got everything that it should have. */
static bool is_whole(const struct engine *g, const struct network *n)
{
	char path[96];

	snprintf(path, sizeof(path), "networks/%s/up", n->id);
	return faccessat(g->run_fd, path, F_OK, 0) == 0;
}

static int note_whole(const struct engine *g, const struct network *n, struct err *e)
{
	char path[96];
	auto_close int fd = -EBADF;

	snprintf(path, sizeof(path), "networks/%s/up", n->id);
	fd = openat(g->run_fd, path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	return fd < 0 ? err_sys(e, -errno, "make %s/%s", g->run, path) : 0;
}

static int make_bridge(const struct engine *g, int socket, const struct network *n, struct err *e)
{
	uint8_t mac[6];
	int index, r;

	bridge_mac(&first_range(n)->gateway, mac);
	/* Order: the elements name the link; a packet must not pass before they are there. */
	if ((r = firewall_add_network(g, n, e)) < 0)
		return r;
	r = rtnl_add_bridge(socket, n->interface, mac, n->mtu);
	if (r == -EOPNOTSUPP)
		return err_say(e, r, "network %s: the kernel has no bridges (module bridge)",
			       n->name);
	if (r < 0 && r != -EEXIST)
		return err_sys(e, r, "make bridge %s of network %s", n->interface, n->name);
	index = rtnl_index(socket, n->interface);
	r = index < 0 ? index : give_addresses(socket, n, index);
	if (r < 0)
		return err_sys(e, r, "give bridge %s its addresses", n->interface);
	r = set_sysctls(n, e);
	if (r == 0)
		r = note_whole(g, n, e);
	return r < 0 ? r : index;
}

int bridge_need(const struct engine *g, int socket, const struct network *n, struct err *e)
{
	int index = rtnl_index(socket, n->interface);

	if (str_eq(n->driver, "macvlan"))
		return index < 0 ? err_say(e, index,
					   "network %s: the host has no link %s (--opt parent)",
					   n->name, n->interface)
				 : index;
	if (index >= 0 && is_whole(g, n))
		return index;
	return make_bridge(g, socket, n, e);
}

int bridge_remove(const struct engine *g, const struct network *n, struct err *e)
{
	auto_close int socket = netlink_open(NETLINK_ROUTE);
	int r;

	if (!str_eq(n->driver, "bridge"))
		return 0;
	r = socket < 0 ? socket : rtnl_delete(socket, n->interface);
	if (r < 0 && r != -ENODEV)
		return err_sys(e, r, "remove bridge %s of network %s", n->interface, n->name);
	return firewall_remove_network(g, n, e);
}

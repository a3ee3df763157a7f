/* SPDX-License-Identifier: Apache-2.0 */
/* A container comes into its networks and leaves them: claims, links, addresses, ports. */
#include "engine/network/attach.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "engine/container/spec_parts.h"
#include "engine/network/bridge.h"
#include "engine/network/claim.h"
#include "engine/network/firewall.h"
#include "engine/network/join.h"
#include "engine/network/ports.h"
#include "engine/network/rate.h"
#include "engine/network/state.h"
#include "engine/network/store.h"
#include "engine/network/tally.h"
#include "kernel/netlink.h"
#include "kernel/rtnl.h"
#include "kernel/sys.h"

bool network_is_ours(const struct record *r)
{
	static const char *const others[] = {"none", "host"};

	/* It may have been taken out of all of them, and be brought into one again. */
	return r->networks.n > 0 ||
	       (r->network && str_index(r->network, others, ARRAY_LEN(others)) < 0 &&
		!str_starts(r->network, "container:") && !str_starts(r->network, "ns:"));
}

/* ---- before the namespaces ----------------------------------------------------------------------- */

static const char *mac_text(const uint8_t mac[6], struct arena *a)
{
	return arena_printf(a, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3],
			    mac[4], mac[5]);
}

static const char *make_link_name(struct arena *a)
{
	uint64_t random = 0;

	/* Not the container's id: its last life's link may go only in a moment. */
	while (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
		continue;
	return arena_printf(a, "ve%012llx", (unsigned long long)random & 0xffffffffffff);
}

static int claim_all(const struct engine *g, const struct network *n, const char *id,
		     const struct record_network *wish, struct arena *a, struct endpoint *p,
		     struct err *e)
{
	const char *const wanted[] = {wish->ip, wish->ip6};
	struct address first = {0};
	auto_close int folder = claim_folder(g, n, e);
	uint8_t mac[6];
	int r = folder < 0 ? folder : 0;

	for (int f = 0; r == 0 && f < NETWORK_FAMILIES; f++) {
		struct address got;

		if (!n->range[f].is_set && !wanted[f])
			continue;
		r = claim_address(g, folder, n, f, wanted[f], id, &got, e);
		if (r < 0)
			break;
		p->address[f] = address_text(&got, a);
		p->prefix[f] = n->range[f].subnet.prefix;
		if (!n->is_internal)
			p->gateway[f] = address_text(&n->range[f].gateway, a);
		if (!first.family)
			first = got;
	}
	bridge_mac(&first, mac);
	p->mac = wish->mac ? wish->mac : mac_text(mac, a);
	return r;
}

int endpoint_claim(const struct engine *g, const char *id, const struct record_network *wish,
		   const char *interface, struct arena *a, struct endpoint *ret, struct err *e)
{
	auto_close int lock = -EBADF, folder = -EBADF, socket = -EBADF;
	struct network n = {0};
	int r = network_find(g, wish->name, a, &n, e);

	/* Order: found again under the lock, since it may have gone in between. */
	lock = r < 0 ? r : networks_lock(g, false, e);
	if (lock < 0 || (r = network_find(g, n.name, a, &n, e)) < 0)
		return lock < 0 ? lock : r;
	socket = netlink_open(NETLINK_ROUTE);
	if (socket < 0)
		return err_sys(e, socket, "speak to the kernel's network");
	folder = claim_folder(g, &n, e);
	if (folder < 0 || (r = bridge_need(g, socket, &n, e)) < 0)
		return folder < 0 ? folder : r;
	*ret = (struct endpoint){.network = n.name,
				 .network_id = n.id,
				 .driver = n.driver,
				 .bridge = n.interface,
				 .interface = interface,
				 .host_interface = make_link_name(a),
				 .mtu = n.mtu,
				 .is_internal = n.is_internal,
				 .is_default = n.is_default,
				 .aliases = wish->aliases};
	r = claim_all(g, &n, id, wish, a, ret, e);
	if (r < 0)
		endpoint_release(g, id, ret);
	return r;
}

void endpoint_release(const struct engine *g, const char *id, const struct endpoint *p)
{
	endpoint_part(g, id, p);
	for (int f = 0; f < NETWORK_FAMILIES; f++)
		if (p->address[f])
			claim_release(g, p->network_id, p->address[f], id);
}

/* With ports: whose another container has one, is refused while nobody else can take one. */
static int save(const struct engine *g, const struct network_state *s, struct err *e)
{
	auto_close int tally = -EBADF;
	int r;

	if (!s->ports.n)
		return network_state_save(g, s, e);
	tally = tally_open(g, e);
	r = tally < 0 ? tally : tally_add(tally, s, 1, e);
	if (r < 0)
		return r;
	if (r > 0)
		r = firewall_check(g, s, e);
	if (r == 0)
		r = network_state_save(g, s, e);
	if (r < 0)
		tally_add(tally, s, -1, NULL);
	return r;
}

int network_prepare(const struct engine *g, const struct record *r, struct arena *a,
		    struct network_state *ret, struct err *e)
{
	struct network_state s = {.id = r->id,
				  .name = r->name,
				  .rate_in = r->net_rate_in,
				  .rate_out = r->net_rate_out};
	int rc = firewall_need(g, e);

	for (size_t i = 0; rc == 0 && i < r->networks.n; i++) {
		struct endpoint p;

		rc = endpoint_claim(g, r->id, &r->networks.v[i], arena_printf(a, "eth%zu", i), a,
				    &p, e);
		if (rc == 0)
			LIST_ADD(&s.endpoints, a) = p;
	}
	if (rc == 0)
		rc = ports_choose(g, r, a, &s, e);
	if (rc == 0)
		rc = save(g, &s, e);
	if (rc < 0) {
		for (size_t i = 0; i < s.endpoints.n; i++)
			endpoint_release(g, r->id, &s.endpoints.v[i]);
		return rc;
	}
	*ret = s;
	return endpoints_write_hosts(g, &s, e);
}

/* ---- once the namespace is there ----------------------------------------------------------------- */

/* A socket that speaks to the network of another namespace. */
static int open_inside(int netns, struct err *e)
{
	auto_close int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int fd;

	if (own < 0)
		return err_sys(e, -errno, "open our own net namespace");
	if (setns(netns, CLONE_NEWNET) < 0)
		return err_sys(e, -errno, "enter the container's net namespace");
	fd = netlink_open(NETLINK_ROUTE);
	if (setns(own, CLONE_NEWNET) < 0) {
		int r = -errno;

		if (fd >= 0)
			close(fd);
		return err_sys(e, r, "return to our own net namespace");
	}
	return fd < 0 ? err_sys(e, fd, "speak to the container's network") : fd;
}

int endpoint_unlink(const struct endpoint *p, int netns)
{
	bool is_macvlan = str_eq(p->driver, "macvlan");
	auto_close int socket = is_macvlan ? open_inside(netns, NULL) : netlink_open(NETLINK_ROUTE);
	int r = socket < 0 ? socket
			   : rtnl_delete(socket, is_macvlan ? p->interface : p->host_interface);

	return r == -ENODEV ? 0 : r;
}

/* With br_netfilter a packet to an own published port does not leave the bridge: it goes back by the port that it
 * came from (net/bridge/br_netfilter_hooks.c), which only a hairpin port does. */
static int make_link(int outside, int inside, int netns, bool has_ports, const struct endpoint *p,
		     struct err *e)
{
	bool is_macvlan = str_eq(p->driver, "macvlan");
	int index = rtnl_index(outside, p->bridge), r;
	uint8_t mac[6] = {0};
	struct rtnl_guest guest = {.name = is_macvlan ? p->host_interface : p->interface,
				   .mac = mac,
				   .mtu = (uint32_t)p->mtu,
				   .netns = netns};

	if (index < 0)
		return err_sys(e, index, "find link %s of network %s", p->bridge, p->network);
	if (mac_parse(p->mac, mac) < 0)
		return err_say(e, -EINVAL, "network %s: \"%s\" is no MAC address", p->network,
			       p->mac);
	r = is_macvlan ? rtnl_add_macvlan(outside, index, &guest)
		       : rtnl_add_veth(outside, p->host_interface, index, &guest);
	if (r < 0)
		return err_sys(e, r, "make the container's link in network %s", p->network);
	if (has_ports && !is_macvlan && faccessat(AT_FDCWD, "/proc/sys/net/bridge", F_OK, 0) == 0 &&
	    (r = rtnl_set_hairpin(outside, p->host_interface)) < 0)
		return err_sys(e, r, "let the container reach its own ports");
	index = rtnl_index(inside, guest.name);
	/* A macvlan is made beside the host's links, which may have an eth0 too: it gets its name inside. */
	if (index >= 0 && is_macvlan && (r = rtnl_rename(inside, index, p->interface)) < 0)
		index = r;
	return index < 0 ? err_sys(e, index, "find the container's link %s", p->interface) : index;
}

/* One batch: addresses, and the default routes of those that are the first with one. */
static int configure(int inside, int index, const struct endpoint *p, bool has_default[],
		     struct err *e)
{
	auto_netlink_batch struct netlink_batch b = {0};
	int r;

	rtnl_put_up(&b, index);
	for (int f = 0; f < NETWORK_FAMILIES; f++) {
		struct address a;

		if (!p->address[f] || address_parse(p->address[f], &a) < 0)
			continue;
		rtnl_put_address(&b, index, a.family, a.bytes, (uint8_t)p->prefix[f]);
		if (has_default[f] || !p->gateway[f] || address_parse(p->gateway[f], &a) < 0)
			continue;
		rtnl_put_default_route(&b, index, a.family, a.bytes);
		has_default[f] = true;
	}
	r = netlink_batch_send(inside, &b, NULL);
	return r < 0 ? err_sys(e, r, "give the container its addresses in network %s", p->network)
		     : 0;
}

static int limit_rate(int outside, const struct network_state *s, const struct endpoint *p,
		      struct err *e)
{
	struct rate in = {0}, out = {0};
	int r;

	if ((!s->rate_in && !s->rate_out) || str_eq(p->driver, "macvlan"))
		return 0;
	if ((s->rate_in && (r = rate_parse("net-rate-in", s->rate_in, &in, e)) < 0) ||
	    (s->rate_out && (r = rate_parse("net-rate-out", s->rate_out, &out, e)) < 0))
		return r;
	return rate_apply(outside, p->host_interface, &in, &out, e);
}

int endpoints_attach(const struct network_state *s, size_t from, int netns, struct err *e)
{
	auto_close int outside = netlink_open(NETLINK_ROUTE);
	auto_close int inside = open_inside(netns, e);
	bool has_default[NETWORK_FAMILIES] = {0};
	int r = 0;

	if (inside < 0)
		return inside;
	if (outside < 0)
		return err_sys(e, outside, "speak to the host's network");
	for (size_t i = 0; i < from; i++)
		for (int f = 0; f < NETWORK_FAMILIES; f++)
			has_default[f] |= s->endpoints.v[i].gateway[f] != NULL;
	for (size_t i = from; r == 0 && i < s->endpoints.n; i++) {
		const struct endpoint *p = &s->endpoints.v[i];
		int index = make_link(outside, inside, netns, s->ports.n > 0, p, e);

		r = index < 0 ? index : configure(inside, index, p, has_default, e);
		if (r == 0)
			r = limit_rate(outside, s, p, e);
	}
	return r;
}

int network_attach(const struct engine *g, const struct network_state *s, int netns, struct err *e)
{
	int r = endpoints_attach(s, 0, netns, e);

	for (size_t i = 0; r == 0 && i < s->endpoints.n; i++)
		r = endpoint_join(g, s, &s->endpoints.v[i], e);
	return r < 0 ? r : firewall_publish(g, s, e);
}

/* ---- the end ------------------------------------------------------------------------------------- */

static void leave(const struct engine *g, const struct network_state *s)
{
	auto_close int socket = s->rate_in || s->rate_out ? netlink_open(NETLINK_ROUTE) : -EBADF;

	for (size_t i = 0; i < s->endpoints.n; i++) {
		const struct endpoint *p = &s->endpoints.v[i];

		if (socket >= 0)
			rate_remove(socket, p->host_interface);
		endpoint_release(g, s->id, p);
	}
}

int network_detach(const struct engine *g, const char *id, struct err *e)
{
	auto_arena struct arena a = {0};
	auto_close int state = state_lock(g, id), lock = -EBADF, tally = -EBADF;
	struct network_state s = {0};
	char path[128];
	int r = state < 0 ? state : network_state_load(g, id, &a, &s, e);

	(void)state; /* held until the end */
	if (r < 0)
		return r == -ENOENT ? 0 : err_sys(e, r, "find the networks of container %s", id);
	if (s.ports.n) {
		lock = firewall_lock(g, false, e);
		if (lock < 0 || (r = firewall_withdraw(g, &s, e)) < 0)
			return lock < 0 ? lock : r;
		tally = tally_open(g, e);
		if (tally < 0 || (r = tally_add(tally, &s, -1, e)) < 0)
			return tally < 0 ? tally : r;
	}
	leave(g, &s);
	/* Order: last, for whoever is killed before can do it all again. */
	snprintf(path, sizeof(path), "%s/" NETWORK_STATE_FILE, id);
	if (unlinkat(g->run_fd, path, 0) < 0 && errno != ENOENT)
		return err_sys(e, -errno, "remove %s/%s", g->run, path);
	return 0;
}

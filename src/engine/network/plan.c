/* SPDX-License-Identifier: Apache-2.0 */
/* What a new network is to look like: its subnets checked or chosen, its interface named. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "engine/container/spec_parts.h"
#include "engine/network/store.h"
#include "kernel/netlink.h"
#include "kernel/rtnl.h"

enum {
	PREFIX_MIN_V4 = 8,
	PREFIX_MAX_V4 = 30, /* the gateway and one container */
	PREFIX_MIN_V6 = 16,
	PREFIX_MAX_V6 = 126,
	MTU_MIN = 68, /* RFC 791 */
	MTU_MIN_V6 = 1280,
	MTU_MAX = 65535,
	INTERFACE_LENGTH = 15, /* IFNAMSIZ without the end */
	ROUTES_MAX = 4096,
};

/* ---- what is taken ------------------------------------------------------------------------------- */

struct taken {
	const struct network *others;
	size_t n_others;
	struct subnet routes[ROUTES_MAX];
	size_t n_routes;
};

static int take_route(void *arg, uint8_t family, const uint8_t *address, uint8_t prefix, int index)
{
	struct taken *t = arg;
	struct subnet *s = &t->routes[t->n_routes];

	(void)index;
	if (t->n_routes == ROUTES_MAX)
		return 0;
	*s = (struct subnet){.base = {.family = family}, .prefix = prefix};
	memcpy(s->base.bytes, address, address_size(&s->base));
	t->n_routes++;
	return 0;
}

static int find_taken(const struct network *others, size_t n, struct arena *a, struct taken **ret,
		      struct err *e)
{
	auto_close int socket = netlink_open(NETLINK_ROUTE);
	struct taken *t = ARENA_NEW(a, struct taken);
	int r = socket < 0 ? socket : rtnl_routes(socket, take_route, t);

	if (r < 0 && r != -EINTR)
		return err_sys(e, r, "read the host's routes");
	t->others = others;
	t->n_others = n;
	*ret = t;
	return 0;
}

/* The network that has addresses of it, or NULL. */
static const struct network *find_overlap(const struct taken *t, const struct subnet *s)
{
	for (size_t i = 0; i < t->n_others; i++)
		for (int f = 0; f < NETWORK_FAMILIES; f++)
			if (t->others[i].range[f].is_set &&
			    subnet_overlaps(&t->others[i].range[f].subnet, s))
				return &t->others[i];
	return NULL;
}

/* A route of the host that a chosen subnet must keep off; with is_given only those that it would hide. */
static const struct subnet *find_route(const struct taken *t, const struct subnet *s, bool is_given)
{
	for (size_t i = 0; i < t->n_routes; i++)
		if (subnet_overlaps(&t->routes[i], s) &&
		    (!is_given || t->routes[i].prefix >= s->prefix))
			return &t->routes[i];
	return NULL;
}

/* ---- chosen -------------------------------------------------------------------------------------- */

/* Pools that neither Docker (172.17 to 172.31, 192.168) nor Podman (10.88 and on) begins with. */
static int choose_v4(const struct taken *t, bool is_default, struct subnet *ret, struct err *e)
{
	const struct pool {
		uint8_t first, last, prefix; /* second byte of 10.0.0.0/8 */
	} pools[] = {{200, 209, 16}, {210, 249, 20}, {128, 199, 24}, {10, 80, 24}};

	for (size_t p = is_default ? 0 : 1; p < ARRAY_LEN(pools); p++) {
		struct subnet s = {.base = {.family = AF_INET, .bytes = {10, pools[p].first}},
				   .prefix = pools[p].prefix};

		while (s.base.bytes[0] == 10 && s.base.bytes[1] <= pools[p].last) {
			if (!find_overlap(t, &s) && !find_route(t, &s, false)) {
				*ret = s;
				return 0;
			}
			s.base = address_add(&s.base, (int64_t)1 << (32 - s.prefix));
		}
	}
	return err_say(e, -ENOSPC,
		       "could not find an available, non-overlapping IPv4 address pool: give one "
		       "with --subnet");
}

/* A unique local subnet (RFC 4193) from the id's random digits. */
static void choose_v6(const char *id, struct subnet *ret)
{
	struct subnet s = {.base = {.family = AF_INET6, .bytes = {0xfd}}, .prefix = 64};

	for (size_t i = 0; i < 5; i++) {
		unsigned byte = 0;

		sscanf(id + 2 * i, "%2x", &byte);
		s.base.bytes[i + 1] = (uint8_t)byte;
	}
	*ret = s;
}

/* All addresses but the network's own and, of IPv4, the broadcast address. */
static void set_range(struct network_range *r, const struct subnet *s)
{
	struct address last = subnet_last(s);

	r->is_set = true;
	r->subnet = *s;
	r->first = address_add(&s->base, 1);
	r->last = s->base.family == AF_INET ? address_add(&last, -1) : last;
	r->gateway = r->first;
}

/* ---- given --------------------------------------------------------------------------------------- */

static int parse_given(const char *text, struct subnet *ret, struct err *e)
{
	struct subnet s = {0};
	int r = subnet_parse(text, &s);
	unsigned min = s.base.family == AF_INET ? PREFIX_MIN_V4 : PREFIX_MIN_V6;
	unsigned max = s.base.family == AF_INET ? PREFIX_MAX_V4 : PREFIX_MAX_V6;

	if (!s.base.family)
		return err_say(e, r,
			       "invalid subnet %s: invalid CIDR address: want such as 10.5.0.0/16",
			       text);
	if (r < 0) {
		char base[ADDRESS_TEXT];

		return err_say(e, r, "invalid subnet %s: it should be %s/%u", text,
			       address_print(&s.base, base), s.prefix);
	}
	if (s.prefix < min || s.prefix > max)
		return err_say(e, -EINVAL, "invalid subnet %s: the mask must be from /%u to /%u",
			       text, min, max);
	if ((s.base.family == AF_INET &&
	     (s.base.bytes[0] == 0 || s.base.bytes[0] == 127 || s.base.bytes[0] >= 224)) ||
	    (s.base.family == AF_INET6 && (s.base.bytes[0] == 0xff || s.base.bytes[0] == 0xfe)))
		return err_say(e, -EINVAL, "invalid subnet %s: these addresses are reserved", text);
	*ret = s;
	return 0;
}

static int take_subnet(const struct taken *t, const char *text, struct network *n, struct err *e)
{
	const struct network *other;
	const struct subnet *route;
	struct network_range *range;
	struct subnet s = {0};
	int r = parse_given(text, &s, e);

	if (r < 0)
		return r;
	range = &n->range[s.base.family == AF_INET ? NETWORK_V4 : NETWORK_V6];
	if (range->is_set)
		return err_say(e, -EINVAL, "--subnet %s: a network has one subnet of each family",
			       text);
	other = find_overlap(t, &s);
	if (other)
		return err_say(e, -EINVAL,
			       "invalid pool request: pool overlaps with other one on this address "
			       "space: %s is in use by network %s",
			       text, other->name);
	route = str_eq(n->driver, "macvlan") ? NULL : find_route(t, &s, true);
	if (route) {
		char base[ADDRESS_TEXT];

		return err_say(e, -EINVAL,
			       "invalid pool request: pool overlaps with other one on this address "
			       "space: %s: the host has a route to %s/%u",
			       text, address_print(&route->base, base), route->prefix);
	}
	set_range(range, &s);
	return 0;
}

static struct network_range *range_of(struct network *n, const struct address *a)
{
	for (int f = 0; f < NETWORK_FAMILIES; f++)
		if (n->range[f].is_set && subnet_has(&n->range[f].subnet, a))
			return &n->range[f];
	return NULL;
}

static bool is_of_hosts(const struct network_range *r, const struct address *a)
{
	struct address last = subnet_last(&r->subnet);

	return !address_equal(a, &r->subnet.base) &&
	       (a->family == AF_INET6 || !address_equal(a, &last));
}

static int take_gateway(const char *text, struct network *n, struct err *e)
{
	struct address a = {0};
	struct network_range *range;

	if (address_parse(text, &a) < 0)
		return err_say(e, -EINVAL, "invalid gateway address: %s", text);
	range = range_of(n, &a);
	if (!range || !is_of_hosts(range, &a))
		return err_say(e, -EINVAL, "--gateway %s: no matching subnet for gateway", text);
	range->gateway = a;
	return 0;
}

static int take_ip_range(const char *text, struct network *n, struct err *e)
{
	struct network_range *range;
	struct subnet s = {0};
	struct address last;

	if (subnet_parse(text, &s) < 0)
		return err_say(e, -EINVAL, "invalid --ip-range %s: want such as 10.5.1.0/24", text);
	range = range_of(n, &s.base);
	last = subnet_last(&s);
	if (!range || !subnet_has(&range->subnet, &last))
		return err_say(e, -EINVAL, "--ip-range %s: no matching subnet for ip-range", text);
	range->first =
		address_equal(&s.base, &range->subnet.base) ? address_add(&s.base, 1) : s.base;
	range->last = address_distance(&last, &range->last) < 0 ? range->last : last;
	return 0;
}

/* ---- options ------------------------------------------------------------------------------------- */

static int take_mtu(const char *text, struct network *n, bool ipv6, struct err *e)
{
	uint32_t min = ipv6 ? MTU_MIN_V6 : MTU_MIN, mtu = 0;

	if (str_to_u32(text, &mtu) < 0 || mtu < min || mtu > MTU_MAX)
		return err_say(e, -EINVAL, "--opt mtu=%s: want a number from %u to %u", text, min,
			       MTU_MAX);
	n->mtu = mtu;
	return 0;
}

static int take_interface(const char *key, const char *text, struct network *n, struct err *e)
{
	if (!*text || strlen(text) > INTERFACE_LENGTH || strpbrk(text, "/: \t\n%") ||
	    str_eq(text, ".") || str_eq(text, ".."))
		return err_say(e, -EINVAL,
			       "--opt %s=%s: invalid interface name: at most %d characters", key,
			       text, INTERFACE_LENGTH);
	n->interface = text;
	return 0;
}

static int take_options(const struct network_request *q, struct network *n, struct err *e)
{
	bool is_macvlan = str_eq(n->driver, "macvlan");
	bool ipv6 = n->range[NETWORK_V6].is_set;
	int r = 0;

	for (size_t i = 0; r == 0 && i < q->options.n; i++) {
		const char *key = q->options.v[i].key, *value = q->options.v[i].value;

		if (str_eq(key, "mtu") || str_eq(key, "com.docker.network.driver.mtu"))
			r = take_mtu(value, n, ipv6, e);
		else if (is_macvlan && str_eq(key, "parent"))
			r = take_interface(key, value, n, e);
		else if (is_macvlan && (str_eq(key, "mode") || str_eq(key, "macvlan_mode")) &&
			 str_eq(value, "bridge"))
			continue;
		else if (!is_macvlan &&
			 (str_eq(key, "bridge") || str_eq(key, "com.docker.network.bridge.name")))
			r = take_interface(key, value, n, e);
		else
			r = err_say(e, -EINVAL, "--opt %s=%s: unknown option: want mtu or %s", key,
				    value, is_macvlan ? "parent" : "bridge");
	}
	return r;
}

static int check_interface(const struct network *n, const struct network *others, size_t count,
			   struct err *e)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq(others[i].interface, n->interface) && str_eq(n->driver, "bridge"))
			return err_say(e, -EEXIST, "--opt bridge=%s: network %s has that interface",
				       n->interface, others[i].name);
	return 0;
}

/* ---- the whole ----------------------------------------------------------------------------------- */

bool network_store_is_default(const struct engine *g)
{
	return str_eq(g->data, "/var/lib/berth");
}

static void name_it(const struct engine *g, const char *name, struct arena *a, struct network *ret)
{
	char id[65];

	engine_make_id(id);
	*ret = (struct network){.name = name,
				.id = arena_strdup(a, id),
				.driver = "bridge",
				.is_default = str_eq(name, NETWORK_DEFAULT),
				.created_ns = network_now_ns()};
	ret->interface = ret->is_default && network_store_is_default(g)
				 ? "berth0"
				 : arena_printf(a, "br-%.12s", id);
}

int network_plan_default(const struct engine *g, const struct network *others, size_t n,
			 struct arena *a, struct network *ret, struct err *e)
{
	struct taken *taken = NULL;
	struct subnet s;
	int r = find_taken(others, n, a, &taken, e);

	if (r < 0 || (r = choose_v4(taken, true, &s, e)) < 0)
		return r;
	name_it(g, NETWORK_DEFAULT, a, ret);
	set_range(&ret->range[NETWORK_V4], &s);
	return 0;
}

static int plan_ranges(const struct network_request *q, const struct taken *taken,
		       struct network *n, struct err *e)
{
	struct subnet s;
	int r = 0;

	for (size_t i = 0; r == 0 && i < q->subnet.n; i++)
		r = take_subnet(taken, q->subnet.v[i], n, e);
	if (r == 0 && !n->range[NETWORK_V4].is_set) {
		r = choose_v4(taken, false, &s, e);
		if (r == 0)
			set_range(&n->range[NETWORK_V4], &s);
	}
	if (r == 0 && q->ipv6 && !n->range[NETWORK_V6].is_set) {
		choose_v6(n->id, &s);
		set_range(&n->range[NETWORK_V6], &s);
	}
	for (size_t i = 0; r == 0 && i < q->gateway.n; i++)
		r = take_gateway(q->gateway.v[i], n, e);
	for (size_t i = 0; r == 0 && i < q->ip_range.n; i++)
		r = take_ip_range(q->ip_range.v[i], n, e);
	return r;
}

int network_plan(const struct engine *g, const struct network_request *q,
		 const struct network *others, size_t n, struct arena *a, struct network *ret,
		 struct err *e)
{
	struct taken *taken = NULL;
	struct network plan;
	int r = find_taken(others, n, a, &taken, e);

	if (r < 0)
		return r;
	name_it(g, q->name, a, &plan);
	plan.labels = q->labels;
	plan.options = q->options;
	plan.is_internal = q->internal;
	if (q->driver && !str_eq(q->driver, "bridge") && !str_eq(q->driver, "macvlan"))
		return err_say(e, -EINVAL, "--driver %s: plugin not found: want bridge or macvlan",
			       q->driver);
	if (str_eq(q->driver, "macvlan")) {
		plan.driver = "macvlan";
		plan.interface = NULL;
	}
	if ((r = plan_ranges(q, taken, &plan, e)) < 0 || (r = take_options(q, &plan, e)) < 0)
		return r;
	if (!plan.interface)
		return err_say(e, -EINVAL,
			       "--driver macvlan: the link of the host is missing: give it with "
			       "--opt parent=NAME");
	r = check_interface(&plan, others, n, e);
	if (r == 0)
		*ret = plan;
	return r;
}

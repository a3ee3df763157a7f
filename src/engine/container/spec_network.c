/* SPDX-License-Identifier: Apache-2.0 */
/* Which networks the container is in, with which addresses, and which of its ports are published. */
#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "engine/container/spec_parts.h"
#include "engine/network/network.h"
#include "engine/network/ports.h"
#include "engine/network/rate.h"

/* ---- networks ------------------------------------------------------------------------------------ */

static int check_address(const char *option, const char *text, bool is_v6, struct err *e)
{
	struct address a;

	if (text && (address_parse(text, &a) < 0 || (address_size(&a) == 16) != is_v6))
		return err_say(e, -EINVAL, "%s %s: invalid %s address", option, text,
			       is_v6 ? "IPv6" : "IPv4");
	return 0;
}

static int check_mac(const char *option, const char *text, struct err *e)
{
	uint8_t mac[6];

	if (text && mac_parse(text, mac) < 0)
		return err_say(e, -EINVAL,
			       "%s %s: invalid MAC address: want six pairs of digits such as "
			       "02:42:ac:11:00:02, the first one even",
			       option, text);
	return 0;
}

static int check_alias(const char *option, const char *text, struct err *e)
{
	size_t n = strlen(text);

	if (n && n <= 253 &&
	    strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") ==
		    n &&
	    text[0] != '-' && text[0] != '.')
		return 0;
	return err_say(e, -EINVAL, "%s %s: a name has letters, digits, '.', '-' and '_' alone",
		       option, text);
}

/* "NAME" or "name=NAME,ip=..,ip6=..,mac-address=..,alias=.." as Docker has it. */
static int parse_wish(const char *text, struct arena *a, struct record_network *ret, struct err *e)
{
	struct record_network wish = {0};
	struct str_slice words = {0};

	if (!strchr(text, '=')) {
		ret->name = text;
		return 0;
	}
	strings_split(text, ',', a, &words);
	for (size_t i = 0; i < words.n; i++) {
		const char *word = words.v[i], *value = strchr(word, '=');

		value = value ? value + 1 : "";
		if (str_starts(word, "name="))
			wish.name = value;
		else if (str_starts(word, "ip="))
			wish.ip = value;
		else if (str_starts(word, "ip6="))
			wish.ip6 = value;
		else if (str_starts(word, "mac-address="))
			wish.mac = value;
		else if (str_starts(word, "alias="))
			strings_add(&wish.aliases, value, a);
		else
			return err_say(e, -EINVAL,
				       "--network %s: unknown key %s: want name=, ip=, ip6=, "
				       "mac-address= or alias=",
				       text, word);
	}
	if (!wish.name)
		return err_say(e, -EINVAL, "--network %s: name= is missing", text);
	*ret = wish;
	return 0;
}

/* --ip and the like say something of the first network. */
static void add_options(const struct spec_plan *p, struct record_network *first)
{
	const struct container_request *q = p->q;

	if (q->ip)
		first->ip = q->ip;
	if (q->ip6)
		first->ip6 = q->ip6;
	if (q->mac_address)
		first->mac = q->mac_address;
	for (size_t i = 0; i < q->network_alias.n; i++)
		strings_add(&first->aliases, q->network_alias.v[i], p->a);
}

int network_check_wish(const struct record_network *w, const struct network *n, struct err *e)
{
	int r;

	if ((r = check_address("--ip", w->ip, false, e)) < 0 ||
	    (r = check_address("--ip6", w->ip6, true, e)) < 0 ||
	    (r = check_mac("--mac-address", w->mac, e)) < 0)
		return r;
	if (n->is_default && w->aliases.n)
		return err_say(e, -EINVAL,
			       "network-scoped alias is supported only for containers in user "
			       "defined networks: make one with `berth network create`");
	for (size_t i = 0; r == 0 && i < w->aliases.n; i++)
		r = check_alias("--network-alias", w->aliases.v[i], e);
	return r;
}

static int add_network(struct spec_plan *p, const char *text, struct err *e)
{
	struct record_network wish = {0};
	struct network n = {0};
	int r = parse_wish(text, p->a, &wish, e);

	if (r < 0)
		return r;
	if (str_eq(wish.name, "default"))
		wish.name = NETWORK_DEFAULT;
	r = network_find(p->g, wish.name, p->a, &n, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < p->r->networks.n; i++)
		if (str_eq(p->r->networks.v[i].name, n.name))
			return err_say(e, -EINVAL, "--network %s: it is given twice", n.name);
	wish.name = n.name;
	if (p->r->networks.n == 0)
		add_options(p, &wish);
	r = network_check_wish(&wish, &n, e);
	if (r == 0)
		LIST_ADD(&p->r->networks, p->a) = wish;
	return r;
}

/* What says something of a network although there is none. */
static int check_orphans(const struct spec_plan *p, const char *mode, struct err *e)
{
	const struct container_request *q = p->q;
	const char *option = q->ip                ? "--ip"
			     : q->ip6             ? "--ip6"
			     : q->mac_address     ? "--mac-address"
			     : q->network_alias.n ? "--network-alias"
			     : q->net_rate_in     ? "--net-rate-in"
			     : q->net_rate_out    ? "--net-rate-out"
						  : NULL;

	if (!option)
		return 0;
	return err_say(e, -EINVAL,
		       "conflicting options: %s and the network mode (%s): the container is in no "
		       "network",
		       option, mode);
}

static int check_rates(const struct spec_plan *p, struct err *e)
{
	struct rate rate;
	int r = 0;

	if (p->q->net_rate_in)
		r = rate_parse("net-rate-in", p->q->net_rate_in, &rate, e);
	if (r == 0 && p->q->net_rate_out)
		r = rate_parse("net-rate-out", p->q->net_rate_out, &rate, e);
	p->r->net_rate_in = p->q->net_rate_in;
	p->r->net_rate_out = p->q->net_rate_out;
	return r;
}

int networks_plan(struct spec_plan *p, struct err *e)
{
	const struct str_slice *list = &p->q->network;
	const char *only = list->n == 1 ? list->v[0] : NULL;
	const char *words[] = {NETWORK_DEFAULT};
	const struct str_slice standard = {words, 1};
	int r = 0;

	/* An ordinary user has no right to make links on the host. */
	if (str_eq(only, "none") || (p->g->is_rootless && (!list->n || str_eq(only, "private")))) {
		p->r->network = "none";
		return check_orphans(p, p->r->network, e);
	}
	if (p->g->is_rootless)
		return err_say(e, -EPERM,
			       "--network %s: an ordinary user has no networks of this kind: none, "
			       "host, container:NAME or ns:PATH",
			       list->v[0]);
	if (!list->n || str_eq(only, "private") || str_eq(only, ""))
		list = &standard;
	for (size_t i = 0; r == 0 && i < list->n; i++)
		r = add_network(p, list->v[i], e);
	if (r < 0 || (r = check_rates(p, e)) < 0)
		return r;
	p->r->network = p->r->networks.v[0].name;
	return 0;
}

/* ---- ports --------------------------------------------------------------------------------------- */

static bool is_published(const struct record *r, const struct record_port *p)
{
	for (size_t i = 0; i < r->ports.n; i++)
		if (str_eq(r->ports.v[i].protocol, p->protocol) &&
		    r->ports.v[i].container_first <= p->container_first &&
		    r->ports.v[i].container_last >= p->container_first)
			return true;
	return false;
}

/* Every one of them gets a port of its own; with is_wanted false they are only checked. */
static int add_exposed(struct spec_plan *p, const char *option, const struct str_slice *list,
		       bool is_wanted, struct err *e)
{
	for (size_t i = 0; i < list->n; i++) {
		struct record_port port = {0};
		int r = port_parse_exposed(option, list->v[i], &port, e);
		int64_t last = port.container_last;

		if (r < 0)
			return r;
		for (; is_wanted && port.container_first <= last; port.container_first++) {
			port.container_last = port.container_first;
			if (!is_published(p->r, &port))
				LIST_ADD(&p->r->ports, p->a) = port;
		}
	}
	return 0;
}

static int check_mode(const struct spec_plan *p, struct err *e)
{
	const char *option = p->q->publish.n ? "--publish" : "--publish-all";

	if (p->mode[SPEC_NET] == SPEC_HOST) {
		log_warning("published ports are discarded when using host network mode");
		return 0;
	}
	if (p->mode[SPEC_NET] == SPEC_JOIN)
		return err_say(e, -EINVAL,
			       "conflicting options: %s and the network mode (--network %s): the "
			       "ports are for the other container to publish",
			       option, p->q->network.v[0]);
	return err_say(e, -EINVAL,
		       "%s: the container has no network that ports could be published from; "
		       "--network host gives it the host's",
		       option);
}

int ports_plan(struct spec_plan *p, struct err *e)
{
	const struct container_request *q = p->q;
	struct record_port *list = NULL;
	size_t n = 0;
	int r = 0;

	p->r->publishes_all = q->publish_all;
	if ((q->publish.n || q->publish_all) && !p->r->networks.n)
		return check_mode(p, e);
	for (size_t i = 0; r == 0 && i < q->publish.n; i++)
		r = port_parse("--publish", q->publish.v[i], p->a, &list, &n, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++)
		LIST_ADD(&p->r->ports, p->a) = list[i];
	r = add_exposed(p, "--expose", &q->expose, q->publish_all, e);
	if (r == 0 && q->publish_all)
		r = add_exposed(p, "EXPOSE", &p->image->config.config.exposed_ports, true, e);
	return r;
}

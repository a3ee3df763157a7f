/* SPDX-License-Identifier: Apache-2.0 */
/* The elements of the firewall's sets: networks and published ports, added, taken away, and laid anew. */
#include "engine/network/firewall.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "kernel/netlink.h"
#include "kernel/nft.h"

enum { IFNAME_SIZE = 16 };

/* nft_add_element or nft_delete_element */
struct change {
	struct nft *n;
	void (*apply)(struct nft *n, const char *set, const struct nft_element *e);
};

int firewall_lock(const struct engine *g, bool is_exclusive, struct err *e)
{
	auto_close int fd = -EBADF;
	int r;

	fd = openat(g->run_fd, "firewall.lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_sys(e, -errno, "open %s/firewall.lock", g->run);
	do
		r = flock(fd, is_exclusive ? LOCK_EX : LOCK_SH);
	while (r < 0 && errno == EINTR);
	return r < 0 ? err_sys(e, -errno, "lock %s/firewall.lock", g->run) : TAKE_FD(fd);
}

/* Kept until the process ends: closing a socket of nfnetlink waits until the kernel has freed what anybody's batch deleted
 * (nft_rcv_nl_event), some milliseconds, and nobody waits for the end of a monitor. */
static int need_socket(struct err *e)
{
	static int kept = -EBADF;

	if (kept < 0)
		kept = netlink_open(NETLINK_NETFILTER);
	return kept < 0 ? err_sys(e, kept, "speak to the kernel's firewall (module nfnetlink)")
			: kept;
}

static int explain(int r, const char *what, struct err *e)
{
	if (r == -EOPNOTSUPP || r == -EINVAL)
		return err_sys(e, r, "%s (modules nf_tables, nft_chain_nat, nft_fib_inet, nft_ct)",
			       what);
	return err_sys(e, r, "%s", what);
}

/* ---- networks ------------------------------------------------------------------------------------ */

static void change_plain(const struct change *c, const char *set, const void *key, size_t size,
			 uint32_t flags)
{
	const struct nft_element element = {.key = key, .key_size = size, .flags = flags};

	c->apply(c->n, set, &element);
}

static void change_subnet(const struct change *c, const struct subnet *s)
{
	const char *set = s->base.family == AF_INET ? "masquerade4" : "masquerade6";
	struct address last = subnet_last(s), end = address_add(&last, 1);

	change_plain(c, set, s->base.bytes, address_size(&s->base), 0);
	change_plain(c, set, end.bytes, address_size(&end), NFT_SET_ELEM_INTERVAL_END);
}

static void change_network(const struct change *c, const struct network *n)
{
	char name[2 * IFNAME_SIZE] = {0};

	memcpy(name, n->interface, strnlen(n->interface, IFNAME_SIZE - 1));
	memcpy(name + IFNAME_SIZE, name, IFNAME_SIZE);
	change_plain(c, "bridges", name, IFNAME_SIZE, 0);
	change_plain(c, "pairs", name, sizeof(name), 0);
	if (n->is_internal) {
		change_plain(c, "internal", name, IFNAME_SIZE, 0);
		return;
	}
	for (int f = 0; f < NETWORK_FAMILIES; f++)
		if (n->range[f].is_set)
			change_subnet(c, &n->range[f].subnet);
}

/* Adds or deletes the network's elements in one batch. what: for errors. */
static int put_network(const struct engine *g, const struct network *n,
		       void (*apply)(struct nft *n, const char *set, const struct nft_element *e),
		       const char *what, bool may_be_gone, struct err *e)
{
	auto_close int lock = firewall_lock(g, false, e);
	int socket = lock < 0 ? lock : need_socket(e);
	auto_nft struct nft nft = {0};
	const struct change c = {&nft, apply};
	char table[32];
	int r;

	if (socket < 0)
		return socket;
	firewall_table(g, table);
	nft_begin(&nft, table);
	change_network(&c, n);
	r = nft_commit(socket, &nft);
	return r < 0 && !(may_be_gone && r == -ENOENT) ? explain(r, what, e) : 0;
}

int firewall_add_network(const struct engine *g, const struct network *n, struct err *e)
{
	return put_network(g, n, nft_add_element, "add the network to the firewall", false, e);
}

int firewall_remove_network(const struct engine *g, const struct network *n, struct err *e)
{
	return put_network(g, n, nft_delete_element, "take the network out of the firewall", true,
			   e);
}

/* ---- published ports ----------------------------------------------------------------------------- */

void firewall_ports(uint32_t host_first, uint32_t n, uint32_t container_first, uint32_t *ret_min,
		    uint32_t *ret_max)
{
	uint32_t size;

	*ret_min = *ret_max = container_first;
	if (n == 1)
		return;
	if (container_first >= host_first) {
		*ret_min = container_first - host_first;
		*ret_max = 65535;
		return;
	}
	/* port % size is port - size for all of them where size <= host_first and host_first + n <= 2 * size. */
	size = (65536 + host_first - container_first) / 2;
	if (size > host_first)
		size = host_first;
	*ret_min = size - (host_first - container_first);
	*ret_max = *ret_min + size - 1;
}

static uint8_t protocol_number(const char *name)
{
	return str_eq(name, "udp")    ? IPPROTO_UDP
	       : str_eq(name, "sctp") ? IPPROTO_SCTP
				      : IPPROTO_TCP;
}

static void put_u16(uint8_t *to, int64_t value)
{
	to[0] = (uint8_t)(value >> 8);
	to[1] = (uint8_t)value;
}

/* ADDRESS . PROTOCOL . PORT, each padded to four bytes; address NULL: the first or last of all. */
static void put_key(uint8_t *to, const struct address *a, size_t size, bool is_end,
		    uint8_t protocol, int64_t port)
{
	if (a->family)
		memcpy(to, a->bytes, size);
	else
		memset(to, is_end ? 0xff : 0, size);
	to[size] = protocol;
	put_u16(to + size + 4, port);
}

static void change_part(const struct change *c, const struct published *p,
			const struct address *host, const struct address *guest)
{
	size_t size = address_size(guest);
	uint32_t n = (uint32_t)(p->host_last - p->host_first + 1), min, max;
	uint8_t key[24] = {0}, end[24] = {0}, data[40] = {0};
	const struct nft_element element = {.key = key,
					    .key_end = end,
					    .data = data,
					    .key_size = size + 8,
					    .data_size = 2 * (size + 4)};

	firewall_ports((uint32_t)p->host_first, n, (uint32_t)p->container_first, &min, &max);
	put_key(key, host, size, false, protocol_number(p->protocol), p->host_first);
	put_key(end, host, size, true, protocol_number(p->protocol), p->host_last);
	/* From ADDRESS . PORT to ADDRESS . PORT */
	memcpy(data, guest->bytes, size);
	put_u16(data + size, min);
	memcpy(data + size + 4, guest->bytes, size);
	put_u16(data + 2 * size + 4, max);
	c->apply(c->n, size == 4 ? "publish4" : "publish6", &element);
}

/* A range that is moved down and longer than its first number has no numbers that fit (firewall_ports): then it is
 * cut into several, each twice as long as the one before. */
static void change_port(const struct change *c, const struct published *p,
			const struct address *host, const struct address *guest)
{
	struct published part = *p;

	while (part.host_first <= p->host_last) {
		int64_t n = p->host_last - part.host_first + 1;

		if (part.container_first < part.host_first && n > part.host_first)
			n = part.host_first;
		part.host_last = part.host_first + n - 1;
		change_part(c, &part, host, guest);
		part.host_first += n;
		part.container_first += n;
	}
}

/* Where published ports lead: the first network that is not internal and has an address of this family. */
static struct address find_guest(const struct network_state *s, int family)
{
	struct address a = {0};

	for (size_t i = 0; i < s->endpoints.n; i++) {
		const struct endpoint *p = &s->endpoints.v[i];

		if (p->address[family] && p->gateway[family] && str_eq(p->driver, "bridge") &&
		    address_parse(p->address[family], &a) == 0)
			return a;
	}
	return a;
}

static bool is_any(const struct address *a)
{
	static const uint8_t zero[16] = {0};

	return memcmp(a->bytes, zero, address_size(a)) == 0;
}

static void change_ports(const struct change *c, const struct network_state *s, size_t from,
			 size_t to)
{
	const struct address guests[] = {find_guest(s, NETWORK_V4), find_guest(s, NETWORK_V6)};

	for (size_t i = from; i < to; i++) {
		const struct published *p = &s->ports.v[i];
		struct address host = {0};

		if (p->address && *p->address && address_parse(p->address, &host) < 0)
			continue;
		for (size_t f = 0; f < ARRAY_LEN(guests); f++) {
			struct address at = host;

			if (!guests[f].family || (host.family && host.family != guests[f].family))
				continue;
			if (is_any(&host))
				at.family = 0;
			change_port(c, p, &at, &guests[f]);
		}
	}
}

static bool ports_meet(const struct published *a, const struct published *b)
{
	struct address x = {0}, y = {0};

	if (!str_eq(a->protocol, b->protocol) || a->host_last < b->host_first ||
	    b->host_last < a->host_first)
		return false;
	if (!a->address || !*a->address || !b->address || !*b->address)
		return true;
	if (address_parse(a->address, &x) < 0 || address_parse(b->address, &y) < 0)
		return false;
	return x.family == y.family && (is_any(&x) || is_any(&y) || address_equal(&x, &y));
}

/* Who has one of s's ports: its name, and which; NULL: nobody that we know. */
static const char *find_holder(const struct engine *g, const struct network_state *s,
			       struct arena *a, const struct published **ret)
{
	struct network_state *states = NULL;
	size_t n = 0;

	if (network_states(g, a, &states, &n, NULL) < 0)
		return NULL;
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < states[i].ports.n && !str_eq(states[i].id, s->id); k++)
			for (size_t j = 0; j < s->ports.n; j++)
				if (ports_meet(&states[i].ports.v[k], &s->ports.v[j])) {
					*ret = &s->ports.v[j];
					return states[i].name;
				}
	return NULL;
}

int firewall_check(const struct engine *g, const struct network_state *s, struct err *e)
{
	auto_arena struct arena a = {0};
	const struct published *p = NULL;
	const char *holder = find_holder(g, s, &a, &p);

	if (!holder)
		return 0;
	return err_say(e, -EADDRINUSE,
		       "Bind for %s:%lld failed: port is already allocated: container %s has it",
		       p->address && *p->address ? p->address : "0.0.0.0", (long long)p->host_first,
		       holder);
}

static int publish_once(const struct engine *g, const struct network_state *s, struct err *e)
{
	auto_close int lock = firewall_lock(g, false, e);
	int socket = lock < 0 ? lock : need_socket(e);
	auto_nft struct nft nft = {0};
	const struct change c = {&nft, nft_add_element};
	char table[32];

	if (socket < 0)
		return socket;
	firewall_table(g, table);
	nft_begin(&nft, table);
	change_ports(&c, s, 0, s->ports.n);
	return nft_commit(socket, &nft);
}

int firewall_publish(const struct engine *g, const struct network_state *s, struct err *e)
{
	int r;

	if (!s->ports.n)
		return 0;
	r = publish_once(g, s, e);
	if (r != -EEXIST && r != -EBUSY)
		return r < 0 ? explain(r, "publish the ports", e) : 0;
	r = firewall_check(g, s, e);
	if (r < 0)
		return r;
	/* Somebody was killed while he had it, and is known no more. */
	r = network_reload(g, e);
	if (r == 0)
		r = publish_once(g, s, e);
	return r < 0 ? explain(r, "publish the ports (two of them overlap?)", e) : 0;
}

int firewall_withdraw(const struct engine *g, const struct network_state *s, struct err *e)
{
	char table[32];
	int socket, r = 0;

	if (!s->ports.n)
		return 0;
	socket = need_socket(e);
	if (socket < 0)
		return socket;
	firewall_table(g, table);
	/* First all at once; where one is missing each for itself. */
	for (size_t step = s->ports.n; step; step = step > 1 ? 1 : 0) {
		for (size_t i = 0; i < s->ports.n; i += step) {
			auto_nft struct nft nft = {0};
			const struct change c = {&nft, nft_delete_element};
			int rc;

			nft_begin(&nft, table);
			change_ports(&c, s, i, i + step);
			rc = nft_commit(socket, &nft);
			if (rc < 0 && rc != -ENOENT)
				return explain(rc, "withdraw the ports", e);
			r = rc < 0 ? rc : r;
		}
		if (r == 0)
			break;
	}
	return 0;
}

/* ---- the whole ----------------------------------------------------------------------------------- */

static int lay_all(const struct engine *g, struct err *e)
{
	auto_arena struct arena a = {0};
	auto_nft struct nft nft = {0};
	int socket = need_socket(e);
	const struct change c = {&nft, nft_add_element};
	struct network *networks = NULL;
	struct network_state *states = NULL;
	size_t n = 0, n_states = 0;
	char table[32];
	int r;

	if (socket < 0)
		return socket;
	if ((r = network_list(g, &a, &networks, &n, e)) < 0 ||
	    (r = network_states(g, &a, &states, &n_states, e)) < 0)
		return r;
	firewall_table(g, table);
	nft_begin(&nft, table);
	firewall_lay(&nft);
	for (size_t i = 0; i < n; i++)
		if (str_eq(networks[i].driver, "bridge"))
			change_network(&c, &networks[i]);
	for (size_t i = 0; i < n_states; i++)
		change_ports(&c, &states[i], 0, states[i].ports.n);
	r = nft_commit(socket, &nft);
	return r < 0 ? explain(r, "lay the firewall's table", e) : 0;
}

int network_reload(const struct engine *g, struct err *e)
{
	auto_close int lock = firewall_lock(g, true, e);

	return lock < 0 ? lock : lay_all(g, e);
}

static int has_table(const struct engine *g, struct err *e)
{
	int socket = need_socket(e);
	char table[32];
	int r;

	if (socket < 0)
		return socket;
	firewall_table(g, table);
	r = nft_has_table(socket, table);
	return r < 0 ? explain(r, "look for the firewall's table", e) : r;
}

int firewall_need(const struct engine *g, struct err *e)
{
	auto_close int lock = -EBADF;
	int r = has_table(g, e);

	if (r != 0)
		return r < 0 ? r : 0;
	/* Order: of several that miss it one lays it, for another's elements must not go again. */
	lock = firewall_lock(g, true, e);
	if (lock < 0 || (r = has_table(g, e)) != 0)
		return lock < 0 ? lock : r < 0 ? r : 0;
	return lay_all(g, e);
}

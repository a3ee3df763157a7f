/* SPDX-License-Identifier: Apache-2.0 */
/* How networks, and a container's places in them, are shown. */
#include "bin/berth/network_words.h"

#include "base/str.h"

static const char *text_or(const char *text, const char *other)
{
	return text ? text : other;
}

static void print_pairs(struct json_writer *w, const char *key, const struct oci_pairs *pairs)
{
	json_key(w, key);
	json_begin_object(w);
	for (size_t i = 0; i < pairs->n; i++)
		json_put_string(w, pairs->v[i].key, pairs->v[i].value);
	json_end_object(w);
}

/* ---- networks ------------------------------------------------------------------------------------ */

static void print_ranges(struct json_writer *w, const struct network *n, struct arena *a)
{
	json_key(w, "IPAM");
	json_begin_object(w);
	json_put_string(w, "Driver", "default");
	json_key(w, "Config");
	json_begin_array(w);
	for (int f = 0; f < NETWORK_FAMILIES; f++) {
		const struct network_range *r = &n->range[f];

		if (!r->is_set)
			continue;
		json_begin_object(w);
		json_put_string(w, "Subnet", subnet_text(&r->subnet, a));
		json_put_string(w, "Gateway", address_text(&r->gateway, a));
		json_put_string(w, "First", address_text(&r->first, a));
		json_put_string(w, "Last", address_text(&r->last, a));
		json_end_object(w);
	}
	json_end_array(w);
	json_end_object(w);
}

static const char *with_prefix(const struct endpoint *p, int family, struct arena *a)
{
	return p->address[family] ? arena_printf(a, "%s/%lld", p->address[family],
						 (long long)p->prefix[family])
				  : "";
}

static void print_guests(struct json_writer *w, const struct network *n,
			 const struct network_state *states, size_t count, struct arena *a)
{
	json_key(w, "Containers");
	json_begin_object(w);
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < states[i].endpoints.n; k++) {
			const struct endpoint *p = &states[i].endpoints.v[k];

			if (!str_eq(p->network_id, n->id))
				continue;
			json_key(w, states[i].id);
			json_begin_object(w);
			json_put_string(w, "Name", states[i].name);
			json_put_string(w, "MacAddress", text_or(p->mac, ""));
			json_put_string(w, "IPv4Address", with_prefix(p, NETWORK_V4, a));
			json_put_string(w, "IPv6Address", with_prefix(p, NETWORK_V6, a));
			json_put_string(w, "Interface", text_or(p->interface, ""));
			json_put_string(w, "HostInterface", text_or(p->host_interface, ""));
			json_end_object(w);
		}
	json_end_object(w);
}

void network_print(struct json_writer *w, const struct network *n,
		   const struct network_state *states, size_t count, struct arena *a)
{
	json_begin_object(w);
	json_put_string(w, "Name", n->name);
	json_put_string(w, "Id", n->id);
	json_put_string(w, "ID", n->id);
	json_put_string(w, "Created", runtime_time_text(n->created_ns, a));
	json_put_string(w, "Scope", "local");
	json_put_string(w, "Driver", n->driver);
	json_put_string(w, "Interface", n->interface);
	json_put_bool(w, "EnableIPv4", n->range[NETWORK_V4].is_set);
	json_put_bool(w, "EnableIPv6", n->range[NETWORK_V6].is_set);
	json_put_bool(w, "IPv6", n->range[NETWORK_V6].is_set);
	json_put_bool(w, "Internal", n->is_internal);
	json_put_uint(w, "Mtu", n->mtu);
	print_ranges(w, n, a);
	print_guests(w, n, states, count, a);
	print_pairs(w, "Options", &n->options);
	print_pairs(w, "Labels", &n->labels);
	json_end_object(w);
}

/* ---- a container --------------------------------------------------------------------------------- */

struct binding {
	const char *address, *protocol;
	int64_t host_first, container_first, n;
};

static void print_host_ports(struct json_writer *w, const struct binding *list, size_t n,
			     const char *protocol, int64_t port, struct arena *a)
{
	json_begin_array(w);
	for (size_t i = 0; i < n; i++) {
		const struct binding *b = &list[i];

		if (!str_eq(b->protocol, protocol) || port < b->container_first ||
		    port >= b->container_first + b->n)
			continue;
		json_begin_object(w);
		json_put_string(w, "HostIp", b->address);
		json_put_string(w, "HostPort",
				b->host_first ? arena_printf(a, "%lld",
							     (long long)(b->host_first + port -
									 b->container_first))
					      : "");
		json_end_object(w);
	}
	json_end_array(w);
}

/* A container's port that is bound twice is one key with two bindings. */
static bool is_shown(const struct binding *list, size_t n, const char *protocol, int64_t port)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(list[i].protocol, protocol) && port >= list[i].container_first &&
		    port < list[i].container_first + list[i].n)
			return true;
	return false;
}

static void print_bindings(struct json_writer *w, const char *key, const struct binding *list,
			   size_t n, struct arena *a)
{
	json_key(w, key);
	json_begin_object(w);
	for (size_t i = 0; i < n; i++)
		for (int64_t k = 0; k < list[i].n; k++) {
			int64_t port = list[i].container_first + k;

			if (is_shown(list, i, list[i].protocol, port))
				continue;
			json_key(w, arena_printf(a, "%lld/%s", (long long)port, list[i].protocol));
			print_host_ports(w, list, n, list[i].protocol, port, a);
		}
	json_end_object(w);
}

static void print_ports(struct json_writer *w, const struct network_state *s, struct arena *a)
{
	struct binding *list = arena_array(a, s->ports.n + 1, sizeof(*list));

	for (size_t i = 0; i < s->ports.n; i++) {
		const struct published *p = &s->ports.v[i];

		list[i] =
			(struct binding){text_or(p->address, "0.0.0.0"), p->protocol, p->host_first,
					 p->container_first, p->host_last - p->host_first + 1};
	}
	print_bindings(w, "Ports", list, s->ports.n, a);
}

void port_bindings_print(struct json_writer *w, const struct record *r, struct arena *a)
{
	struct binding *list = arena_array(a, r->ports.n + 1, sizeof(*list));

	for (size_t i = 0; i < r->ports.n; i++) {
		const struct record_port *p = &r->ports.v[i];

		list[i] = (struct binding){text_or(p->address, ""), p->protocol, p->host_first,
					   p->container_first,
					   p->container_last - p->container_first + 1};
	}
	print_bindings(w, "PortBindings", list, r->ports.n, a);
}

static void print_place(struct json_writer *w, const struct endpoint *p)
{
	json_put_string(w, "Gateway", text_or(p->gateway[NETWORK_V4], ""));
	json_put_string(w, "IPAddress", text_or(p->address[NETWORK_V4], ""));
	json_put_int(w, "IPPrefixLen", p->prefix[NETWORK_V4]);
	json_put_string(w, "IPv6Gateway", text_or(p->gateway[NETWORK_V6], ""));
	json_put_string(w, "GlobalIPv6Address", text_or(p->address[NETWORK_V6], ""));
	json_put_int(w, "GlobalIPv6PrefixLen", p->prefix[NETWORK_V6]);
	json_put_string(w, "MacAddress", text_or(p->mac, ""));
}

static void print_network(struct json_writer *w, const struct endpoint *p)
{
	json_key(w, p->network);
	json_begin_object(w);
	json_put_string(w, "NetworkID", text_or(p->network_id, ""));
	json_put_string(w, "Interface", text_or(p->interface, ""));
	json_put_string(w, "HostInterface", text_or(p->host_interface, ""));
	json_key(w, "Aliases");
	json_begin_array(w);
	for (size_t i = 0; i < p->aliases.n; i++)
		json_string(w, p->aliases.v[i]);
	json_end_array(w);
	print_place(w, p);
	json_end_object(w);
}

void network_settings_print(struct json_writer *w, const struct engine *g,
			    const struct container_info *c, struct arena *a)
{
	struct network_state s = {0};
	const struct endpoint none = {0};
	const struct record *r = &c->record;

	network_state_load(g, r->id, a, &s, NULL);
	json_key(w, "NetworkSettings");
	json_begin_object(w);
	json_put_string(w, "SandboxKey",
			c->status.pid > 0
				? arena_printf(a, "/proc/%lld/ns/net", (long long)c->status.pid)
				: "");
	print_place(w, s.endpoints.n ? &s.endpoints.v[0] : &none);
	print_ports(w, &s, a);
	json_key(w, "Networks");
	json_begin_object(w);
	for (size_t i = 0; i < s.endpoints.n; i++)
		print_network(w, &s.endpoints.v[i]);
	/* Of one that does not run: which it will be in. */
	for (size_t i = 0; !s.endpoints.n && i < r->networks.n; i++) {
		const struct endpoint p = {.network = r->networks.v[i].name,
					   .aliases = r->networks.v[i].aliases};

		print_network(w, &p);
	}
	json_end_object(w);
	json_end_object(w);
}

static const char *range_text(int64_t first, int64_t n, struct arena *a)
{
	return n > 1 ? arena_printf(a, "%lld-%lld", (long long)first, (long long)(first + n - 1))
		     : arena_printf(a, "%lld", (long long)first);
}

const char *ports_text(const struct engine *g, const struct container_info *c, struct arena *a)
{
	struct network_state s = {0};
	char *text = arena_strdup(a, "");

	if (!c->record.ports.n || network_state_load(g, c->record.id, a, &s, NULL) < 0)
		return text;
	for (size_t i = 0; i < s.ports.n; i++) {
		const struct published *p = &s.ports.v[i];
		int64_t n = p->host_last - p->host_first + 1;

		text = arena_printf(a, "%s%s%s:%s->%s/%s", text, i ? ", " : "",
				    text_or(p->address, "0.0.0.0"), range_text(p->host_first, n, a),
				    range_text(p->container_first, n, a), p->protocol);
	}
	return text;
}

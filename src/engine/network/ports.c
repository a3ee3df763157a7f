/* SPDX-License-Identifier: Apache-2.0 */
/* Published ports: as they are written, and as they are chosen and tried at a start. */
#include "engine/network/ports.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "engine/container/spec_parts.h"
#include "engine/network/holder.h"

enum { PORT_MAX = 65535, RANDOM_TRIES = 64 };

static const char *const protocols[] = {"tcp", "udp", "sctp"};

int mac_parse(const char *text, uint8_t ret[6])
{
	unsigned b[6];
	int n = 0;

	if (strspn(text, "0123456789abcdefABCDEF:") != strlen(text) ||
	    sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5],
		   &n) != 6 ||
	    (size_t)n != strlen(text) || (b[0] & 1))
		return -EINVAL;
	for (int i = 0; i < 6; i++)
		ret[i] = (uint8_t)b[i];
	return 0;
}

/* ---- as written ---------------------------------------------------------------------------------- */

/* "80" or "80-90" */
static int parse_range(const char *text, size_t n, int64_t *ret_first, int64_t *ret_last)
{
	char word[16], *dash;
	uint32_t first, last;

	if (!n || n >= sizeof(word))
		return -EINVAL;
	memcpy(word, text, n);
	word[n] = '\0';
	dash = strchr(word, '-');
	if (dash)
		*dash = '\0';
	if (str_to_u32(word, &first) < 0 || str_to_u32(dash ? dash + 1 : word, &last) < 0 ||
	    first == 0 || first > last || last > PORT_MAX)
		return -EINVAL;
	*ret_first = first;
	*ret_last = last;
	return 0;
}

static int refuse(const char *option, const char *text, const char *why, struct err *e)
{
	return err_say(e, -EINVAL,
		       "%s %s: %s: want [ADDRESS:][HOST[-END]:]CONTAINER[-END][/PROTOCOL], ports "
		       "from 1 to %d",
		       option, text, why, PORT_MAX);
}

/* Cuts "/tcp" off; NULL: no protocol that we know. */
static const char *cut_protocol(const char *text, size_t *n, struct arena *a)
{
	const char *slash = memchr(text, '/', *n), *word;
	int i;

	if (!slash)
		return "tcp";
	word = arena_strndup(a, slash + 1, *n - (size_t)(slash + 1 - text));
	*n = (size_t)(slash - text);
	for (char *c = (char *)(uintptr_t)word; *c; c++)
		*c = (char)(*c >= 'A' && *c <= 'Z' ? *c - 'A' + 'a' : *c);
	i = str_index(word, protocols, ARRAY_LEN(protocols));
	return i < 0 ? NULL : protocols[i];
}

/* The address at the beginning, if there is one; *ret_rest: what comes after its colon. Returns 0 or -EINVAL. */
static int cut_address(const char *text, struct arena *a, const char **ret_address,
		       const char **ret_rest)
{
	struct address address;
	const char *colon = strchr(text, ':'), *end;

	*ret_address = NULL;
	*ret_rest = text;
	if (*text == '[') {
		end = strchr(text, ']');
		if (!end || end[1] != ':')
			return -EINVAL;
		*ret_address = arena_strndup(a, text + 1, (size_t)(end - text - 1));
		*ret_rest = end + 2;
	} else if (colon && strchr(colon + 1, ':')) {
		*ret_address = arena_strndup(a, text, (size_t)(colon - text));
		*ret_rest = colon + 1;
	}
	if (*ret_address && !**ret_address)
		*ret_address = NULL;
	if (!*ret_address)
		return 0;
	if (address_parse(*ret_address, &address) < 0)
		return -EINVAL;
	*ret_address = address_text(&address, a);
	return 0;
}

/* Ports of the container that get any of the host's, each its own. */
static void add_random(const struct record_port *p, struct arena *a, struct record_port **list,
		       size_t *n)
{
	size_t count = (size_t)(p->container_last - p->container_first) + 1;

	*list = arena_grow(a, *list, *n * sizeof(**list), (*n + count) * sizeof(**list));
	for (size_t i = 0; i < count; i++) {
		(*list)[*n] = *p;
		(*list)[*n].container_first = (*list)[*n].container_last =
			p->container_first + (int64_t)i;
		++*n;
	}
}

int port_parse(const char *option, const char *text, struct arena *a, struct record_port **list,
	       size_t *n, struct err *e)
{
	struct record_port p = {0};
	const char *rest, *colon;
	size_t length;

	if (cut_address(text, a, &p.address, &rest) < 0)
		return refuse(option, text, "invalid IP address", e);
	length = strlen(rest);
	p.protocol = cut_protocol(rest, &length, a);
	if (!p.protocol)
		return refuse(option, text, "invalid proto, want tcp, udp or sctp", e);
	colon = memchr(rest, ':', length);
	if (colon && colon != rest &&
	    parse_range(rest, (size_t)(colon - rest), &p.host_first, &p.host_last) < 0)
		return refuse(option, text, "invalid hostPort", e);
	if (colon) {
		length -= (size_t)(colon + 1 - rest);
		rest = colon + 1;
	}
	if (parse_range(rest, length, &p.container_first, &p.container_last) < 0)
		return refuse(option, text, "invalid containerPort", e);
	if (!p.host_first) {
		add_random(&p, a, list, n);
		return 0;
	}
	if (p.host_last - p.host_first != p.container_last - p.container_first)
		return refuse(option, text, "invalid ranges specified for container and host Ports",
			      e);
	*list = arena_grow(a, *list, *n * sizeof(**list), (*n + 1) * sizeof(**list));
	(*list)[(*n)++] = p;
	return 0;
}

int port_parse_exposed(const char *option, const char *text, struct record_port *ret, struct err *e)
{
	auto_arena struct arena a = {0};
	struct record_port p = {0};
	size_t n = strlen(text);

	p.protocol = cut_protocol(text, &n, &a);
	if (!p.protocol || parse_range(text, n, &p.container_first, &p.container_last) < 0)
		return err_say(e, -EINVAL,
			       "%s %s: invalid port: want PORT[-END][/PROTOCOL], ports from 1 to "
			       "%d",
			       option, text, PORT_MAX);
	*ret = p;
	return 0;
}

/* ---- at a start ---------------------------------------------------------------------------------- */

static int socket_type(const char *protocol, int *ret_protocol)
{
	*ret_protocol = str_eq(protocol, "sctp") ? IPPROTO_SCTP : 0;
	return str_eq(protocol, "udp") ? SOCK_DGRAM : SOCK_STREAM;
}

/* Has nobody on the host this port? port 0: any; *ret_port is the one. -EADDRINUSE, -EADDRNOTAVAIL, ... */
static int try_port(const struct published *p, int64_t port, int64_t *ret_port)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} at = {.v4 = {.sin_family = AF_INET}};
	socklen_t n = sizeof(at.v4);
	struct address a = {0};
	int yes = 1, no = 0, protocol, type = socket_type(p->protocol, &protocol);
	auto_close int fd = -EBADF;

	if (p->address && address_parse(p->address, &a) < 0)
		return -EINVAL;
	/* Every address of both families: an IPv6 socket has them all, where there is IPv6. */
	if (a.family != AF_INET) {
		at.v6 = (struct sockaddr_in6){.sin6_family = AF_INET6,
					      .sin6_port = htons((uint16_t)port)};
		memcpy(&at.v6.sin6_addr, a.bytes, 16);
		n = sizeof(at.v6);
		fd = socket(AF_INET6, type | SOCK_CLOEXEC, protocol);
		if (fd >= 0)
			setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, a.family ? &yes : &no,
				   sizeof(no));
	}
	if (fd < 0 && a.family != AF_INET6) {
		at.v4 = (struct sockaddr_in){.sin_family = AF_INET,
					     .sin_port = htons((uint16_t)port)};
		memcpy(&at.v4.sin_addr, a.bytes, 4);
		n = sizeof(at.v4);
		fd = socket(AF_INET, type | SOCK_CLOEXEC, protocol);
	}
	if (fd < 0)
		/* No sctp in this kernel: then nobody has the port. */
		return errno == EPROTONOSUPPORT || errno == ESOCKTNOSUPPORT ? 0 : -errno;
	if (type == SOCK_STREAM)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (bind(fd, &at.any, n) < 0)
		return -errno;
	if (getsockname(fd, &at.any, &n) < 0)
		return -errno;
	*ret_port = ntohs(at.any.sa_family == AF_INET6 ? at.v6.sin6_port : at.v4.sin_port);
	return 0;
}

static int say_taken(const struct published *p, int64_t port, int r, struct arena *a, struct err *e)
{
	const char *address = p->address ? p->address : "0.0.0.0";

	if (r == -EADDRINUSE)
		return err_say(e, r,
			       "failed to bind host port for %s:%lld:%s: address already in use: "
			       "%s has it",
			       address, (long long)port, p->protocol,
			       holder_text(p->protocol, port, a));
	return err_sys(e, r, "publish %s:%lld/%s", address, (long long)port, p->protocol);
}

/* A range is looked up in the kernel's lists at once; a few ports are tried. */
static int try_ports(const struct published *p, struct arena *a, struct err *e)
{
	int64_t unused, taken = 0;

	if (p->host_last - p->host_first >= 8) {
		int r = holder_find(p->protocol, p->host_first, p->host_last, &taken, a, e);

		return r <= 0 ? r : say_taken(p, taken, -EADDRINUSE, a, e);
	}
	for (int64_t port = p->host_first; port <= p->host_last; port++) {
		int r = try_port(p, port, &unused);

		if (r < 0)
			return say_taken(p, port, r, a, e);
	}
	return 0;
}

int ports_choose(const struct engine *g, const struct record *r, struct arena *a,
		 struct network_state *s, struct err *e)
{
	(void)g;
	for (size_t i = 0; i < r->ports.n; i++) {
		const struct record_port *wish = &r->ports.v[i];
		struct published p = {.address = wish->address,
				      .protocol = wish->protocol,
				      .host_first = wish->host_first,
				      .host_last = wish->host_last,
				      .container_first = wish->container_first};
		int rc = p.host_first ? try_ports(&p, a, e) : try_port(&p, 0, &p.host_first);

		if (rc < 0)
			return wish->host_first ? rc : say_taken(&p, 0, rc, a, e);
		if (!wish->host_first)
			p.host_last = p.host_first;
		LIST_ADD(&s->ports, a) = p;
	}
	return 0;
}

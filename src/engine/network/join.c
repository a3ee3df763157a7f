/* SPDX-License-Identifier: Apache-2.0 */
/* A container's names made known in its networks, and its own addresses to itself. */
#include "engine/network/join.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "engine/container/spec_parts.h"
#include "engine/network/names.h"
#include "kernel/fd.h"

enum { ID_SHORT = 12, HOSTS_MAX = 1 << 20 };

/* What follows this line of /etc/hosts is of one life. */
#define HOSTS_MARK "# addresses of this container\n"

static bool has_names(const struct endpoint *p)
{
	return !p->is_default && str_eq(p->driver, "bridge");
}

int endpoint_names(const struct engine *g, const struct endpoint *p, struct arena *a,
		   struct names_network *ret, struct err *e)
{
	struct network n;
	int r;

	*ret = (struct names_network){.name = p->network, .is_internal = p->is_internal};
	if (!has_names(p))
		return 0;
	for (int f = 0; f < NETWORK_FAMILIES && !ret->gateway; f++)
		ret->gateway = p->gateway[f];
	if (ret->gateway)
		return 0;
	/* An internal network's bridge has an address too, but leads nowhere. */
	r = network_find(g, p->network, a, &n, e);
	for (int f = 0; r == 0 && f < NETWORK_FAMILIES && !ret->gateway; f++)
		if (n.range[f].is_set)
			ret->gateway = address_text(&n.range[f].gateway, a);
	return r;
}

int endpoint_join(const struct engine *g, const struct network_state *s, const struct endpoint *p,
		  struct err *e)
{
	auto_arena struct arena a = {0};
	struct names_network n = {0};
	struct names_entry c = {.id = s->id, .addresses = {p->address[0], p->address[1]}};
	struct err why = {0};
	int r = endpoint_names(g, p, &a, &n, e);

	if (r < 0 || !n.gateway)
		return r;
	strings_add(&c.names, s->name, &a);
	strings_add(&c.names, arena_strndup(&a, s->id, ID_SHORT), &a);
	for (size_t i = 0; i < p->aliases.n; i++)
		strings_add(&c.names, p->aliases.v[i], &a);
	/* A host whose own server has port 53 of every address: the container runs, without names. */
	if (names_add(g, &n, &c, &why) < 0)
		log_warning("%s", why.text);
	return 0;
}

void endpoint_part(const struct engine *g, const char *id, const struct endpoint *p)
{
	if (has_names(p))
		names_remove(g, p->network, id, NULL);
}

int network_revive_names(const struct engine *g, struct err *e)
{
	auto_arena struct arena a = {0};
	struct network_state *states = NULL;
	size_t n_states = 0;
	int r;

	/* Without the folder no network with names has containers. */
	if (faccessat(g->run_fd, "names", F_OK, 0) < 0)
		return 0;
	names_repair(g);
	r = network_states(g, &a, &states, &n_states, e);
	for (size_t i = 0; r == 0 && i < n_states; i++) {
		for (size_t k = 0; r == 0 && k < states[i].endpoints.n; k++) {
			struct names_network n = {0};
			int server;

			r = endpoint_names(g, &states[i].endpoints.v[k], &a, &n, e);
			if (r < 0 || !n.gateway)
				continue;
			server = names_watch(g, &n, e);
			if (server >= 0)
				close(server);
			else if (server != -ENOENT)
				r = server;
		}
	}
	return r;
}

int endpoints_write_hosts(const struct engine *g, const struct network_state *s, struct err *e)
{
	auto_arena struct arena a = {0};
	auto_close int dir = record_open(g, s->id, e);
	char *text = NULL, *mark, hostname[256] = "";
	int r;

	if (dir < 0)
		return dir;
	/* Where they are somebody else's (a container of the same network), there are none to write. */
	if (file_read_small(dir, "hostname", hostname, sizeof(hostname)) <= 0 ||
	    file_read_at(dir, "hosts", &a, HOSTS_MAX, &text, NULL) < 0)
		return 0;
	mark = strstr(text, HOSTS_MARK);
	if (mark)
		*mark = '\0';
	text = arena_printf(&a, "%s" HOSTS_MARK, text);
	for (size_t i = 0; i < s->endpoints.n; i++)
		for (int f = 0; f < NETWORK_FAMILIES; f++)
			if (s->endpoints.v[i].address[f])
				text = arena_printf(&a, "%s%s\t%s\n", text,
						    s->endpoints.v[i].address[f], hostname);
	r = file_replace_at(dir, "hosts", text, strlen(text), 0644);
	return r < 0 ? err_sys(e, r, "write hosts of container %s", s->name) : 0;
}

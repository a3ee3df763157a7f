/* SPDX-License-Identifier: Apache-2.0 */
/* berth port: which ports of a container are published, and where. */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "base/str.h"
#include "bin/berth/command.h"
#include "engine/container/container.h"
#include "engine/network/network.h"
#include "engine/network/ports.h"

static const struct opt no_options[] = {{0}};

/* "0.0.0.0:8080", "[::1]:53": and every address of both families where none was given. */
static int print_place(const struct published *p, int64_t port, bool has_v6, const char *head,
		       struct arena *a, struct err *e)
{
	const char *address = p->address ? p->address : "0.0.0.0";
	bool is_v6 = strchr(address, ':') != NULL;
	int r = print_line(arena_printf(a, is_v6 ? "%s[%s]:%lld" : "%s%s:%lld", head, address,
					(long long)port),
			   e);

	if (r < 0 || p->address || !has_v6)
		return r;
	return print_line(arena_printf(a, "%s[::]:%lld", head, (long long)port), e);
}

static bool has_v6(const struct network_state *s)
{
	for (size_t i = 0; i < s->endpoints.n; i++)
		if (s->endpoints.v[i].address[NETWORK_V6] && s->endpoints.v[i].gateway[NETWORK_V6])
			return true;
	return false;
}

/* wanted NULL: all of them. Returns how many, or -errno. */
static int print_all(const struct invocation *in, const struct network_state *s,
		     const struct record_port *wanted, struct err *e)
{
	int n = 0;

	for (size_t i = 0; i < s->ports.n; i++) {
		const struct published *p = &s->ports.v[i];

		for (int64_t k = 0; k <= p->host_last - p->host_first; k++) {
			int64_t port = p->container_first + k;
			const char *head = "";
			int r;

			if (wanted && (port != wanted->container_first ||
				       !str_eq(p->protocol, wanted->protocol)))
				continue;
			if (!wanted)
				head = arena_printf(in->arena, "%lld/%s -> ", (long long)port,
						    p->protocol);
			r = print_place(p, p->host_first + k, has_v6(s), head, in->arena, e);
			if (r < 0)
				return r;
			n++;
		}
	}
	return n;
}

static int port_main(const struct invocation *in, int *ret_code, struct err *e)
{
	struct container_info c = {0};
	struct network_state s = {0};
	struct record_port wanted = {0};
	bool has_wanted = in->words.n > 1;
	int r = container_find(&in->engine, in->words.v[0], in->arena, &c, e);

	(void)ret_code;
	if (r < 0 ||
	    (has_wanted && (r = port_parse_exposed("port", in->words.v[1], &wanted, e)) < 0))
		return r;
	r = network_state_load(&in->engine, c.record.id, in->arena, &s, NULL);
	if (r < 0 && r != -ENOENT)
		return err_sys(e, r, "read what container %s has of networks", c.record.name);
	r = print_all(in, &s, has_wanted ? &wanted : NULL, e);
	if (r == 0 && has_wanted)
		return err_say(e, -ENOENT, "no public port '%s' published for %s", in->words.v[1],
			       in->words.v[0]);
	return r < 0 ? r : 0;
}

const struct command cmd_port = {
	.name = "port",
	.usage = "CONTAINER [PORT[/PROTOCOL]]",
	.help = "Show the published ports of a container",
	.group = "containers",
	.options = no_options,
	.words_min = 1,
	.words_max = 2,
	.main = port_main,
};

/* SPDX-License-Identifier: Apache-2.0 */
/* berth network connect, disconnect and reload. */
#include <stddef.h>

#include "bin/berth/command.h"
#include "engine/container/container.h"
#include "engine/network/network.h"

/* ---- connect ------------------------------------------------------------------------------------- */

struct connect_options {
	const char *ip, *ip6, *mac;
	struct str_slice aliases;
};

static const struct opt connect_options[] = {
	{"ip", 0, OPT_STRING, offsetof(struct connect_options, ip), "ADDRESS", "its IPv4 address",
	 false},
	{"ip6", 0, OPT_STRING, offsetof(struct connect_options, ip6), "ADDRESS", "its IPv6 address",
	 false},
	{"mac-address", 0, OPT_STRING, offsetof(struct connect_options, mac), "MAC",
	 "its address on the link", false},
	{"alias", 0, OPT_LIST, offsetof(struct connect_options, aliases), "NAME",
	 "one more name in this network", false},
	{0},
};

static int connect_main(const struct invocation *in, int *ret_code, struct err *e)
{
	const struct connect_options *o = in->values;
	const struct record_network wish = {.name = in->words.v[0],
					    .ip = o->ip,
					    .ip6 = o->ip6,
					    .mac = o->mac,
					    .aliases = o->aliases};
	struct container_info c = {0};
	int r = container_find(&in->engine, in->words.v[1], in->arena, &c, e);

	(void)ret_code;
	return r < 0 ? r : network_connect(&in->engine, &c, &wish, e);
}

const struct command cmd_network_connect = {
	.name = "network connect",
	.usage = "NETWORK CONTAINER",
	.help = "Bring a container into a network, also while it runs",
	.group = "networks",
	.options = connect_options,
	.values_size = sizeof(struct connect_options),
	.words_min = 2,
	.words_max = 2,
	.enters = true,
	.main = connect_main,
};

/* ---- disconnect ---------------------------------------------------------------------------------- */

struct disconnect_options {
	bool force;
};

static const struct opt disconnect_options[] = {
	{"force", 'f', OPT_FLAG, offsetof(struct disconnect_options, force), NULL,
	 "no error where it is not in it", false},
	{0},
};

static int disconnect_main(const struct invocation *in, int *ret_code, struct err *e)
{
	const struct disconnect_options *o = in->values;
	struct container_info c = {0};
	int r = container_find(&in->engine, in->words.v[1], in->arena, &c, e);

	(void)ret_code;
	return r < 0 ? r : network_disconnect(&in->engine, &c, in->words.v[0], o->force, e);
}

const struct command cmd_network_disconnect = {
	.name = "network disconnect",
	.usage = "NETWORK CONTAINER",
	.help = "Take a container out of a network, also while it runs",
	.group = "networks",
	.options = disconnect_options,
	.values_size = sizeof(struct disconnect_options),
	.words_min = 2,
	.words_max = 2,
	.enters = true,
	.main = disconnect_main,
};

/* ---- reload -------------------------------------------------------------------------------------- */

static const struct opt no_options[] = {{0}};

static int reload_main(const struct invocation *in, int *ret_code, struct err *e)
{
	int r = network_reload(&in->engine, e);

	(void)ret_code;
	return r < 0 ? r : network_revive_names(&in->engine, e);
}

const struct command cmd_network_reload = {
	.name = "network reload",
	.usage = "",
	.help = "Lay the firewall's rules anew",
	.group = "networks",
	.details = "After the host's firewall was flushed or restarted. The next start of a "
		   "container does the "
		   "same where it finds the rules gone.",
	.options = no_options,
	.enters = true,
	.main = reload_main,
};

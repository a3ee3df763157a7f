/* SPDX-License-Identifier: Apache-2.0 */
/* A container's resolv.conf, from the host's and from what was asked for. */
#ifndef BERTH_ENGINE_NETWORK_RESOLV_H
#define BERTH_ENGINE_NETWORK_RESOLV_H

#include <stdbool.h>

#include "base/slice.h"

struct arena;

struct resolv_wish {
	struct str_slice dns, search, options; /* --dns, --dns-search ("." : none), --dns-option */
	struct str_slice gateways; /* of its user-defined networks: their dnsmasq knows the names */
	bool has_host_network;     /* then servers on the host's loopback can be reached */
};

/* host: the text of the host's file. What was asked for takes the place of the host's line of that kind; the networks'
 * own servers come first. A resolver reads three servers (resolv.conf(5)). The text is in the arena. */
char *resolv_text(const char *host, const struct resolv_wish *w, struct arena *a);

/* The file that tells the host's servers: /etc/resolv.conf, or what systemd-resolved keeps beside it where the former names
 * its stub on the loopback alone. Returns the text, "" where there is none. */
char *resolv_of_host(bool has_host_network, struct arena *a);

#endif

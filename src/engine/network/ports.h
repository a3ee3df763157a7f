/* SPDX-License-Identifier: Apache-2.0 */
/* Inside engine/: published ports, as they are written and as they are chosen at a start. */
#ifndef BERTH_ENGINE_NETWORK_PORTS_H
#define BERTH_ENGINE_NETWORK_PORTS_H

#include "engine/network/network.h"

/* "[ADDRESS:][HOST[-END]:]CONTAINER[-END][/PROTOCOL]"; an IPv6 address stands in brackets. More than one where a
 * range has no host ports. Appends to list; option for the error. Returns 0 or -EINVAL. */
int port_parse(const char *option, const char *text, struct arena *a, struct record_port **list,
	       size_t *n, struct err *e);
/* "8080[-8090][/tcp]": --expose. host_first stays 0. */
int port_parse_exposed(const char *option, const char *text, struct record_port *ret,
		       struct err *e);

/* s->ports from r->ports: random ones are chosen, and all are tried whether a process of the host has them. */
int ports_choose(const struct engine *g, const struct record *r, struct arena *a,
		 struct network_state *s, struct err *e);

/* "02:42:ac:11:00:02": six bytes, not a group's. Returns 0 or -EINVAL. */
int mac_parse(const char *text, uint8_t ret[6]);

#endif

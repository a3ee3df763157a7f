/* SPDX-License-Identifier: Apache-2.0 */
/* How networks, and a container's places in them, are shown. */
#ifndef BERTH_BIN_BERTH_NETWORK_WORDS_H
#define BERTH_BIN_BERTH_NETWORK_WORDS_H

#include "bin/berth/command.h"
#include "engine/network/network.h"

/* One object as `docker network inspect` prints it, with the containers of states[0..n) that are in it. */
void network_print(struct json_writer *w, const struct network *n,
		   const struct network_state *states, size_t count, struct arena *a);
/* The value of "NetworkSettings" as `docker inspect` has it. */
void network_settings_print(struct json_writer *w, const struct engine *g,
			    const struct container_info *c, struct arena *a);
/* "HostConfig": "PortBindings", as they were asked for. */
void port_bindings_print(struct json_writer *w, const struct record *r, struct arena *a);
/* "0.0.0.0:8080->80/tcp, 0.0.0.0:20000-20499->1000-1499/tcp": as `docker ps` has it; "" where there are none. */
const char *ports_text(const struct engine *g, const struct container_info *c, struct arena *a);

#endif

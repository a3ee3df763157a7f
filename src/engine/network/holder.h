/* SPDX-License-Identifier: Apache-2.0 */
/* Inside network/: who on the host has a port. */
#ifndef BERTH_ENGINE_NETWORK_HOLDER_H
#define BERTH_ENGINE_NETWORK_HOLDER_H

#include <stdint.h>

struct arena;
struct err;

/* Is one of these ports bound (tcp: listened on)? 1 with the first in *ret_port, 0, or -errno. By /proc/net. */
int holder_find(const char *protocol, int64_t first, int64_t last, int64_t *ret_port,
		struct arena *a, struct err *e);
/* "process nginx (pid 123)", or "another process". */
const char *holder_text(const char *protocol, int64_t port, struct arena *a);

#endif

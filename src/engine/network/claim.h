/* SPDX-License-Identifier: Apache-2.0 */
/* Inside network/: addresses of a network, each claimed by one container. */
#ifndef BERTH_ENGINE_NETWORK_CLAIM_H
#define BERTH_ENGINE_NETWORK_CLAIM_H

#include "engine/network/network.h"

/* Makes RUN/networks/ID where it is missing and opens it (O_PATH). */
int claim_folder(const struct engine *g, const struct network *n, struct err *e);
/* Claims `wanted` (NULL: any that is free, in turn) for container id: of two that try, one gets it.
 * -EADDRINUSE: it, or every one, is taken. */
int claim_address(const struct engine *g, int folder, const struct network *n, int family,
		  const char *wanted, const char *id, struct address *ret, struct err *e);
/* Gives it back where id has it. */
void claim_release(const struct engine *g, const char *network_id, const char *address,
		   const char *id);

#endif

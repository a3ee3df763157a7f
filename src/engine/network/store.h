/* SPDX-License-Identifier: Apache-2.0 */
/* Inside network/: the files of networks, and what a new one is to look like. */
#ifndef BERTH_ENGINE_NETWORK_STORE_H
#define BERTH_ENGINE_NETWORK_STORE_H

#include "engine/network/network.h"

/* The lock of all networks: shared from finding one until its addresses are claimed, exclusive while one comes or goes.
 * Returns a descriptor that holds it or -errno. */
int networks_lock(const struct engine *g, bool is_exclusive, struct err *e);

/* "bridge" comes into being: the lock is held exclusively. */
int network_save(const struct engine *g, const struct network *n, struct err *e);

/* Turns a request into a network, apart from others[0..n): names, subnets, defaults. Nothing is written. */
int network_plan(const struct engine *g, const struct network_request *q,
		 const struct network *others, size_t n, struct arena *a, struct network *ret,
		 struct err *e);
/* The same for "bridge". */
int network_plan_default(const struct engine *g, const struct network *others, size_t n,
			 struct arena *a, struct network *ret, struct err *e);
/* Is the store where it is by default? Then links and table have plain names. */
bool network_store_is_default(const struct engine *g);

int64_t network_now_ns(void);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Inside network/: how many published ranges have a port, for all ports of the host. */
#ifndef BERTH_ENGINE_NETWORK_TALLY_H
#define BERTH_ENGINE_NETWORK_TALLY_H

#include "engine/network/network.h"

/*
 * Theory of operation
 *
 * The kernel's map refuses an element that lies within another one, but takes one that encloses another: so what may
 * meet is looked for here. RUN/networks/ports has a byte for every port of each protocol, how many have it; only where one
 * of the wanted ports is not zero must the states of all containers be read, which tell for sure. So a start costs the
 * same with a thousand others alive. Who is killed leaves a number too high, never one too low: it is added before
 * network.json is written, and subtracted before that goes.
 */

/* Opens and locks it. Returns a descriptor that holds the lock, or -errno. */
int tally_open(const struct engine *g, struct err *e);
/* Adds 1 (or -1) for the ports of s. Returns 1 where one of them was not zero before, 0, or -errno. */
int tally_add(int fd, const struct network_state *s, int sign, struct err *e);

#endif

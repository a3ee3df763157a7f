/* SPDX-License-Identifier: Apache-2.0 */
/* The dnsmasq of one network as a process: started, found, ended. */
#ifndef BERTH_ENGINE_NETWORK_DNSMASQ_H
#define BERTH_ENGINE_NETWORK_DNSMASQ_H

#include "engine/network/names.h"

/* folder: RUN/names/NETWORK, locked by the caller. */

/* A pidfd of the one that serves the folder; -ESRCH: there is none. */
int dnsmasq_find(int folder, const char *run, const char *network);
/* Starts it and returns its pidfd once it listens. */
int dnsmasq_start(const struct engine *g, const struct names_network *n, int folder, struct err *e);
/* Ends it and waits until it is gone. */
void dnsmasq_end(int pidfd);

#endif

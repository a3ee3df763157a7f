/* SPDX-License-Identifier: Apache-2.0 */
/* Limits of a container's traffic: --net-rate-in and --net-rate-out. */
#ifndef BERTH_ENGINE_NETWORK_RATE_H
#define BERTH_ENGINE_NETWORK_RATE_H

#include <stdint.h>

#include "base/err.h"

/*
 * Theory of operation
 *
 * Both limits lie on the host's end of the container's veth, out of the container's reach, whatever
 * capabilities it has. What goes to the container leaves the host by that link: a token bucket is its root
 * qdisc. What comes from the container arrives by it, and arrivals cannot wait: so they are sent through an
 * ifb, a link whose only purpose is that something can be queued on it, with a bucket there; it gives them
 * back to the veth, and the bridge sees them as if nothing had happened. docs/adr/net-rate.md says why.
 *
 * The ifb is named after the veth; it must be removed by rate_remove, also where the veth is gone already.
 */

struct rate {
	uint64_t bits;  /* a second; 0: no limit */
	uint32_t burst; /* bytes; 0: one that fits the rate */
};

/* "10mbit", "1.5g", "800k:32kb", "0" or "none" (no limit): bits a second in units of 1000 and, behind a colon, the burst
 * in bytes (units of 1024). option is for the error. Returns 0 or -EINVAL. */
int rate_parse(const char *option, const char *text, struct rate *ret, struct err *e);

/* Makes the limits of the veth `link` (its name in the socket's namespace) these, whatever they were: in is what goes to
 * the container, out what comes from it. socket: netlink_open(NETLINK_ROUTE). Returns 0 or -errno. */
int rate_apply(int socket, const char *link, const struct rate *in, const struct rate *out,
	       struct err *e);

/* Removes what rate_apply made beside the link; there may be nothing, and no link any more. */
void rate_remove(int socket, const char *link);

/* The name of the ifb of a veth. */
void rate_ifb_name(const char *link, char ret[16]);

#endif

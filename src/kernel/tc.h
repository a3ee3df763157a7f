/* SPDX-License-Identifier: Apache-2.0 */
/* Traffic control: token buckets on links, ingress sent through another link, and links' counters. */
#ifndef BERTH_KERNEL_TC_H
#define BERTH_KERNEL_TC_H

#include <stdint.h>

/* socket: netlink_open(NETLINK_ROUTE) in the namespace that holds the links; index: of a link there. Each returns 0 or
 * -errno (rtnetlink(7), net/sched of the kernel; -ENOENT or -EOPNOTSUPP: the kernel was built without). */

struct tc_bucket {
	uint64_t rate;  /* bytes a second */
	uint32_t burst; /* bytes that may go at once; at least one frame, else nothing passes */
	uint32_t queue; /* bytes that wait for tokens; what comes beyond is dropped */
};

/* A tbf as the root qdisc, made or changed in place: what leaves by the link (net/sched/sch_tbf.c). */
int tc_set_bucket(int socket, int index, const struct tc_bucket *b);
/* No bucket: 0 too. */
int tc_clear_bucket(int socket, int index);

/* Whatever comes in by the link leaves by `to` first, an ifb, which gives it back as if nothing had happened
 * (drivers/net/ifb.c). Asked for again, it is changed in place. */
int tc_set_redirect(int socket, int index, int to);
int tc_clear_redirect(int socket, int index);

/* A new ifb; -EEXIST: the name is taken. */
int tc_add_ifb(int socket, const char *name);

/* What the kernel has counted, from the link's point of view (struct rtnl_link_stats64). */
struct tc_counters {
	uint64_t rx_bytes, rx_packets, rx_errors, rx_dropped;
	uint64_t tx_bytes, tx_packets, tx_errors, tx_dropped;
};
int tc_read_counters(int socket, int index, struct tc_counters *ret);

#endif

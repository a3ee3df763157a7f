/* SPDX-License-Identifier: Apache-2.0 */
/* Traffic control: token buckets on links, ingress sent through another link, and links' counters. */
#include "kernel/tc.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/tc_act/tc_mirred.h>
#include <string.h>
#include <sys/socket.h>

#include "kernel/netlink.h"

/* The first node of the first table of u32: named, so that a second call changes it instead of adding another. */
#define FILTER_HANDLE 0x80000800U
#define FILTER_PRIORITY 1U

/* ---- building ------------------------------------------------------------------------------------ */

/* An attribute that holds others: all that is put until nest_end. Returns where it begins. */
static uint32_t nest_begin(struct netlink_request *q, uint16_t attribute)
{
	uint32_t at = q->header.nlmsg_len;

	netlink_put(q, (uint16_t)(attribute | NLA_F_NESTED), "", 0);
	return at;
}

static void nest_end(struct netlink_request *q, uint32_t at)
{
	uint16_t n = (uint16_t)(q->header.nlmsg_len - at);

	if (q->error == 0)
		memcpy(q->buf + at + offsetof(struct nlattr, nla_len), &n, sizeof(n));
}

static void begin(struct netlink_request *q, uint16_t type, uint16_t flags, int index,
		  uint32_t parent)
{
	const struct tcmsg head = {
		.tcm_family = AF_UNSPEC, .tcm_ifindex = index, .tcm_parent = parent};

	netlink_begin(q, type, flags, &head, sizeof(head));
}

/* ---- buckets ------------------------------------------------------------------------------------- */

int tc_set_bucket(int socket, int index, const struct tc_bucket *b)
{
	const struct tc_tbf_qopt options = {
		/* A table of packet times is asked for where the link layer is unknown. */
		.rate = {.linklayer = TC_LINKLAYER_ETHERNET,
			 .rate = b->rate > UINT32_MAX ? UINT32_MAX : (uint32_t)b->rate},
		.limit = b->queue,
	};
	struct netlink_request q;
	uint32_t at;

	begin(&q, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE, index, TC_H_ROOT);
	netlink_put_string(&q, TCA_KIND, "tbf");
	at = nest_begin(&q, TCA_OPTIONS);
	netlink_put(&q, TCA_TBF_PARMS, &options, sizeof(options));
	if (b->rate > UINT32_MAX)
		netlink_put(&q, TCA_TBF_RATE64, &b->rate, sizeof(b->rate));
	netlink_put_u32(&q, TCA_TBF_BURST, b->burst);
	nest_end(&q, at);
	return netlink_call(socket, &q);
}

static int delete_qdisc(int socket, int index, uint32_t parent)
{
	struct netlink_request q;
	int r;

	begin(&q, RTM_DELQDISC, 0, index, parent);
	r = netlink_call(socket, &q);
	/* The default one cannot be deleted: there is none of ours. */
	return r == -ENOENT || r == -EINVAL ? 0 : r;
}

int tc_clear_bucket(int socket, int index)
{
	return delete_qdisc(socket, index, TC_H_ROOT);
}

/* ---- redirection --------------------------------------------------------------------------------- */

static int add_ingress(int socket, int index)
{
	const struct tcmsg head = {.tcm_family = AF_UNSPEC,
				   .tcm_ifindex = index,
				   .tcm_handle = TC_H_MAKE(TC_H_INGRESS, 0),
				   .tcm_parent = TC_H_INGRESS};
	struct netlink_request q;
	int r;

	netlink_begin(&q, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, &head, sizeof(head));
	netlink_put_string(&q, TCA_KIND, "ingress");
	r = netlink_call(socket, &q);
	return r == -EEXIST ? 0 : r;
}

static void put_mirred(struct netlink_request *q, int to)
{
	const struct tc_mirred options = {
		.action = TC_ACT_STOLEN, .eaction = TCA_EGRESS_REDIR, .ifindex = (uint32_t)to};
	uint32_t all = nest_begin(q, TCA_U32_ACT), one = nest_begin(q, 1), at;

	netlink_put_string(q, TCA_ACT_KIND, "mirred");
	at = nest_begin(q, TCA_ACT_OPTIONS);
	netlink_put(q, TCA_MIRRED_PARMS, &options, sizeof(options));
	nest_end(q, at);
	nest_end(q, one);
	nest_end(q, all);
}

int tc_set_redirect(int socket, int index, int to)
{
	const struct tcmsg head = {
		.tcm_family = AF_UNSPEC,
		.tcm_ifindex = index,
		.tcm_handle = FILTER_HANDLE,
		.tcm_parent = TC_H_MAKE(TC_H_INGRESS, 0),
		.tcm_info = TC_H_MAKE(FILTER_PRIORITY << 16, htons(ETH_P_ALL)),
	};
	/* No key at all: every frame matches, however short. */
	const struct tc_u32_sel any = {.flags = TC_U32_TERMINAL};
	struct netlink_request q;
	uint32_t at;
	int r = add_ingress(socket, index);

	if (r < 0)
		return r;
	netlink_begin(&q, RTM_NEWTFILTER, NLM_F_CREATE, &head, sizeof(head));
	/* u32, not matchall: a kernel may be built without the latter, hardly without the former. */
	netlink_put_string(&q, TCA_KIND, "u32");
	at = nest_begin(&q, TCA_OPTIONS);
	netlink_put(&q, TCA_U32_SEL, &any, sizeof(any));
	put_mirred(&q, to);
	nest_end(&q, at);
	return netlink_call(socket, &q);
}

int tc_clear_redirect(int socket, int index)
{
	return delete_qdisc(socket, index, TC_H_INGRESS);
}

int tc_add_ifb(int socket, const char *name)
{
	const struct ifinfomsg head = {.ifi_family = AF_UNSPEC};
	struct netlink_request q;
	uint32_t at;

	netlink_begin(&q, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &head, sizeof(head));
	netlink_put_string(&q, IFLA_IFNAME, name);
	at = nest_begin(&q, IFLA_LINKINFO);
	netlink_put_string(&q, IFLA_INFO_KIND, "ifb");
	nest_end(&q, at);
	return netlink_call(socket, &q);
}

/* ---- counters ------------------------------------------------------------------------------------ */

static void take_counters(const void *value, size_t n, struct tc_counters *ret)
{
	struct rtnl_link_stats64 s = {0};

	/* Older kernels have fewer members at the end, newer ones more. */
	memcpy(&s, value, n < sizeof(s) ? n : sizeof(s));
	*ret = (struct tc_counters){
		.rx_bytes = s.rx_bytes,
		.rx_packets = s.rx_packets,
		.rx_errors = s.rx_errors,
		.rx_dropped = s.rx_dropped,
		.tx_bytes = s.tx_bytes,
		.tx_packets = s.tx_packets,
		.tx_errors = s.tx_errors,
		.tx_dropped = s.tx_dropped,
	};
}

int tc_read_counters(int socket, int index, struct tc_counters *ret)
{
	const struct if_stats_msg head = {
		.family = AF_UNSPEC,
		.ifindex = (uint32_t)index,
		.filter_mask = IFLA_STATS_FILTER_BIT(IFLA_STATS_LINK_64),
	};
	union {
		struct nlmsghdr header;
		char buf[2048];
	} answer;
	const struct nlmsgerr *failed = NLMSG_DATA(&answer.header);
	struct netlink_request q;
	const char *at = (const char *)NLMSG_DATA(&answer.header) + NLMSG_ALIGN(sizeof(head));
	const void *value;
	size_t left, size;
	ssize_t n;
	int type;

	netlink_begin(&q, RTM_GETSTATS, 0, &head, sizeof(head));
	q.header.nlmsg_flags = NLM_F_REQUEST; /* the answer is the acknowledgement */
	do
		n = send(socket, q.buf, q.header.nlmsg_len, 0);
	while (n < 0 && errno == EINTR);
	while (n >= 0 && (n = recv(socket, answer.buf, sizeof(answer.buf), 0)) < 0 &&
	       errno == EINTR)
		n = 0;
	if (n < 0)
		return -errno;
	if ((size_t)n >= NLMSG_LENGTH(sizeof(*failed)) && answer.header.nlmsg_type == NLMSG_ERROR)
		return failed->error < 0 ? failed->error : -EPROTO;
	if ((size_t)n < NLMSG_SPACE(sizeof(head)) || answer.header.nlmsg_type != RTM_NEWSTATS)
		return -EPROTO;
	left = (size_t)n - NLMSG_SPACE(sizeof(head));
	while ((type = netlink_next(&at, &left, &value, &size)) >= 0) {
		if (type == IFLA_STATS_LINK_64) {
			take_counters(value, size, ret);
			return 0;
		}
	}
	return -ENODATA;
}

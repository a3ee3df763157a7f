/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of the firewall's table: laid once, the same for one container or a thousand. */
#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "base/sha256.h"
#include "engine/network/firewall.h"
#include "engine/network/store.h"
#include "kernel/nft.h"

#ifndef NFT_SET_CONCAT
#define NFT_SET_CONCAT 0x80
#endif

enum {
	IFNAME_SIZE = 16,
	PRIORITY_RAW = -300,
	PRIORITY_DNAT = -100,
	PRIORITY_FILTER = 0,
	PRIORITY_SNAT = 100,
	IP_SADDR = 12, /* offsets in the headers */
	IP_DADDR = 16,
	IP6_SADDR = 8,
	IP6_DADDR = 24,
	TRANSPORT_DPORT = 2,
	LOCAL_ADDRESS = 2,       /* RTN_LOCAL */
	CT_STATE_RELATED = 2 | 4 /* established, related: NF_CT_STATE_BIT */
};
/* What is looked up begins in the first register, what is found behind it. */
#define REGISTER(n) (NFT_REG32_00 + (n))
#define KEY REGISTER(0)
#define FOUND REGISTER(6) /* with IPv6 ten of them: two addresses and two ports */

#define LINKS(text)                                                                   \
	{                                                                             \
		.name = (text), .key_type = NFT_TYPE_IFNAME, .key_size = IFNAME_SIZE, \
		.is_host_order = true,                                                \
	}
#define SUBNETS(text, type, size)                                                                  \
	{                                                                                          \
		.name = (text), .flags = NFT_SET_INTERVAL, .key_type = (type), .key_size = (size), \
	}
/* ADDRESS . PROTOCOL . PORT to ADDRESS . PORT, all of them intervals */
#define PORTS(text, type, size)                                                              \
	{                                                                                    \
		.name = (text), .flags = NFT_SET_MAP | NFT_SET_INTERVAL | NFT_SET_CONCAT,    \
		.key_type = NFT_TYPES(NFT_TYPES(type, NFT_TYPE_PROTOCOL), NFT_TYPE_SERVICE), \
		.key_size = (size) + 8, .data_type = NFT_TYPES(type, NFT_TYPE_SERVICE),      \
		.data_size = 2 * ((size) + 4), .fields = {(size), 1, 2},                     \
		.has_data_intervals = true,                                                  \
	}
static const struct nft_set sets[] = {
	LINKS("bridges"),
	LINKS("internal"),
	{.name = "pairs",
	 .key_type = NFT_TYPES(NFT_TYPE_IFNAME, NFT_TYPE_IFNAME),
	 .key_size = 2 * IFNAME_SIZE},
	SUBNETS("masquerade4", NFT_TYPE_IPADDR, 4),
	SUBNETS("masquerade6", NFT_TYPE_IP6ADDR, 16),
	PORTS("publish4", NFT_TYPE_IPADDR, 4),
	PORTS("publish6", NFT_TYPE_IP6ADDR, 16),
};

void firewall_table(const struct engine *g, char ret[32])
{
	char hex[65];

	if (network_store_is_default(g)) {
		strcpy(ret, "berth");
		return;
	}
	sha256_hex(g->data, strlen(g->data), hex);
	snprintf(ret, 32, "berth-%.8s", hex);
}

/* ---- parts of rules ------------------------------------------------------------------------------ */

static void match_protocol(struct nft *n, uint8_t protocol)
{
	nft_meta(n, NFT_META_NFPROTO, KEY);
	nft_compare(n, KEY, true, &protocol, 1);
}

static void match_link(struct nft *n, uint32_t which, const char *set, bool is_in)
{
	nft_meta(n, which, KEY);
	nft_lookup(n, set, KEY, 0, is_in);
}

/* Any of these bits is set. */
static void match_conntrack(struct nft *n, uint32_t key, uint32_t bits)
{
	const uint32_t none = 0;

	nft_conntrack(n, key, KEY);
	nft_mask(n, KEY, &bits, sizeof(bits));
	nft_compare(n, KEY, false, &none, sizeof(none));
}

static void match_source_set(struct nft *n, bool is_v6)
{
	match_protocol(n, is_v6 ? NFPROTO_IPV6 : NFPROTO_IPV4);
	nft_payload(n, NFT_PAYLOAD_NETWORK_HEADER, is_v6 ? IP6_SADDR : IP_SADDR, is_v6 ? 16 : 4,
		    KEY);
	nft_lookup(n, is_v6 ? "masquerade6" : "masquerade4", KEY, 0, true);
}

/* 127.0.0.0/8 or ::1 */
static void match_loopback(struct nft *n, bool is_v6, uint32_t offset)
{
	static const uint8_t one[16] = {[15] = 1};
	const uint8_t net = 127;

	match_protocol(n, is_v6 ? NFPROTO_IPV6 : NFPROTO_IPV4);
	nft_payload(n, NFT_PAYLOAD_NETWORK_HEADER, offset, is_v6 ? 16 : 1, KEY);
	nft_compare(n, KEY, true, is_v6 ? one : &net, is_v6 ? 16 : 1);
}

/* ---- chains -------------------------------------------------------------------------------------- */

/* To a local address and a port that is published. */
static void lay_publish(struct nft *n, const char *chain, bool is_v6)
{
	const uint32_t local = LOCAL_ADDRESS;
	const unsigned words = is_v6 ? 4 : 1; /* registers of an address */

	nft_rule(n, chain);
	match_protocol(n, is_v6 ? NFPROTO_IPV6 : NFPROTO_IPV4);
	nft_fib_daddr_type(n, KEY);
	nft_compare(n, KEY, true, &local, sizeof(local));
	nft_payload(n, NFT_PAYLOAD_NETWORK_HEADER, is_v6 ? IP6_DADDR : IP_DADDR, 4 * words, KEY);
	nft_meta(n, NFT_META_L4PROTO, REGISTER(words));
	nft_payload(n, NFT_PAYLOAD_TRANSPORT_HEADER, TRANSPORT_DPORT, 2, REGISTER(words + 1));
	nft_lookup(n, is_v6 ? "publish6" : "publish4", KEY, FOUND, true);
	nft_dnat(n, is_v6 ? NFPROTO_IPV6 : NFPROTO_IPV4, FOUND, FOUND + words, FOUND + words + 1,
		 FOUND + 2 * words + 1,
		 NF_NAT_RANGE_MAP_IPS | NF_NAT_RANGE_PROTO_SPECIFIED | NF_NAT_RANGE_PROTO_OFFSET);
	nft_rule_end(n);
}

static void lay_masquerade(struct nft *n, bool is_v6)
{
	nft_rule(n, "postrouting"); /* out of the host */
	match_source_set(n, is_v6);
	match_link(n, NFT_META_OIFNAME, "bridges", false);
	nft_masquerade(n);
	nft_rule_end(n);

	/* A container that reaches another, or itself, by a published port: the answer must come back here. */
	nft_rule(n, "postrouting");
	match_conntrack(n, NFT_CT_STATUS, IPS_DST_NAT);
	match_source_set(n, is_v6);
	match_link(n, NFT_META_OIFNAME, "bridges", true);
	nft_masquerade(n);
	nft_rule_end(n);

	nft_rule(n, "postrouting"); /* the host's loopback */
	match_loopback(n, is_v6, is_v6 ? IP6_SADDR : IP_SADDR);
	match_link(n, NFT_META_OIFNAME, "bridges", true);
	nft_masquerade(n);
	nft_rule_end(n);
}

static void lay_forward(struct nft *n)
{
	nft_rule(n, "forward");
	match_conntrack(n, NFT_CT_STATE, CT_STATE_RELATED);
	nft_verdict(n, NF_ACCEPT);
	nft_rule_end(n);

	nft_rule(n, "forward");
	nft_meta(n, NFT_META_IIFNAME, KEY);
	nft_meta(n, NFT_META_OIFNAME, REGISTER(IFNAME_SIZE / 4));
	nft_lookup(n, "pairs", KEY, 0, true);
	nft_verdict(n, NF_ACCEPT);
	nft_rule_end(n);

	nft_rule(n, "forward");
	match_link(n, NFT_META_IIFNAME, "internal", true);
	nft_verdict(n, NF_DROP);
	nft_rule_end(n);

	nft_rule(n, "forward");
	match_link(n, NFT_META_OIFNAME, "internal", true);
	nft_verdict(n, NF_DROP);
	nft_rule_end(n);

	nft_rule(n, "forward");
	match_link(n, NFT_META_OIFNAME, "bridges", true);
	match_conntrack(n, NFT_CT_STATUS, IPS_DST_NAT);
	nft_verdict(n, NF_ACCEPT);
	nft_rule_end(n);

	nft_rule(n, "forward");
	match_link(n, NFT_META_OIFNAME, "bridges", true);
	nft_verdict(n, NF_DROP);
	nft_rule_end(n);
}

static void lay_raw(struct nft *n)
{
	nft_rule(n, "raw");
	match_loopback(n, false, IP_DADDR);
	match_link(n, NFT_META_IIFNAME, "bridges", true);
	nft_verdict(n, NF_DROP);
	nft_rule_end(n);
}

void firewall_lay(struct nft *n)
{
	/* Deleting what may not be there fails: so it is made first. */
	nft_add_table(n);
	nft_delete_table(n);
	nft_add_table(n);
	for (size_t i = 0; i < ARRAY_LEN(sets); i++)
		nft_add_set(n, &sets[i]);
	nft_add_chain(n, "raw", "filter", NF_INET_PRE_ROUTING, PRIORITY_RAW);
	nft_add_chain(n, "prerouting", "nat", NF_INET_PRE_ROUTING, PRIORITY_DNAT);
	nft_add_chain(n, "output", "nat", NF_INET_LOCAL_OUT, PRIORITY_DNAT);
	nft_add_chain(n, "forward", "filter", NF_INET_FORWARD, PRIORITY_FILTER);
	nft_add_chain(n, "postrouting", "nat", NF_INET_POST_ROUTING, PRIORITY_SNAT);
	lay_raw(n);
	lay_forward(n);
	for (int is_v6 = 0; is_v6 < 2; is_v6++) {
		lay_publish(n, "prerouting", is_v6);
		lay_publish(n, "output", is_v6);
		lay_masquerade(n, is_v6);
	}
}

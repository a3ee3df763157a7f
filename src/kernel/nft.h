/* SPDX-License-Identifier: Apache-2.0 */
/* nf_tables in raw nfnetlink: batches that make tables, chains, sets, rules and elements. */
#ifndef BERTH_KERNEL_NFT_H
#define BERTH_KERNEL_NFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/netlink.h"

/*
 * Theory of operation
 *
 * nft_begin, any number of nft_* calls, nft_commit: all of it comes into effect at once, or nothing. The kernel
 * handles a batch inside sendmsg(2). A rule is nft_rule, its expressions, nft_rule_end; expressions work on sixteen
 * registers of four bytes (NFT_REG32_00 and so on), which the caller hands out. Numbers are in host order here; what the
 * kernel wants in network order is turned around (include/uapi/linux/netfilter/nf_tables.h).
 */

struct nft {
	struct netlink_batch batch;
	const char *table; /* in family inet */
	uint32_t set_ids;
	size_t rule, expressions; /* open attributes */
};

/* Types as the program nft shows them (its include/datatype.h); a concatenation is made by NFT_TYPES. */
enum nft_type {
	NFT_TYPE_IPADDR = 7,
	NFT_TYPE_IP6ADDR = 8,
	NFT_TYPE_PROTOCOL = 12,
	NFT_TYPE_SERVICE = 13,
	NFT_TYPE_IFNAME = 41,
};
#define NFT_TYPES(a, b) ((uint32_t)(a) << 6 | (uint32_t)(b))

struct nft_set {
	const char *name;
	uint32_t flags; /* NFT_SET_* */
	uint32_t key_type, key_size;
	uint32_t data_type, data_size; /* of a map */
	uint32_t fields[4];            /* sizes, of a concatenation of intervals; ends with 0 */
	/* For the program nft's eyes alone: keys are in the host's byte order (names of links); data are intervals. */
	bool is_host_order, has_data_intervals;
};

/* One element: key_end (of sets of intervals of concatenations) and data may be NULL. flags: NFT_SET_ELEM_*. */
struct nft_element {
	const void *key, *key_end, *data;
	size_t key_size, data_size;
	uint32_t flags;
};

void nft_begin(struct nft *n, const char *table);
/* Sends it; the socket is of NETLINK_NETFILTER. Returns 0 or the first error. */
int nft_commit(int socket, struct nft *n);
void nft_free(struct nft *n);
#define auto_nft __attribute__((cleanup(nft_free)))

void nft_add_table(struct nft *n);
void nft_delete_table(struct nft *n);
/* type: "filter" or "nat"; hook: NF_INET_*; policy accept. */
void nft_add_chain(struct nft *n, const char *name, const char *type, uint32_t hook,
		   int32_t priority);
void nft_add_set(struct nft *n, const struct nft_set *s);
/* Adding what is there already is fine; of a map, with the same data. */
void nft_add_element(struct nft *n, const char *set, const struct nft_element *e);
/* Deleting what is not there fails the batch with -ENOENT. */
void nft_delete_element(struct nft *n, const char *set, const struct nft_element *e);

void nft_rule(struct nft *n, const char *chain);
void nft_rule_end(struct nft *n);

/* ---- expressions --------------------------------------------------------------------------------- */

void nft_meta(struct nft *n, uint32_t key, uint32_t to);
void nft_payload(struct nft *n, uint32_t base, uint32_t offset, uint32_t size, uint32_t to);
void nft_conntrack(struct nft *n, uint32_t key, uint32_t to);
/* What kind of address the destination is for this host: RTN_*. */
void nft_fib_daddr_type(struct nft *n, uint32_t to);
void nft_compare(struct nft *n, uint32_t from, bool is_equal, const void *value, size_t size);
/* from &= mask, four bytes in the kernel's order */
void nft_mask(struct nft *n, uint32_t from, const void *mask, size_t size);
/* In the set (is_in) or not; or, of a map, its data go to `to` (0: none). */
void nft_lookup(struct nft *n, const char *set, uint32_t from, uint32_t to, bool is_in);
/* NF_ACCEPT or NF_DROP */
void nft_verdict(struct nft *n, uint32_t verdict);
/* To an address and the ports from `port` to `last_port`; all of them registers. */
void nft_dnat(struct nft *n, uint32_t family, uint32_t address, uint32_t port,
	      uint32_t last_address, uint32_t last_port, uint32_t flags);
void nft_masquerade(struct nft *n);

/* Is the table there? 1, 0 or -errno. */
int nft_has_table(int socket, const char *table);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* nf_tables in raw nfnetlink: batches that make tables, chains, sets, rules and elements. */
#include "kernel/nft.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

/* Of linux/netfilter/nf_tables.h, for headers before Linux 5.6. */
#ifndef NFT_SET_CONCAT
#define NFT_SET_CONCAT 0x80
#endif

static void put_be32(struct nft *n, uint16_t attribute, uint32_t value)
{
	netlink_batch_put_u32(&n->batch, attribute, htonl(value));
}

static void begin(struct nft *n, uint16_t type, uint16_t flags)
{
	const struct nfgenmsg head = {.nfgen_family = NFPROTO_INET, .version = NFNETLINK_V0};

	netlink_batch_begin(&n->batch, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type), flags, &head,
			    sizeof(head));
}

static void put_frame(struct nft *n, uint16_t type)
{
	const struct nfgenmsg head = {.nfgen_family = AF_UNSPEC,
				      .version = NFNETLINK_V0,
				      .res_id = htons(NFNL_SUBSYS_NFTABLES)};

	netlink_batch_begin(&n->batch, type, 0, &head, sizeof(head));
}

void nft_begin(struct nft *n, const char *table)
{
	*n = (struct nft){.table = table};
	put_frame(n, NFNL_MSG_BATCH_BEGIN);
}

/* One acknowledgement is enough: the last one's stands for all. A kernel before 6.12 acknowledges no end of a batch. */
static void ask_for_answer(struct nft *n)
{
	uint16_t flags = 0;
	char *at = n->batch.buf + n->batch.message + offsetof(struct nlmsghdr, nlmsg_flags);

	if (n->batch.error < 0)
		return;
	memcpy(&flags, at, sizeof(flags));
	flags |= NLM_F_ACK;
	memcpy(at, &flags, sizeof(flags));
}

int nft_commit(int socket, struct nft *n)
{
	if (n->batch.count < 2)
		return 0;
	ask_for_answer(n);
	put_frame(n, NFNL_MSG_BATCH_END);
	return netlink_batch_send(socket, &n->batch, NULL);
}

void nft_free(struct nft *n)
{
	netlink_batch_free(&n->batch);
}

/* ---- tables, chains, sets ------------------------------------------------------------------------ */

void nft_add_table(struct nft *n)
{
	begin(n, NFT_MSG_NEWTABLE, NLM_F_CREATE);
	netlink_batch_put_string(&n->batch, NFTA_TABLE_NAME, n->table);
}

void nft_delete_table(struct nft *n)
{
	begin(n, NFT_MSG_DELTABLE, 0);
	netlink_batch_put_string(&n->batch, NFTA_TABLE_NAME, n->table);
}

void nft_add_chain(struct nft *n, const char *name, const char *type, uint32_t hook,
		   int32_t priority)
{
	size_t at;

	begin(n, NFT_MSG_NEWCHAIN, NLM_F_CREATE);
	netlink_batch_put_string(&n->batch, NFTA_CHAIN_TABLE, n->table);
	netlink_batch_put_string(&n->batch, NFTA_CHAIN_NAME, name);
	at = netlink_batch_open(&n->batch, NFTA_CHAIN_HOOK);
	put_be32(n, NFTA_HOOK_HOOKNUM, hook);
	put_be32(n, NFTA_HOOK_PRIORITY, (uint32_t)priority);
	netlink_batch_close(&n->batch, at);
	netlink_batch_put_string(&n->batch, NFTA_CHAIN_TYPE, type);
	put_be32(n, NFTA_CHAIN_POLICY, NF_ACCEPT);
}

static void put_fields(struct nft *n, const struct nft_set *s)
{
	size_t desc = netlink_batch_open(&n->batch, NFTA_SET_DESC);
	size_t list = netlink_batch_open(&n->batch, NFTA_SET_DESC_CONCAT);

	for (const uint32_t *field = s->fields; *field; field++) {
		size_t at = netlink_batch_open(&n->batch, NFTA_LIST_ELEM);

		put_be32(n, NFTA_SET_FIELD_LEN, *field);
		netlink_batch_close(&n->batch, at);
	}
	netlink_batch_close(&n->batch, list);
	netlink_batch_close(&n->batch, desc);
}

/* What the program nft wants to know in order to show the set: libnftnl's list of type, length, value. */
static void put_notes(struct nft *n, const struct nft_set *s)
{
	enum { KEY_BYTE_ORDER = 0, DATA_INTERVAL = 6, HOST_ORDER = 1, BIG_ENDIAN_ORDER = 2 };
	uint8_t notes[12] = {KEY_BYTE_ORDER, 4}, size = 6;
	const uint32_t order = s->is_host_order ? HOST_ORDER : BIG_ENDIAN_ORDER, yes = 1;

	memcpy(notes + 2, &order, sizeof(order));
	if (s->has_data_intervals) {
		notes[6] = DATA_INTERVAL;
		notes[7] = 4;
		memcpy(notes + 8, &yes, sizeof(yes));
		size = 12;
	}
	netlink_batch_put(&n->batch, NFTA_SET_USERDATA, notes, size);
}

void nft_add_set(struct nft *n, const struct nft_set *s)
{
	begin(n, NFT_MSG_NEWSET, NLM_F_CREATE);
	netlink_batch_put_string(&n->batch, NFTA_SET_TABLE, n->table);
	netlink_batch_put_string(&n->batch, NFTA_SET_NAME, s->name);
	put_be32(n, NFTA_SET_FLAGS, s->flags);
	put_be32(n, NFTA_SET_KEY_TYPE, s->key_type);
	put_be32(n, NFTA_SET_KEY_LEN, s->key_size);
	if (s->flags & NFT_SET_MAP) {
		put_be32(n, NFTA_SET_DATA_TYPE, s->data_type);
		put_be32(n, NFTA_SET_DATA_LEN, s->data_size);
	}
	put_be32(n, NFTA_SET_ID, ++n->set_ids);
	if (s->fields[0])
		put_fields(n, s);
	put_notes(n, s);
}

static void put_data(struct nft *n, uint16_t attribute, const void *value, size_t size)
{
	size_t at = netlink_batch_open(&n->batch, attribute);

	netlink_batch_put(&n->batch, NFTA_DATA_VALUE, value, size);
	netlink_batch_close(&n->batch, at);
}

static void put_element(struct nft *n, const char *set, const struct nft_element *e)
{
	size_t list, at;

	netlink_batch_put_string(&n->batch, NFTA_SET_ELEM_LIST_TABLE, n->table);
	netlink_batch_put_string(&n->batch, NFTA_SET_ELEM_LIST_SET, set);
	list = netlink_batch_open(&n->batch, NFTA_SET_ELEM_LIST_ELEMENTS);
	at = netlink_batch_open(&n->batch, NFTA_LIST_ELEM);
	if (e->flags)
		put_be32(n, NFTA_SET_ELEM_FLAGS, e->flags);
	put_data(n, NFTA_SET_ELEM_KEY, e->key, e->key_size);
	if (e->key_end)
		put_data(n, NFTA_SET_ELEM_KEY_END, e->key_end, e->key_size);
	if (e->data)
		put_data(n, NFTA_SET_ELEM_DATA, e->data, e->data_size);
	netlink_batch_close(&n->batch, at);
	netlink_batch_close(&n->batch, list);
}

void nft_add_element(struct nft *n, const char *set, const struct nft_element *e)
{
	begin(n, NFT_MSG_NEWSETELEM, NLM_F_CREATE);
	put_element(n, set, e);
}

void nft_delete_element(struct nft *n, const char *set, const struct nft_element *e)
{
	begin(n, NFT_MSG_DELSETELEM, 0);
	put_element(n, set, e);
}

/* ---- rules --------------------------------------------------------------------------------------- */

void nft_rule(struct nft *n, const char *chain)
{
	begin(n, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
	netlink_batch_put_string(&n->batch, NFTA_RULE_TABLE, n->table);
	netlink_batch_put_string(&n->batch, NFTA_RULE_CHAIN, chain);
	n->rule = netlink_batch_open(&n->batch, NFTA_RULE_EXPRESSIONS);
}

void nft_rule_end(struct nft *n)
{
	netlink_batch_close(&n->batch, n->rule);
}

/* The frame of an expression: where it ends is remembered by the two marks. */
struct expression {
	size_t element, data;
};

static struct expression open_expression(struct nft *n, const char *name)
{
	struct expression x;

	x.element = netlink_batch_open(&n->batch, NFTA_LIST_ELEM);
	netlink_batch_put_string(&n->batch, NFTA_EXPR_NAME, name);
	x.data = netlink_batch_open(&n->batch, NFTA_EXPR_DATA);
	return x;
}

static void close_expression(struct nft *n, struct expression x)
{
	netlink_batch_close(&n->batch, x.data);
	netlink_batch_close(&n->batch, x.element);
}

struct number {
	uint16_t attribute;
	uint32_t value;
};

/* An expression of numbers alone. */
static void put_numbers(struct nft *n, const char *name, const struct number *numbers, size_t count)
{
	struct expression x = open_expression(n, name);

	for (size_t i = 0; i < count; i++)
		put_be32(n, numbers[i].attribute, numbers[i].value);
	close_expression(n, x);
}
#define PUT_NUMBERS(n, name, ...)                                      \
	put_numbers((n), (name), (const struct number[]){__VA_ARGS__}, \
		    sizeof((const struct number[]){__VA_ARGS__}) / sizeof(struct number))

void nft_meta(struct nft *n, uint32_t key, uint32_t to)
{
	PUT_NUMBERS(n, "meta", {NFTA_META_KEY, key}, {NFTA_META_DREG, to});
}

void nft_payload(struct nft *n, uint32_t base, uint32_t offset, uint32_t size, uint32_t to)
{
	PUT_NUMBERS(n, "payload", {NFTA_PAYLOAD_DREG, to}, {NFTA_PAYLOAD_BASE, base},
		    {NFTA_PAYLOAD_OFFSET, offset}, {NFTA_PAYLOAD_LEN, size});
}

void nft_conntrack(struct nft *n, uint32_t key, uint32_t to)
{
	PUT_NUMBERS(n, "ct", {NFTA_CT_KEY, key}, {NFTA_CT_DREG, to});
}

void nft_fib_daddr_type(struct nft *n, uint32_t to)
{
	PUT_NUMBERS(n, "fib", {NFTA_FIB_DREG, to}, {NFTA_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE},
		    {NFTA_FIB_FLAGS, NFTA_FIB_F_DADDR});
}

void nft_compare(struct nft *n, uint32_t from, bool is_equal, const void *value, size_t size)
{
	struct expression x = open_expression(n, "cmp");

	put_be32(n, NFTA_CMP_SREG, from);
	put_be32(n, NFTA_CMP_OP, is_equal ? NFT_CMP_EQ : NFT_CMP_NEQ);
	put_data(n, NFTA_CMP_DATA, value, size);
	close_expression(n, x);
}

void nft_mask(struct nft *n, uint32_t from, const void *mask, size_t size)
{
	static const char none[16] = {0};
	struct expression x = open_expression(n, "bitwise");

	put_be32(n, NFTA_BITWISE_SREG, from);
	put_be32(n, NFTA_BITWISE_DREG, from);
	put_be32(n, NFTA_BITWISE_LEN, (uint32_t)size);
	put_data(n, NFTA_BITWISE_MASK, mask, size);
	put_data(n, NFTA_BITWISE_XOR, none, size);
	close_expression(n, x);
}

void nft_lookup(struct nft *n, const char *set, uint32_t from, uint32_t to, bool is_in)
{
	struct expression x = open_expression(n, "lookup");

	netlink_batch_put_string(&n->batch, NFTA_LOOKUP_SET, set);
	put_be32(n, NFTA_LOOKUP_SREG, from);
	if (to)
		put_be32(n, NFTA_LOOKUP_DREG, to);
	if (!is_in)
		put_be32(n, NFTA_LOOKUP_FLAGS, NFT_LOOKUP_F_INV);
	close_expression(n, x);
}

void nft_verdict(struct nft *n, uint32_t verdict)
{
	struct expression x = open_expression(n, "immediate");
	size_t data, code;

	put_be32(n, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	data = netlink_batch_open(&n->batch, NFTA_IMMEDIATE_DATA);
	code = netlink_batch_open(&n->batch, NFTA_DATA_VERDICT);
	put_be32(n, NFTA_VERDICT_CODE, verdict);
	netlink_batch_close(&n->batch, code);
	netlink_batch_close(&n->batch, data);
	close_expression(n, x);
}

void nft_dnat(struct nft *n, uint32_t family, uint32_t address, uint32_t port,
	      uint32_t last_address, uint32_t last_port, uint32_t flags)
{
	PUT_NUMBERS(n, "nat", {NFTA_NAT_TYPE, NFT_NAT_DNAT}, {NFTA_NAT_FAMILY, family},
		    {NFTA_NAT_REG_ADDR_MIN, address}, {NFTA_NAT_REG_ADDR_MAX, last_address},
		    {NFTA_NAT_REG_PROTO_MIN, port}, {NFTA_NAT_REG_PROTO_MAX, last_port},
		    {NFTA_NAT_FLAGS, flags});
}

void nft_masquerade(struct nft *n)
{
	close_expression(n, open_expression(n, "masq"));
}

/* ---- questions ----------------------------------------------------------------------------------- */

int nft_has_table(int socket, const char *table)
{
	const struct nfgenmsg head = {.nfgen_family = NFPROTO_INET, .version = NFNETLINK_V0};
	auto_netlink_batch struct netlink_batch b = {0};
	int r;

	netlink_batch_begin(&b, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETTABLE, NLM_F_ACK, &head,
			    sizeof(head));
	netlink_batch_put_string(&b, NFTA_TABLE_NAME, table);
	r = netlink_batch_send(socket, &b, NULL);
	return r == -ENOENT ? 0 : r < 0 ? r : 1;
}

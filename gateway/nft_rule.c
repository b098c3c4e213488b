/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/nft.h"

#include <arpa/inet.h>
#include <errno.h>

#include <libmnl/libmnl.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>

enum { TCP_FLAGS_OFFSET = 13, TCP_SYN = 0x02, TCP_RST = 0x04, TCPOPT_MSS = 2 };

void nft_rule(struct nft *n, const char *chain)
{
	if (n->error)
		return;
	n->rule = nftnl_rule_alloc();
	if (!n->rule || nftnl_rule_set_str(n->rule, NFTNL_RULE_TABLE, n->table) < 0 ||
		nftnl_rule_set_str(n->rule, NFTNL_RULE_CHAIN, chain) < 0)
		n->error = -ENOMEM;
}

void nft_rule_end(struct nft *n)
{
	struct nlmsghdr *h = nft_message(n, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);

	if (h) {
		nftnl_rule_nlmsg_build_payload(h, n->rule);
		nft_message_end(n);
		n->rules++;
	}
	if (n->rule)
		nftnl_rule_free(n->rule);
	n->rule = NULL;
}

/* A new expression at the rule's end; NULL after an error. */
static struct nftnl_expr *expression(struct nft *n, const char *name)
{
	struct nftnl_expr *e;

	if (n->error)
		return NULL;
	e = nftnl_expr_alloc(name);
	if (e)
		nftnl_rule_add_expr(n->rule, e);
	else
		n->error = -ENOMEM;
	return e;
}

static void put_u32(struct nftnl_expr *e, uint16_t attribute, uint32_t value)
{
	if (e)
		nftnl_expr_set_u32(e, attribute, value);
}

static void put_text(struct nft *n, struct nftnl_expr *e, uint16_t attribute, const char *value)
{
	if (e && nftnl_expr_set_str(e, attribute, value) < 0)
		n->error = -ENOMEM;
}

static void put_data(struct nft *n, struct nftnl_expr *e, uint16_t attribute, const void *data, uint32_t size)
{
	if (e && nftnl_expr_set(e, attribute, data, size) < 0)
		n->error = -ENOMEM;
}

void nft_rule_meta(struct nft *n, uint32_t key, uint32_t reg)
{
	struct nftnl_expr *e = expression(n, "meta");

	put_u32(e, NFTNL_EXPR_META_KEY, key);
	put_u32(e, NFTNL_EXPR_META_DREG, reg);
}

void nft_rule_ct(struct nft *n, uint32_t key, uint32_t reg)
{
	struct nftnl_expr *e = expression(n, "ct");

	put_u32(e, NFTNL_EXPR_CT_KEY, key);
	put_u32(e, NFTNL_EXPR_CT_DREG, reg);
}

void nft_rule_payload(struct nft *n, uint32_t base, uint32_t offset, uint32_t size, uint32_t reg)
{
	struct nftnl_expr *e = expression(n, "payload");

	put_u32(e, NFTNL_EXPR_PAYLOAD_BASE, base);
	put_u32(e, NFTNL_EXPR_PAYLOAD_OFFSET, offset);
	put_u32(e, NFTNL_EXPR_PAYLOAD_LEN, size);
	put_u32(e, NFTNL_EXPR_PAYLOAD_DREG, reg);
}

void nft_rule_cmp(struct nft *n, uint32_t op, const void *data, uint32_t size)
{
	struct nftnl_expr *e = expression(n, "cmp");

	put_u32(e, NFTNL_EXPR_CMP_SREG, NFT_R1);
	put_u32(e, NFTNL_EXPR_CMP_OP, op);
	put_data(n, e, NFTNL_EXPR_CMP_DATA, data, size);
}

void nft_rule_cmp_u32(struct nft *n, uint32_t op, uint32_t value)
{
	nft_rule_cmp(n, op, &value, sizeof(value));
}

void nft_rule_mask(struct nft *n, const void *mask, uint32_t size)
{
	static const uint8_t zero[NFT_KEY_MAX];
	struct nftnl_expr *e = expression(n, "bitwise");

	put_u32(e, NFTNL_EXPR_BITWISE_SREG, NFT_R1);
	put_u32(e, NFTNL_EXPR_BITWISE_DREG, NFT_R1);
	put_u32(e, NFTNL_EXPR_BITWISE_LEN, size);
	put_data(n, e, NFTNL_EXPR_BITWISE_MASK, mask, size);
	put_data(n, e, NFTNL_EXPR_BITWISE_XOR, zero, size);
}

void nft_rule_destination_type(struct nft *n, uint32_t type)
{
	struct nftnl_expr *e = expression(n, "fib");

	put_u32(e, NFTNL_EXPR_FIB_DREG, NFT_R1);
	put_u32(e, NFTNL_EXPR_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
	put_u32(e, NFTNL_EXPR_FIB_FLAGS, NFTA_FIB_F_DADDR);
	nft_rule_cmp_u32(n, NFT_CMP_EQ, type);
}

static struct nftnl_expr *lookup(struct nft *n, const char *set)
{
	struct nftnl_expr *e = expression(n, "lookup");

	put_u32(e, NFTNL_EXPR_LOOKUP_SREG, NFT_R1);
	put_text(n, e, NFTNL_EXPR_LOOKUP_SET, set);
	return e;
}

void nft_rule_lookup(struct nft *n, const char *set, bool invert)
{
	struct nftnl_expr *e = lookup(n, set);

	if (invert)
		put_u32(e, NFTNL_EXPR_LOOKUP_FLAGS, NFT_LOOKUP_F_INV);
}

void nft_rule_map(struct nft *n, const char *map)
{
	put_u32(lookup(n, map), NFTNL_EXPR_LOOKUP_DREG, NFT_R1);
}

void nft_rule_vmap(struct nft *n, const char *map)
{
	put_u32(lookup(n, map), NFTNL_EXPR_LOOKUP_DREG, NFT_REG_VERDICT);
}

void nft_rule_set_mark(struct nft *n)
{
	struct nftnl_expr *e = expression(n, "meta");

	put_u32(e, NFTNL_EXPR_META_KEY, NFT_META_MARK);
	put_u32(e, NFTNL_EXPR_META_SREG, NFT_R1);
}

void nft_rule_set_mark_to(struct nft *n, uint32_t mark)
{
	struct nftnl_expr *e = expression(n, "immediate");

	put_u32(e, NFTNL_EXPR_IMM_DREG, NFT_R1);
	put_data(n, e, NFTNL_EXPR_IMM_DATA, &mark, sizeof(mark));
	nft_rule_set_mark(n);
}

void nft_rule_set_ct_mark(struct nft *n)
{
	struct nftnl_expr *e = expression(n, "ct");

	put_u32(e, NFTNL_EXPR_CT_KEY, NFT_CT_MARK);
	put_u32(e, NFTNL_EXPR_CT_SREG, NFT_R1);
}

void nft_rule_counter(struct nft *n, const char *name)
{
	struct nftnl_expr *e = expression(n, "objref");

	put_u32(e, NFTNL_EXPR_OBJREF_IMM_TYPE, NFT_OBJECT_COUNTER);
	put_text(n, e, NFTNL_EXPR_OBJREF_IMM_NAME, name);
}

void nft_rule_log(struct nft *n, const char *prefix, uint16_t group, uint32_t snaplen, uint16_t threshold)
{
	struct nftnl_expr *e = expression(n, "log");

	if (prefix)
		put_text(n, e, NFTNL_EXPR_LOG_PREFIX, prefix);
	put_data(n, e, NFTNL_EXPR_LOG_GROUP, &group, sizeof(group));
	put_u32(e, NFTNL_EXPR_LOG_SNAPLEN, snaplen);
	put_data(n, e, NFTNL_EXPR_LOG_QTHRESHOLD, &threshold, sizeof(threshold));
}

static void limit_describe(struct nftnl_expr *e, uint64_t rate, uint32_t burst)
{
	nftnl_expr_set_u64(e, NFTNL_EXPR_LIMIT_RATE, rate);
	nftnl_expr_set_u64(e, NFTNL_EXPR_LIMIT_UNIT, 1); /* second */
	nftnl_expr_set_u32(e, NFTNL_EXPR_LIMIT_BURST, burst);
	nftnl_expr_set_u32(e, NFTNL_EXPR_LIMIT_TYPE, NFT_LIMIT_PKTS);
	nftnl_expr_set_u32(e, NFTNL_EXPR_LIMIT_FLAGS, 0);
}

void nft_rule_limit(struct nft *n, uint64_t rate, uint32_t burst)
{
	struct nftnl_expr *e = expression(n, "limit");

	if (e)
		limit_describe(e, rate, burst);
}

void nft_rule_update(struct nft *n, const char *set, uint64_t rate, uint32_t burst)
{
	struct nftnl_expr *e = expression(n, "dynset"), *limit;

	put_u32(e, NFTNL_EXPR_DYNSET_SREG_KEY, NFT_R1);
	put_u32(e, NFTNL_EXPR_DYNSET_OP, NFT_DYNSET_OP_UPDATE);
	put_text(n, e, NFTNL_EXPR_DYNSET_SET_NAME, set);
	if (!e)
		return;
	limit = nftnl_expr_alloc("limit");
	if (!limit) {
		n->error = -ENOMEM;
		return;
	}
	limit_describe(limit, rate, burst);
	put_data(n, e, NFTNL_EXPR_DYNSET_EXPR, limit, 0); /* owned by the expression from here on */
}

void nft_rule_redirect(struct nft *n, uint16_t port)
{
	uint16_t wire = htons(port);
	struct nftnl_expr *e = expression(n, "immediate");

	put_u32(e, NFTNL_EXPR_IMM_DREG, NFT_R1);
	put_data(n, e, NFTNL_EXPR_IMM_DATA, &wire, sizeof(wire));
	e = expression(n, "redir");
	put_u32(e, NFTNL_EXPR_REDIR_REG_PROTO_MIN, NFT_R1);
	put_u32(e, NFTNL_EXPR_REDIR_FLAGS, NF_NAT_RANGE_PROTO_SPECIFIED);
}

void nft_rule_clamp_mss(struct nft *n, uint32_t side, const char *interface)
{
	static const uint8_t mask = TCP_SYN | TCP_RST, syn = TCP_SYN;
	struct nftnl_expr *e;

	nft_rule_protocol(n, IPPROTO_TCP);
	nft_rule_payload(n, NFT_PAYLOAD_TRANSPORT_HEADER, TCP_FLAGS_OFFSET, sizeof(mask), NFT_R1);
	nft_rule_mask(n, &mask, sizeof(mask));
	nft_rule_cmp(n, NFT_CMP_EQ, &syn, sizeof(syn));
	nft_rule_interface(n, side, NFT_CMP_EQ, interface);
	e = expression(n, "rt");
	put_u32(e, NFTNL_EXPR_RT_KEY, NFT_RT_TCPMSS);
	put_u32(e, NFTNL_EXPR_RT_DREG, NFT_R1);
	e = expression(n, "byteorder");
	put_u32(e, NFTNL_EXPR_BYTEORDER_SREG, NFT_R1);
	put_u32(e, NFTNL_EXPR_BYTEORDER_DREG, NFT_R1);
	put_u32(e, NFTNL_EXPR_BYTEORDER_OP, NFT_BYTEORDER_HTON);
	put_u32(e, NFTNL_EXPR_BYTEORDER_LEN, sizeof(uint16_t));
	put_u32(e, NFTNL_EXPR_BYTEORDER_SIZE, sizeof(uint16_t));
	e = expression(n, "exthdr");
	put_u32(e, NFTNL_EXPR_EXTHDR_SREG, NFT_R1);
	put_data(n, e, NFTNL_EXPR_EXTHDR_TYPE, &(uint8_t){TCPOPT_MSS}, sizeof(uint8_t));
	put_u32(e, NFTNL_EXPR_EXTHDR_OFFSET, 2); /* after kind and length: RFC 9293 section 3.2 */
	put_u32(e, NFTNL_EXPR_EXTHDR_LEN, sizeof(uint16_t));
	put_u32(e, NFTNL_EXPR_EXTHDR_OP, NFT_EXTHDR_OP_TCPOPT);
}

void nft_rule_reject(struct nft *n, uint32_t type, uint8_t code)
{
	struct nftnl_expr *e = expression(n, "reject");

	put_u32(e, NFTNL_EXPR_REJECT_TYPE, type);
	if (e)
		nftnl_expr_set_u8(e, NFTNL_EXPR_REJECT_CODE, code);
}

static void end_with(struct nft *n, int verdict, const char *chain)
{
	struct nftnl_expr *e = expression(n, "immediate");

	put_u32(e, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
	put_u32(e, NFTNL_EXPR_IMM_VERDICT, (uint32_t)verdict);
	if (chain)
		put_text(n, e, NFTNL_EXPR_IMM_CHAIN, chain);
	nft_rule_end(n);
}

void nft_rule_conclude(struct nft *n, int verdict)
{
	end_with(n, verdict, NULL);
}

void nft_rule_jump(struct nft *n, const char *chain)
{
	end_with(n, NFT_JUMP, chain);
}

void nft_rule_goto(struct nft *n, const char *chain)
{
	end_with(n, NFT_GOTO, chain);
}

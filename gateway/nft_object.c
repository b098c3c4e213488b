/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/nft.h"

#include <arpa/inet.h>
#include <errno.h>

#include <libmnl/libmnl.h>
#include <libnftnl/set.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

/* nft's enum byteorder, written beside a set so that nft(8) prints its numbers the right way round. */
enum { BYTEORDER_HOST = 1, BYTEORDER_NETWORK = 2, USERDATA_SIZE = 64 };

/* Every message names its table in attribute 1 and most name their object in attribute `attribute`. */
static struct nlmsghdr *named(struct nft *n, uint16_t type, uint16_t flags, uint16_t attribute, const char *name)
{
	struct nlmsghdr *h = nft_message(n, type, flags);

	if (h) {
		mnl_attr_put_strz(h, NFTA_TABLE_NAME, n->table);
		if (name)
			mnl_attr_put_strz(h, attribute, name);
	}
	return h;
}

static void simple(struct nft *n, uint16_t type, uint16_t flags, uint16_t attribute, const char *name)
{
	if (named(n, type, flags, attribute, name))
		nft_message_end(n);
}

void nft_table_create(struct nft *n)
{
	struct nlmsghdr *h = named(n, NFT_MSG_NEWTABLE, NLM_F_CREATE, 0, NULL);

	if (!h)
		return;
	mnl_attr_put_u32(h, NFTA_TABLE_FLAGS, 0); /* also wakes a table that was made dormant */
	nft_message_end(n);
}

void nft_table_delete(struct nft *n)
{
	simple(n, NFT_MSG_DELTABLE, 0, 0, NULL);
}

void nft_chain_create(struct nft *n, const char *name, const struct nft_hook *hook)
{
	struct nlmsghdr *h = named(n, NFT_MSG_NEWCHAIN, NLM_F_CREATE, NFTA_CHAIN_NAME, name);
	struct nlattr *nest;

	if (!h)
		return;
	if (hook) {
		nest = mnl_attr_nest_start(h, NFTA_CHAIN_HOOK);
		mnl_attr_put_u32(h, NFTA_HOOK_HOOKNUM, htonl(hook->number));
		mnl_attr_put_u32(h, NFTA_HOOK_PRIORITY, htonl((uint32_t)hook->priority));
		mnl_attr_nest_end(h, nest);
		mnl_attr_put_strz(h, NFTA_CHAIN_TYPE, hook->type ? hook->type : "filter");
		mnl_attr_put_u32(h, NFTA_CHAIN_POLICY, htonl(NF_ACCEPT));
	}
	nft_message_end(n);
}

void nft_chain_delete(struct nft *n, const char *name)
{
	simple(n, NFT_MSG_DELCHAIN, 0, NFTA_CHAIN_NAME, name);
}

void nft_chain_flush(struct nft *n, const char *name)
{
	simple(n, NFT_MSG_DELRULE, 0, NFTA_RULE_CHAIN, name);
}

void nft_counter_create(struct nft *n, const char *name)
{
	struct nlmsghdr *h = named(n, NFT_MSG_NEWOBJ, NLM_F_CREATE, NFTA_OBJ_NAME, name);

	if (!h)
		return;
	mnl_attr_put_u32(h, NFTA_OBJ_TYPE, htonl(NFT_OBJECT_COUNTER));
	mnl_attr_nest_end(h, mnl_attr_nest_start(h, NFTA_OBJ_DATA));
	nft_message_end(n);
}

/* Verdicts have no byte order: nft(8) gives up on a map of them that claims one. */
static int put_byteorder(struct nftnl_set *set, const struct nft_set_shape *s)
{
	struct nftnl_udata_buf *u = nftnl_udata_buf_alloc(USERDATA_SIZE);
	int rc = -ENOMEM;

	if (!u)
		return rc;
	if (nftnl_udata_put_u32(u, NFTNL_UDATA_SET_KEYBYTEORDER, s->host_order ? BYTEORDER_HOST : BYTEORDER_NETWORK) &&
		(!(s->flags & NFT_SET_MAP) || s->verdict ||
			nftnl_udata_put_u32(u, NFTNL_UDATA_SET_DATABYTEORDER, BYTEORDER_HOST)) &&
		nftnl_set_set_data(set, NFTNL_SET_USERDATA, nftnl_udata_buf_data(u), nftnl_udata_buf_len(u)) == 0)
		rc = 0;
	nftnl_udata_buf_free(u);
	return rc;
}

static int set_describe(struct nftnl_set *set, const struct nft_set_shape *s, const char *table, uint32_t id)
{
	if (nftnl_set_set_str(set, NFTNL_SET_TABLE, table) < 0 || nftnl_set_set_str(set, NFTNL_SET_NAME, s->name) < 0)
		return -ENOMEM;
	nftnl_set_set_u32(set, NFTNL_SET_ID, id); /* the kernel wants one; unique within the transaction */
	nftnl_set_set_u32(set, NFTNL_SET_FLAGS, s->flags);
	nftnl_set_set_u32(set, NFTNL_SET_KEY_TYPE, s->key_type);
	nftnl_set_set_u32(set, NFTNL_SET_KEY_LEN, s->key_size);
	if (s->flags & NFT_SET_MAP) {
		nftnl_set_set_u32(set, NFTNL_SET_DATA_TYPE, s->verdict ? NFT_DATA_VERDICT : NFT_TYPE_MARK);
		nftnl_set_set_u32(set, NFTNL_SET_DATA_LEN, s->verdict ? 0 : sizeof(uint32_t));
	}
	if (s->timeout_ms)
		nftnl_set_set_u64(set, NFTNL_SET_TIMEOUT, s->timeout_ms);
	if (s->size)
		nftnl_set_set_u32(set, NFTNL_SET_DESC_SIZE, s->size);
	if (s->fields && nftnl_set_set_data(set, NFTNL_SET_DESC_CONCAT, s->fields, s->field_count) < 0)
		return -ENOMEM;
	return put_byteorder(set, s);
}

void nft_set_create(struct nft *n, const struct nft_set_shape *s)
{
	struct nlmsghdr *h = nft_message(n, NFT_MSG_NEWSET, NLM_F_CREATE);
	struct nftnl_set *set;

	if (!h)
		return;
	set = nftnl_set_alloc();
	if (!set || set_describe(set, s, n->table, n->sequence) < 0) {
		n->error = -ENOMEM;
	} else {
		nftnl_set_nlmsg_build_payload(h, set);
		nft_message_end(n);
	}
	if (set)
		nftnl_set_free(set);
}

void nft_set_delete(struct nft *n, const char *name)
{
	simple(n, NFT_MSG_DELSET, 0, NFTA_SET_NAME, name);
}

void nft_set_flush(struct nft *n, const char *name)
{
	simple(n, NFT_MSG_DELSETELEM, 0, NFTA_SET_ELEM_LIST_SET, name);
}

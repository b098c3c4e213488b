/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Matches put together from the expressions of nft_rule.c, in the order in which nft(8) writes and recognises them. */
#include "gateway/nft.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <string.h>

#include <linux/netfilter/nf_tables.h>

void nft_rule_interface(struct nft *n, uint32_t key, uint32_t op, const char *name)
{
	char padded[IFNAMSIZ] = {0};

	memcpy(padded, name, strnlen(name, sizeof(padded) - 1));
	nft_rule_meta(n, key, NFT_R1);
	nft_rule_cmp(n, op, padded, sizeof(padded));
}

void nft_rule_family(struct nft *n, uint8_t nfproto)
{
	nft_rule_meta(n, NFT_META_NFPROTO, NFT_R1);
	nft_rule_cmp(n, NFT_CMP_EQ, &nfproto, sizeof(nfproto));
}

void nft_rule_protocol(struct nft *n, uint8_t protocol)
{
	nft_rule_meta(n, NFT_META_L4PROTO, NFT_R1);
	nft_rule_cmp(n, NFT_CMP_EQ, &protocol, sizeof(protocol));
}

void nft_rule_port(struct nft *n, uint32_t offset, uint16_t port)
{
	uint16_t wire = htons(port);

	nft_rule_payload(n, NFT_PAYLOAD_TRANSPORT_HEADER, offset, sizeof(wire), NFT_R1);
	nft_rule_cmp(n, NFT_CMP_EQ, &wire, sizeof(wire));
}

void nft_rule_ct_state(struct nft *n, uint32_t bits, bool any)
{
	nft_rule_ct(n, NFT_CT_STATE, NFT_R1);
	nft_rule_mask(n, &bits, sizeof(bits));
	nft_rule_cmp_u32(n, any ? NFT_CMP_NEQ : NFT_CMP_EQ, 0);
}

void nft_rule_ct_direction(struct nft *n, uint8_t direction)
{
	nft_rule_ct(n, NFT_CT_DIRECTION, NFT_R1);
	nft_rule_cmp(n, NFT_CMP_EQ, &direction, sizeof(direction));
}

void nft_rule_ct_unmarked(struct nft *n)
{
	nft_rule_ct(n, NFT_CT_MARK, NFT_R1);
	nft_rule_cmp_u32(n, NFT_CMP_EQ, 0);
}

void nft_rule_load_mark(struct nft *n, uint32_t mask)
{
	nft_rule_meta(n, NFT_META_MARK, NFT_R1);
	nft_rule_mask(n, &mask, sizeof(mask));
}

void nft_rule_load_address(struct nft *n, uint8_t nfproto, uint32_t offset, uint32_t size)
{
	nft_rule_family(n, nfproto);
	nft_rule_payload(n, NFT_PAYLOAD_NETWORK_HEADER, offset, size, NFT_R1);
}

void nft_rule_address(struct nft *n, uint8_t nfproto, uint32_t offset, const struct addr *a)
{
	uint32_t size = (uint32_t)addr_size(a);

	nft_rule_load_address(n, nfproto, offset, size);
	nft_rule_cmp(n, NFT_CMP_EQ, a->bytes, size);
}

void nft_rule_network(struct nft *n, uint8_t nfproto, uint32_t offset, uint32_t op, const struct prefix *p)
{
	uint32_t size = (uint32_t)addr_size(&p->addr);
	uint8_t mask[sizeof(p->addr.bytes)] = {0};

	for (unsigned i = 0; i < p->bits && i < 8 * size; i++)
		mask[i / 8] |= (uint8_t)(0x80 >> i % 8);
	nft_rule_load_address(n, nfproto, offset, size);
	nft_rule_mask(n, mask, size);
	nft_rule_cmp(n, op, p->addr.bytes, size);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Forwarding: between phones and the inside. */
#include "gateway/firewall_rules.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_tuple_common.h>
#include <linux/netfilter/nf_tables.h>

/* In the verdict map's order a miss is no verdict: the rules after it decide. */
static void add_profile_map(struct nft *n, const char *chain, const char *map)
{
	nft_rule(n, chain);
	nft_rule_load_mark(n, MARK_PROFILE_MASK);
	nft_rule_vmap(n, map);
	nft_rule_end(n);
}

/* A flow that an ended session opened is never inherited by the next one of the same address. */
static void add_stale(struct nft *n, const char *chain, bool unmarked_too)
{
	uint32_t mask = MARK_SERIAL_MASK;

	nft_rule(n, chain);
	if (!unmarked_too) {
		nft_rule_ct(n, NFT_CT_MARK, NFT_R1);
		nft_rule_cmp_u32(n, NFT_CMP_NEQ, 0);
	}
	nft_rule_ct(n, NFT_CT_MARK, NFT_R1);
	nft_rule_mask(n, &mask, sizeof(mask));
	nft_rule_lookup(n, SET_LIVE, true);
	nft_rule_counter(n, "stale");
	nft_rule_conclude(n, NF_DROP);
}

static void add_forward(struct firewall *f)
{
	struct nft *n = &f->nft;

	nft_rule(n, "forward");
	nft_rule_interface(n, NFT_META_IIFNAME, NFT_CMP_EQ, f->interface);
	nft_rule_goto(n, "from_tunnel");
	nft_rule(n, "forward");
	nft_rule_interface(n, NFT_META_OIFNAME, NFT_CMP_EQ, f->interface);
	nft_rule_goto(n, "to_tunnel");
	/* While there is no tunnel, what is meant for phones would follow the default route to the outside. */
	for (unsigned i = 0; i < FIREWALL_FAMILIES; i++) {
		const struct firewall_family *v = &firewall_families[i];

		if (!firewall_network(f, i)->addr.family)
			continue;
		nft_rule(n, "forward");
		nft_rule_network(n, v->nfproto, v->destination, NFT_CMP_EQ, firewall_network(f, i));
		nft_rule_conclude(n, NF_DROP);
	}
}

/* Behind the forward chain: only what that has let pass goes on, whatever became of its rules. */
static void add_leave(struct firewall *f)
{
	static const uint32_t sides[] = {NFT_META_IIFNAME, NFT_META_OIFNAME};
	struct nft *n = &f->nft;

	nft_rule(n, "leave");
	nft_rule_meta(n, NFT_META_MARK, NFT_R1);
	nft_rule_cmp_u32(n, NFT_CMP_EQ, MARK_PASS);
	nft_rule_goto(n, "mss");
	for (unsigned i = 0; i < sizeof(sides) / sizeof(sides[0]); i++) {
		nft_rule(n, "leave");
		nft_rule_interface(n, sides[i], NFT_CMP_EQ, f->interface);
		nft_rule_conclude(n, NF_DROP);
	}
	for (unsigned i = 0; i < sizeof(sides) / sizeof(sides[0]); i++) {
		nft_rule(n, "mss");
		nft_rule_clamp_mss(n, sides[i], f->interface);
		nft_rule_end(n);
	}
}

/* Comes back with what is to be judged like any other packet. Errors about queries that began without a session are nobody's. */
static void add_unusual(struct nft *n)
{
	nft_rule(n, "unusual");
	nft_rule_ct_state(n, NF_CT_STATE_INVALID_BIT, true);
	nft_rule_conclude(n, NF_DROP);
	firewall_rules_icmp_errors(n, "unusual", true, "pass");
}

static void add_from_tunnel(struct firewall *f)
{
	struct nft *n = &f->nft;

	nft_rule(n, "from_tunnel");
	nft_rule_meta(n, NFT_META_IIFNAME, NFT_R1);
	nft_rule_lookup(n, SET_ALIVE, true);
	nft_rule_goto(n, "denied");
	nft_rule(n, "from_tunnel"); /* phones cannot reach each other */
	nft_rule_interface(n, NFT_META_OIFNAME, NFT_CMP_EQ, f->interface);
	nft_rule_goto(n, "denied");
	nft_rule(n, "from_tunnel");
	nft_rule_ct_state(n, NF_CT_STATE_INVALID_BIT | NF_CT_STATE_BIT(IP_CT_RELATED), true);
	nft_rule_jump(n, "unusual");
	nft_rule(n, "from_tunnel");
	nft_rule_ct_direction(n, IP_CT_DIR_REPLY);
	nft_rule_conclude(n, NF_DROP);
	firewall_rules_dns_gate(n, "from_tunnel", FIREWALL_DESTINATION_PORT, "ask_resolver");
	firewall_rules_dns(n, "ask_resolver", FIREWALL_DESTINATION_PORT, "resolve");
	nft_rule(n, "from_tunnel");
	nft_rule_load_mark(n, MARK_SERIAL_MASK);
	nft_rule_cmp_u32(n, NFT_CMP_EQ, 0);
	nft_rule_goto(n, "no_session");
	add_stale(n, "from_tunnel", false);
	add_profile_map(n, "from_tunnel", MAP_PROFILES);
	nft_rule(n, "from_tunnel");
	nft_rule_goto(n, "unlisted");
	firewall_rules_icmp_errors(n, "unlisted", false, "pass");
	nft_rule(n, "unlisted");
	nft_rule_goto(n, "denied");
}

/* Only answers: nothing inside may open towards a phone. */
static void add_to_tunnel(struct firewall *f)
{
	struct nft *n = &f->nft;

	nft_rule(n, "to_tunnel");
	nft_rule_meta(n, NFT_META_OIFNAME, NFT_R1);
	nft_rule_lookup(n, SET_ALIVE, true);
	nft_rule_conclude(n, NF_DROP);
	nft_rule(n, "to_tunnel");
	nft_rule_ct_state(n, FIREWALL_STATE_KNOWN, false);
	nft_rule_conclude(n, NF_DROP);
	nft_rule(n, "to_tunnel");
	nft_rule_ct_direction(n, IP_CT_DIR_ORIGINAL);
	nft_rule_conclude(n, NF_DROP);
	firewall_rules_dns_gate(n, "to_tunnel", FIREWALL_SOURCE_PORT, "resolver_answers");
	firewall_rules_dns(n, "resolver_answers", FIREWALL_SOURCE_PORT, "pass");
	nft_rule(n, "to_tunnel");
	nft_rule_ct_state(n, NF_CT_STATE_BIT(IP_CT_RELATED), true);
	nft_rule_jump(n, "unusual");
	nft_rule(n, "to_tunnel");
	nft_rule_set_mark_to(n, 0);
	nft_rule_end(n);
	firewall_rules_session_mark(n, "to_tunnel", false);
	nft_rule(n, "to_tunnel");
	nft_rule_load_mark(n, MARK_SERIAL_MASK);
	nft_rule_cmp_u32(n, NFT_CMP_EQ, 0);
	nft_rule_conclude(n, NF_DROP);
	add_stale(n, "to_tunnel", true);
	add_profile_map(n, "to_tunnel", MAP_PROFILES_REPLY);
	nft_rule(n, "to_tunnel");
	nft_rule_goto(n, "unlisted_reply");
	firewall_rules_icmp_errors(n, "unlisted_reply", false, "pass");
	nft_rule(n, "unlisted_reply");
	nft_rule_conclude(n, NF_DROP);
}

void firewall_rules_forward(struct firewall *f)
{
	add_forward(f);
	add_unusual(&f->nft);
	add_from_tunnel(f);
	add_to_tunnel(f);
	add_leave(f);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Prerouting: whose packet is it, and has it any business beyond the gateway? */
#include "gateway/firewall_rules.h"

#include <netinet/in.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/rtnetlink.h>

enum { SPOOFED_RATE = 20, SPOOFED_BURST = 50 }; /* of all sources together: whoever forges them would fill a set */

/* Tunnel addresses are good only behind the tunnel; WireGuard pins them to keys there. */
static void add_prerouting(struct firewall *f)
{
	struct nft *n = &f->nft;

	nft_rule(n, "prerouting");
	nft_rule_interface(n, NFT_META_IIFNAME, NFT_CMP_EQ, f->interface);
	nft_rule_goto(n, "enter");
	nft_rule(n, "prerouting");
	nft_rule_interface(n, NFT_META_IIFNAME, NFT_CMP_EQ, "lo");
	nft_rule_conclude(n, NF_ACCEPT);
	for (unsigned i = 0; i < FIREWALL_FAMILIES; i++) {
		const struct firewall_family *v = &firewall_families[i];

		if (!firewall_network(f, i)->addr.family)
			continue;
		nft_rule(n, "prerouting");
		nft_rule_network(n, v->nfproto, v->source, NFT_CMP_EQ, firewall_network(f, i));
		nft_rule_goto(n, "spoofed");
		nft_rule(n, "prerouting");
		nft_rule_address(n, v->nfproto, v->destination, firewall_gateway(f, i));
		nft_rule_conclude(n, NF_DROP);
	}
}

/* Decided before routing: of what has no session only questions to the resolvers get a mark, without which routing forwards
 * nothing; not even these when this host answers them. What is meant for the gateway itself is the input chain's to judge. */
static void add_without_session(struct firewall *f)
{
	static const uint32_t here[] = {RTN_LOCAL, RTN_MULTICAST};
	struct nft *n = &f->nft;

	for (unsigned i = 0; i < sizeof(here) / sizeof(here[0]); i++) {
		nft_rule(n, "enter");
		nft_rule_destination_type(n, here[i]);
		nft_rule_conclude(n, NF_ACCEPT);
	}
	firewall_rules_originals(n, "enter");
	firewall_rules_dns(n, "enter", FIREWALL_DESTINATION_PORT, "query");
	firewall_rules_icmp_errors(n, "enter", true, "query");
	nft_rule(n, "enter");
	nft_rule_goto(n, "no_session");
	nft_rule(n, "query");
	if (!f->spec.portal_dns)
		nft_rule_set_mark_to(n, MARK_QUERY);
	nft_rule_conclude(n, NF_ACCEPT);
}

static void add_enter(struct firewall *f)
{
	struct nft *n = &f->nft;

	nft_rule(n, "enter");
	nft_rule_set_mark_to(n, 0); /* never trust an earlier mark */
	nft_rule_end(n);
	/* An address that has a session is one of ours: nothing more to be asked of most packets. */
	firewall_rules_session_mark(n, "enter", true);
	nft_rule(n, "enter");
	nft_rule_meta(n, NFT_META_MARK, NFT_R1);
	nft_rule_cmp_u32(n, NFT_CMP_NEQ, 0);
	nft_rule_conclude(n, NF_ACCEPT);
	for (unsigned i = 0; i < FIREWALL_FAMILIES; i++) {
		const struct firewall_family *v = &firewall_families[i];

		nft_rule(n, "enter");
		if (!firewall_network(f, i)->addr.family) {
			nft_rule_family(n, v->nfproto);
			nft_rule_goto(n, "spoofed");
			continue;
		}
		nft_rule_network(n, v->nfproto, v->source, NFT_CMP_NEQ, firewall_network(f, i));
		nft_rule_goto(n, "spoofed");
		nft_rule(n, "enter");
		nft_rule_address(n, v->nfproto, v->source, firewall_gateway(f, i));
		nft_rule_goto(n, "spoofed");
	}
	add_without_session(f);
}

static void add_spoofed(struct nft *n)
{
	nft_rule(n, "spoofed");
	nft_rule_counter(n, "spoofed");
	nft_rule_end(n);
	nft_rule(n, "spoofed");
	nft_rule_limit(n, SPOOFED_RATE, SPOOFED_BURST);
	nft_rule_log(n, FIREWALL_LOG_SPOOFED, NFLOG_REFUSED, FIREWALL_REFUSED_SNAPLEN, FIREWALL_REFUSED_THRESHOLD);
	nft_rule_conclude(n, NF_DROP);
	nft_rule(n, "spoofed");
	nft_rule_counter(n, "spoofed_limited");
	nft_rule_conclude(n, NF_DROP);
}

void firewall_rules_enter(struct firewall *f)
{
	add_prerouting(f);
	add_enter(f);
	add_spoofed(&f->nft);
}

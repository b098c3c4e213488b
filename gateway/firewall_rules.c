/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What several chains share, and the chains at which a packet's way ends. */
#include "gateway/firewall_rules.h"

#include <netinet/in.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tuple_common.h>
#include <linux/netfilter/nf_tables.h>

/* Packets a second and burst, of each source. */
enum { QUERY_RATE = 50, QUERY_BURST = 100, REFUSED_RATE = 5, REFUSED_BURST = 20 };

void firewall_rules_dns_gate(struct nft *n, const char *from, uint32_t port_offset, const char *through)
{
	nft_rule(n, from);
	nft_rule_port(n, port_offset, FIREWALL_PORT_DNS);
	nft_rule_jump(n, through);
}

void firewall_rules_dns(struct nft *n, const char *from, uint32_t port_offset, const char *chain)
{
	static const uint8_t protocols[] = {IPPROTO_UDP, IPPROTO_TCP};

	for (unsigned i = 0; i < FIREWALL_FAMILIES; i++) {
		const struct firewall_family *v = &firewall_families[i];

		for (unsigned j = 0; j < sizeof(protocols); j++) {
			nft_rule(n, from);
			nft_rule_load_address(
				n, v->nfproto, port_offset == FIREWALL_SOURCE_PORT ? v->source : v->destination, v->size);
			nft_rule_lookup(n, v->resolvers, false);
			nft_rule_protocol(n, protocols[j]);
			nft_rule_port(n, port_offset, FIREWALL_PORT_DNS);
			nft_rule_goto(n, chain);
		}
	}
}

void firewall_rules_icmp_errors(struct nft *n, const char *from, bool unmarked_only, const char *chain)
{
	for (unsigned i = 0; i < FIREWALL_FAMILIES; i++) {
		nft_rule(n, from);
		nft_rule_ct_state(n, NF_CT_STATE_BIT(IP_CT_RELATED), true);
		nft_rule_protocol(n, firewall_families[i].icmp);
		if (unmarked_only)
			nft_rule_ct_unmarked(n);
		nft_rule_goto(n, chain);
	}
}

void firewall_rules_originals(struct nft *n, const char *chain)
{
	nft_rule(n, chain);
	nft_rule_ct_state(n, NF_CT_STATE_INVALID_BIT, true);
	nft_rule_conclude(n, NF_DROP);
	nft_rule(n, chain);
	nft_rule_ct_direction(n, IP_CT_DIR_REPLY);
	nft_rule_conclude(n, NF_DROP);
}

void firewall_rules_session_mark(struct nft *n, const char *chain, bool by_source)
{
	for (unsigned i = 0; i < FIREWALL_FAMILIES; i++) {
		const struct firewall_family *v = &firewall_families[i];

		nft_rule(n, chain);
		nft_rule_load_address(n, v->nfproto, by_source ? v->source : v->destination, v->size);
		nft_rule_map(n, v->sessions);
		nft_rule_set_mark(n);
		nft_rule_end(n);
	}
}

void firewall_rules_rated(struct nft *n, const char *chain, const struct firewall_family *v, const char *set, const uint8_t *mask,
	uint64_t rate, uint32_t burst)
{
	nft_rule(n, chain);
	nft_rule_load_address(n, v->nfproto, v->source, v->size);
	if (mask)
		nft_rule_mask(n, mask, v->size);
	nft_rule_update(n, set, rate, burst);
}

/* Queries pass with and without a session, unless this host answers those without. Those of a session are marked from their first
 * packet, so that they are on record; a flow that began without one stays unmarked: nobody's. */
static void add_resolve(struct firewall *f)
{
	struct nft *n = &f->nft;

	if (f->spec.portal_dns) {
		nft_rule(n, "resolve");
		nft_rule_load_mark(n, MARK_SERIAL_MASK);
		nft_rule_cmp_u32(n, NFT_CMP_EQ, 0);
		nft_rule_goto(n, "no_session");
	}
	nft_rule(n, "resolve");
	nft_rule_ct_state(n, NF_CT_STATE_BIT(IP_CT_NEW), true);
	nft_rule_ct_unmarked(n);
	nft_rule_load_mark(n, MARK_SERIAL_MASK);
	nft_rule_cmp_u32(n, NFT_CMP_NEQ, 0);
	nft_rule_meta(n, NFT_META_MARK, NFT_R1);
	nft_rule_set_ct_mark(n);
	nft_rule_end(n);
	nft_rule(n, "resolve");
	nft_rule_goto(n, "rated");
	for (unsigned i = 0; i < FIREWALL_FAMILIES; i++) {
		firewall_rules_rated(
			n, "rated", &firewall_families[i], firewall_families[i].queries, NULL, QUERY_RATE, QUERY_BURST);
		nft_rule_goto(n, "pass");
	}
	nft_rule(n, "rated");
	nft_rule_conclude(n, NF_DROP);
}

static void add_grant(struct nft *n)
{
	nft_rule(n, "grant"); /* first packet: conntrack's record then names session and profile */
	nft_rule_ct_unmarked(n);
	nft_rule_meta(n, NFT_META_MARK, NFT_R1);
	nft_rule_set_ct_mark(n);
	nft_rule_end(n);
	nft_rule(n, "grant");
	nft_rule_goto(n, "pass");
	nft_rule(n, "pass");
	nft_rule_set_mark_to(n, MARK_PASS);
	nft_rule_conclude(n, NF_ACCEPT);
}

/* Those beyond the limit are counted once more: see gateway/tally.h. */
static void add_refusal(struct nft *n, const char *chain, const char *limited, const char *prefix)
{
	nft_rule(n, chain);
	nft_rule_counter(n, chain); /* the counter has the chain's name */
	nft_rule_end(n);
	for (unsigned i = 0; i < FIREWALL_FAMILIES; i++) {
		firewall_rules_rated(
			n, chain, &firewall_families[i], firewall_families[i].refused, NULL, REFUSED_RATE, REFUSED_BURST);
		nft_rule_log(n, prefix, NFLOG_REFUSED, FIREWALL_REFUSED_SNAPLEN, FIREWALL_REFUSED_THRESHOLD);
		nft_rule_goto(n, "refuse");
	}
	nft_rule(n, chain);
	nft_rule_counter(n, limited);
	nft_rule_goto(n, "refuse");
}

/* Refused, not dropped: whoever holds the phone sees at once that it is closed. */
static void add_refuse(struct nft *n)
{
	nft_rule(n, "refuse");
	nft_rule_protocol(n, IPPROTO_TCP);
	nft_rule_reject(n, NFT_REJECT_TCP_RST, 0);
	nft_rule_end(n);
	nft_rule(n, "refuse");
	nft_rule_reject(n, NFT_REJECT_ICMPX_UNREACH, NFT_REJECT_ICMPX_ADMIN_PROHIBITED);
	nft_rule_end(n);
}

void firewall_rules_add(struct firewall *f)
{
	firewall_rules_enter(f);
	firewall_rules_host(f);
	firewall_rules_forward(f);
	add_resolve(f);
	add_grant(&f->nft);
	add_refusal(&f->nft, "no_session", "no_session_limited", FIREWALL_LOG_NO_SESSION);
	add_refusal(&f->nft, "denied", "denied_limited", FIREWALL_LOG_DENIED);
	add_refuse(&f->nft);
}

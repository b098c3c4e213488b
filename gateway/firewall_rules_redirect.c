/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Address translation: what is meant for this host though it says otherwise. Both chains are there only when they are needed. */
#include "gateway/firewall_rules.h"

#include <netinet/in.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/rtnetlink.h>

/* What the phones dial that are where only such ports get through. Conntrack turns the answers round: they come from the port
 * that was dialled. The input chain, and the knocks copied there, see the port of WireGuard already. */
void firewall_rules_extra_ports(struct firewall *f)
{
	struct nft *n = &f->nft;

	nft_rule(n, CHAIN_EXTRA_PORTS);
	nft_rule_interface(n, NFT_META_IIFNAME, NFT_CMP_NEQ, f->interface);
	nft_rule_protocol(n, IPPROTO_UDP);
	nft_rule_payload(n, NFT_PAYLOAD_TRANSPORT_HEADER, FIREWALL_DESTINATION_PORT, sizeof(uint16_t), NFT_R1);
	nft_rule_lookup(n, SET_EXTRA_PORTS, false);
	nft_rule_destination_type(n, RTN_LOCAL);
	nft_rule_redirect(n, f->spec.listen_port);
	nft_rule_end(n);
}

/* What has no session, and so no mark, finds this host where it asks a resolver, at the tunnel interface's own address: phones
 * need no other configuration before a login than after it. */
void firewall_rules_portal_dns(struct firewall *f)
{
	struct nft *n = &f->nft;

	nft_rule(n, CHAIN_PORTAL_DNS);
	nft_rule_interface(n, NFT_META_IIFNAME, NFT_CMP_NEQ, f->interface);
	nft_rule_conclude(n, NF_ACCEPT);
	nft_rule(n, CHAIN_PORTAL_DNS);
	nft_rule_meta(n, NFT_META_MARK, NFT_R1);
	nft_rule_cmp_u32(n, NFT_CMP_NEQ, 0);
	nft_rule_conclude(n, NF_ACCEPT);
	firewall_rules_dns(n, CHAIN_PORTAL_DNS, FIREWALL_DESTINATION_PORT, "ask_portal");
	nft_rule(n, "ask_portal");
	nft_rule_redirect(n, FIREWALL_PORT_DNS);
	nft_rule_end(n);
}

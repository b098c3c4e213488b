/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Input: what reaches the gateway itself, from the tunnel and from outside. */
#include "gateway/firewall_rules.h"

#include <netinet/icmp6.h>
#include <netinet/in.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_tuple_common.h>
#include <linux/netfilter/nf_tables.h>

enum {
	OFFSET_UDP_LENGTH = 4, /* RFC 768 */
	OFFSET_UDP_PAYLOAD = 8,
	INITIATION_UDP_LENGTH = 8 + 148, /* a handshake initiation in its UDP packet */
	KNOCK_SNAPLEN = 256, /* IPv6 header, UDP header, initiation, and room for extension headers */
	KNOCK_THRESHOLD = 1, /* the phone is waiting */
};

/* Packets a second and burst; KNOCK is of each source, the others of all together: whoever forges sources would fill a set. */
enum {
	PING_RATE = 50,
	PING_BURST = 50,
	KNOCK_RATE = 5,
	KNOCK_BURST = 10,
	KNOCKS_RATE = 500,
	KNOCKS_BURST = 500,
};

/* What knocks from outside is counted and copied, never decided here: the host's other services are not ours. */
static void add_knock(struct firewall *f)
{
	static const uint8_t site[16] = {255, 255, 255, 255, 255, 255, 255, 255}; /* /64: one household or one attacker */
	static const uint8_t initiation[] = {1, 0, 0, 0};
	struct nft *n = &f->nft;

	nft_rule(n, "input");
	nft_rule_protocol(n, IPPROTO_UDP);
	nft_rule_port(n, FIREWALL_DESTINATION_PORT, f->spec.listen_port);
	nft_rule_port(n, OFFSET_UDP_LENGTH, INITIATION_UDP_LENGTH);
	nft_rule_payload(n, NFT_PAYLOAD_TRANSPORT_HEADER, OFFSET_UDP_PAYLOAD, sizeof(initiation), NFT_R1);
	nft_rule_cmp(n, NFT_CMP_EQ, initiation, sizeof(initiation));
	nft_rule_goto(n, "knock");

	nft_rule(n, "knock");
	nft_rule_counter(n, "knocks");
	nft_rule_end(n);
	for (unsigned i = 0; i < FIREWALL_FAMILIES; i++) {
		const struct firewall_family *v = &firewall_families[i];

		firewall_rules_rated(n, "knock", v, v->knocks, v->nfproto == NFPROTO_IPV6 ? site : NULL, KNOCK_RATE, KNOCK_BURST);
		nft_rule_goto(n, "copy_knock");
	}
	nft_rule(n, "copy_knock");
	nft_rule_limit(n, KNOCKS_RATE, KNOCKS_BURST);
	nft_rule_log(n, NULL, NFLOG_KNOCK, KNOCK_SNAPLEN, KNOCK_THRESHOLD);
	nft_rule_end(n);
}

static void match_ping(struct nft *n, const struct firewall_family *v, const struct addr *gateway)
{
	nft_rule(n, "to_gateway");
	nft_rule_address(n, v->nfproto, v->destination, gateway);
	nft_rule_protocol(n, v->icmp);
	nft_rule_payload(n, NFT_PAYLOAD_TRANSPORT_HEADER, 0, sizeof(v->echo_request), NFT_R1);
	nft_rule_cmp(n, NFT_CMP_EQ, &v->echo_request, sizeof(v->echo_request));
}

/* The page's own name. It answers with and without a session, and is on record no more than the page itself. */
static void add_portal_dns(struct nft *n, const struct firewall_family *v, const struct addr *gateway)
{
	static const uint8_t protocols[] = {IPPROTO_UDP, IPPROTO_TCP};

	for (unsigned i = 0; i < sizeof(protocols); i++) {
		nft_rule(n, "to_gateway");
		nft_rule_address(n, v->nfproto, v->destination, gateway);
		nft_rule_protocol(n, protocols[i]);
		nft_rule_port(n, FIREWALL_DESTINATION_PORT, FIREWALL_PORT_DNS);
		nft_rule_goto(n, "rated");
	}
}

static void add_gateway_services(struct firewall *f, unsigned family)
{
	const struct firewall_family *v = &firewall_families[family];
	const struct addr *gateway = firewall_gateway(f, family);
	struct nft *n = &f->nft;

	if (!firewall_network(f, family)->addr.family)
		return;
	nft_rule(n, "to_gateway");
	nft_rule_address(n, v->nfproto, v->destination, gateway);
	nft_rule_protocol(n, IPPROTO_TCP);
	nft_rule_port(n, FIREWALL_DESTINATION_PORT, f->spec.portal_port);
	nft_rule_conclude(n, NF_ACCEPT);
	match_ping(n, v, gateway);
	nft_rule_limit(n, PING_RATE, PING_BURST);
	nft_rule_conclude(n, NF_ACCEPT);
	match_ping(n, v, gateway);
	nft_rule_conclude(n, NF_DROP);
	if (f->spec.portal_dns)
		add_portal_dns(n, v, gateway);
}

static void add_input(struct firewall *f)
{
	/* RFC 4890 section 4.4.1: without these a link with neighbours (not WireGuard's own) does not work. */
	static const uint8_t neighbour[] = {ND_NEIGHBOR_SOLICIT, ND_NEIGHBOR_ADVERT};
	struct nft *n = &f->nft;

	nft_rule(n, "input");
	nft_rule_interface(n, NFT_META_IIFNAME, NFT_CMP_EQ, f->interface);
	nft_rule_goto(n, "to_gateway");
	add_knock(f);
	for (unsigned i = 0; i < FIREWALL_FAMILIES; i++)
		add_gateway_services(f, i);
	firewall_rules_dns(n, "to_gateway", FIREWALL_DESTINATION_PORT, "resolve"); /* a resolver may be the gateway's own */
	for (unsigned i = 0; i < sizeof(neighbour); i++) {
		nft_rule(n, "to_gateway");
		nft_rule_protocol(n, IPPROTO_ICMPV6);
		nft_rule_payload(n, NFT_PAYLOAD_TRANSPORT_HEADER, 0, sizeof(neighbour[i]), NFT_R1);
		nft_rule_cmp(n, NFT_CMP_EQ, &neighbour[i], sizeof(neighbour[i]));
		nft_rule_conclude(n, NF_ACCEPT);
	}
	firewall_rules_icmp_errors(n, "to_gateway", false, "pass");
	nft_rule(n, "to_gateway"); /* answers to what the gateway itself asked */
	nft_rule_ct_state(n, FIREWALL_STATE_KNOWN, true);
	nft_rule_ct_direction(n, IP_CT_DIR_REPLY);
	nft_rule_conclude(n, NF_ACCEPT);
	nft_rule(n, "to_gateway");
	nft_rule_load_mark(n, MARK_SERIAL_MASK);
	nft_rule_cmp_u32(n, NFT_CMP_EQ, 0);
	nft_rule_goto(n, "no_session");
	nft_rule(n, "to_gateway");
	nft_rule_goto(n, "denied");
}

void firewall_rules_host(struct firewall *f)
{
	add_input(f);
}

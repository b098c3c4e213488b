/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Shared by the files that build the table's rules (gateway/firewall_rules*.c). Each function adds to the transaction under
 * construction; errors are sticky, see gateway/nft.h.
 */
#ifndef SEKISHO_FIREWALL_RULES_H
#define SEKISHO_FIREWALL_RULES_H

#include <linux/netfilter/nf_conntrack_common.h>

#include "gateway/firewall_internal.h"

enum {
	FIREWALL_SOURCE_PORT = 0, /* offsets in the transport header */
	FIREWALL_DESTINATION_PORT = 2,
	FIREWALL_PORT_DNS = 53,
	FIREWALL_REFUSED_SNAPLEN = 80, /* headers with ports */
	FIREWALL_REFUSED_THRESHOLD = 8, /* packets; fewer are delivered after NFLOG's flush time of 1 s */
	FIREWALL_STATE_KNOWN = NF_CT_STATE_BIT(IP_CT_ESTABLISHED) | NF_CT_STATE_BIT(IP_CT_RELATED),
};

void firewall_rules_enter(struct firewall *f);
void firewall_rules_host(struct firewall *f);
void firewall_rules_forward(struct firewall *f);

/* DNS from or to the resolvers (by port_offset), over both protocols that RFC 7766 asks for: goes to `chain`. The first asks the
 * port only and leaves the rest to a chain `through`, so that other packets pay little. */
void firewall_rules_dns_gate(struct nft *n, const char *from, uint32_t port_offset, const char *through);
void firewall_rules_dns(struct nft *n, const char *from, uint32_t port_offset, const char *chain);

/* ICMP errors that belong to a connection, any that conntrack knows or unmarked ones only (DNS without a session): go to `chain`.
 */
void firewall_rules_icmp_errors(struct nft *n, const char *from, bool unmarked_only, const char *chain);

/* What conntrack finds invalid, and what answers a flow from the other side: dropped. */
void firewall_rules_originals(struct nft *n, const char *chain);

/* Packet mark := that of the session with this source, or destination, address; stays when there is none. */
void firewall_rules_session_mark(struct nft *n, const char *chain, bool by_source);

/* Begins a rule that matches below a limit for each source address, under `mask` unless NULL. The caller ends it. */
void firewall_rules_rated(struct nft *n, const char *chain, const struct firewall_family *v, const char *set, const uint8_t *mask,
	uint64_t rate, uint32_t burst);

#endif

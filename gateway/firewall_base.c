/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/firewall_internal.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <netinet/icmp6.h>
#include <string.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter_ipv4.h>

enum { RATE_SET_SIZE = 65536, RATE_TIMEOUT_MS = 60000, KNOCK_TIMEOUT_MS = 10000 };

const struct firewall_family firewall_families[FIREWALL_FAMILIES] = {
	{NFPROTO_IPV4, 4, 12, 16, IPPROTO_ICMP, ICMP_ECHO, "sess4", "resolver4", "queries4", "refused4", "knocks4"},
	{NFPROTO_IPV6, 16, 8, 24, IPPROTO_ICMPV6, ICMP6_ECHO_REQUEST, "sess6", "resolver6", "queries6", "refused6", "knocks6"},
};

#define ADDRESSES4 .key_type = NFT_TYPE_IPV4, .key_size = 4
#define ADDRESSES6 .key_type = NFT_TYPE_IPV6, .key_size = 16
#define MARKS .key_type = NFT_TYPE_MARK, .key_size = 4, .host_order = true
#define RATES(ms) .flags = NFT_SET_EVAL | NFT_SET_TIMEOUT, .timeout_ms = (ms), .size = RATE_SET_SIZE

static const struct nft_set_shape sets[] = {
	{.name = "sess4", ADDRESSES4, .flags = NFT_SET_MAP | NFT_SET_TIMEOUT},
	{.name = "sess6", ADDRESSES6, .flags = NFT_SET_MAP | NFT_SET_TIMEOUT},
	{.name = SET_LIVE, MARKS, .flags = NFT_SET_TIMEOUT},
	{.name = SET_ALIVE, .key_type = NFT_TYPE_IFNAME, .key_size = IFNAMSIZ, .host_order = true, .flags = NFT_SET_TIMEOUT},
	{.name = MAP_PROFILES, MARKS, .flags = NFT_SET_MAP, .verdict = true},
	{.name = MAP_PROFILES_REPLY, MARKS, .flags = NFT_SET_MAP, .verdict = true},
	{.name = "resolver4", ADDRESSES4},
	{.name = "resolver6", ADDRESSES6},
	{.name = SET_EXTRA_PORTS, .key_type = NFT_TYPE_SERVICE, .key_size = 2},
	{.name = "queries4", ADDRESSES4, RATES(RATE_TIMEOUT_MS)},
	{.name = "queries6", ADDRESSES6, RATES(RATE_TIMEOUT_MS)},
	{.name = "refused4", ADDRESSES4, RATES(RATE_TIMEOUT_MS)},
	{.name = "refused6", ADDRESSES6, RATES(RATE_TIMEOUT_MS)},
	{.name = "knocks4", ADDRESSES4, RATES(KNOCK_TIMEOUT_MS)},
	{.name = "knocks6", ADDRESSES6, RATES(KNOCK_TIMEOUT_MS)},
};

static const struct chain {
	const char *name;
	struct nft_hook hook;
} base_chains[] = {
	{"prerouting", {NF_INET_PRE_ROUTING, NF_IP_PRI_MANGLE, NULL}},
	{"input", {NF_INET_LOCAL_IN, NF_IP_PRI_FILTER, NULL}},
	{"forward", {NF_INET_FORWARD, NF_IP_PRI_FILTER, NULL}},
	{"leave", {NF_INET_FORWARD, NF_IP_PRI_FILTER + 1, NULL}},
};

static const struct nft_hook redirect_hook = {NF_INET_PRE_ROUTING, NF_IP_PRI_NAT_DST, "nat"};

static const char *const helper_chains[] = {"enter", "spoofed", "to_gateway", "knock", "copy_knock", "from_tunnel", "to_tunnel",
	"ask_resolver", "ask_portal", "resolver_answers", "resolve", "rated", "query", "unusual", "unlisted", "unlisted_reply",
	"mss", "grant", "pass", "no_session", "denied", "refuse"};

static const char *const counters[] = {
	"denied", "denied_limited", "no_session", "no_session_limited", "spoofed", "spoofed_limited", "stale", "knocks"};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

const struct prefix *firewall_network(const struct firewall *f, unsigned family)
{
	return family == 0 ? &f->spec.network4 : &f->spec.network6;
}

const struct addr *firewall_gateway(const struct firewall *f, unsigned family)
{
	return family == 0 ? &f->spec.gateway4 : &f->spec.gateway6;
}

static void add_objects(struct nft *n)
{
	nft_table_create(n);
	for (size_t i = 0; i < COUNT(counters); i++)
		nft_counter_create(n, counters[i]);
	for (size_t i = 0; i < COUNT(sets); i++)
		nft_set_create(n, &sets[i]);
	for (size_t i = 0; i < COUNT(helper_chains); i++)
		nft_chain_create(n, helper_chains[i], NULL);
	for (size_t i = 0; i < COUNT(base_chains); i++)
		nft_chain_create(n, base_chains[i].name, &base_chains[i].hook);
}

static void flush_rules(struct nft *n)
{
	for (size_t i = 0; i < COUNT(base_chains); i++)
		nft_chain_flush(n, base_chains[i].name);
	for (size_t i = 0; i < COUNT(helper_chains); i++)
		nft_chain_flush(n, helper_chains[i]);
}

static bool repeated(const struct firewall_spec *s, unsigned at)
{
	for (unsigned i = 0; i < at; i++)
		if (addr_equal(&s->resolvers[i], &s->resolvers[at]))
			return true;
	return false;
}

static void replace_resolvers(struct firewall *f)
{
	struct nft_element e = {0};

	for (unsigned i = 0; i < FIREWALL_FAMILIES; i++)
		nft_set_flush(&f->nft, firewall_families[i].resolvers);
	for (unsigned i = 0; i < f->spec.resolver_count; i++) {
		const struct addr *a = &f->spec.resolvers[i];

		if (!a->family || repeated(&f->spec, i))
			continue;
		e.set = firewall_families[a->family == 6].resolvers;
		e.key_size = (uint8_t)addr_size(a);
		memcpy(e.key, a->bytes, sizeof(e.key));
		nft_element_add(&f->nft, &e);
	}
}

/* A chain that is there only when it is needed, for every flow of the host pays for address translation: made empty, or deleted.
 */
static void replace_chain(struct nft *n, const char *chain, bool there, bool needed)
{
	if (needed) {
		nft_chain_create(n, chain, &redirect_hook);
		nft_chain_flush(n, chain);
	} else if (there) {
		nft_chain_delete(n, chain);
	}
}

static void replace_extra_ports(struct firewall *f, bool chain_there)
{
	struct nft_element e = {.set = SET_EXTRA_PORTS, .key_size = sizeof(uint16_t)};
	struct nft *n = &f->nft;

	nft_set_flush(n, SET_EXTRA_PORTS);
	replace_chain(n, CHAIN_EXTRA_PORTS, chain_there, f->spec.extra_port_count != 0);
	if (!f->spec.extra_port_count)
		return;
	for (unsigned i = 0; i < f->spec.extra_port_count; i++) {
		uint16_t port = htons(f->spec.extra_ports[i]);

		memcpy(e.key, &port, sizeof(port));
		nft_element_add(n, &e);
	}
	firewall_rules_extra_ports(f);
}

static void replace_portal_dns(struct firewall *f, bool chain_there)
{
	replace_chain(&f->nft, CHAIN_PORTAL_DNS, chain_there, f->spec.portal_dns);
	if (f->spec.portal_dns)
		firewall_rules_portal_dns(f);
}

int firewall_base_install(struct firewall *f)
{
	struct nft *n = &f->nft;
	unsigned rules;
	const int extra_ports = nft_chain_exists(n, CHAIN_EXTRA_PORTS), portal_dns = nft_chain_exists(n, CHAIN_PORTAL_DNS);
	int rc = extra_ports < 0 ? extra_ports : portal_dns;

	if (rc < 0)
		return rc;
	nft_begin(n);
	add_objects(n);
	flush_rules(n);
	replace_resolvers(f);
	replace_extra_ports(f, extra_ports != 0);
	replace_portal_dns(f, portal_dns != 0);
	firewall_rules_add(f);
	rules = n->rules;
	rc = nft_commit(n);
	if (rc == 0)
		f->base_rules = rules;
	return rc;
}

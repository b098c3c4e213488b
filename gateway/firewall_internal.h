/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the parts of the firewall (gateway/firewall*.c) share: the names in the table, the layout of the mark, and the handle.
 *
 *   firewall.c          open, respec, alive, close, destroy
 *   firewall_base.c     sets, chains and the transaction that (re)makes everything but profiles
 *   firewall_rules*.c   the rules of the base chains and their helpers: _enter (prerouting), _host (input), _forward; and of
 *                       those that translate addresses: _redirect
 *   firewall_ports.c    flows to extra ports that began too early
 *   firewall_profile.c  a profile's chains and sets: made under fresh names, deleted
 *   firewall_change.c   profiles and sessions that change together: build aside, switch, delete
 *   firewall_adopt.c    which profiles are there; removing what unfinished work left
 *   firewall_session.c  sessions: set, remove, dump
 *   firewall_watch.c    monitor, wholeness, counters
 *
 * Packet mark and connection mark: session serial << 12 | profile id. Serial 0 is nobody's, and means on a packet:
 *
 *   0              whose packet this is has not been found out, or it has no business beyond the gateway. The routing rule
 *                  behind this table (netif_lock()) prohibits it: without our rules nothing has another mark.
 *   MARK_QUERY     a packet without a session on its way to a resolver. With portal_dns there are none: such packets have 0
 *                  and are redirected to this host; those that are not, for whatever reason, are prohibited like all others.
 *   MARK_PASS      the forward chain lets it pass. Only this leaves through `leave`, a base chain behind it.
 *
 * So what is forwarded needs two chains that agree: with one of them emptied, nothing is forwarded. None of the three ever
 * becomes a connection mark.
 */
#ifndef SEKISHO_FIREWALL_INTERNAL_H
#define SEKISHO_FIREWALL_INTERNAL_H

#include <net/if.h>

#include "gateway/firewall.h"
#include "gateway/nft.h"

#define FIREWALL_TABLE "sekisho"

#define SET_LIVE "live" /* serial << 12 of living sessions */
#define SET_ALIVE "alive" /* the tunnel's name, until the dead-man time is over */
#define SET_EXTRA_PORTS "extra_ports"
#define CHAIN_EXTRA_PORTS "extra_ports" /* there only while there are some */
#define CHAIN_PORTAL_DNS "portal_dns" /* there only while that is on */
#define MAP_PROFILES "profiles" /* profile id -> jump to its chain for phone -> inside */
#define MAP_PROFILES_REPLY "profiles_reply"

enum {
	MARK_QUERY = 1,
	MARK_PROFILE_MASK = (1 << PROFILE_BITS) - 1,
	MARK_PASS = MARK_PROFILE_MASK,
	FIREWALL_PROFILE_RULES = 3, /* rules in each of a profile's two chains */
	FIREWALL_FAMILIES = 2,
	PROFILE_NAME_MAX = 40, /* bytes, with the final 0 */
	PROFILE_ELEMENTS = 2, /* of the verdict maps, for each profile */
	SESSION_ELEMENTS_MAX = 3,
};

#define MARK_SERIAL_MASK (~(uint32_t)MARK_PROFILE_MASK)

/* Where IPv4 and IPv6 differ. */
struct firewall_family {
	uint8_t nfproto, size; /* size: bytes of an address */
	uint8_t source, destination; /* offsets in the network header: RFC 791, RFC 8200 */
	uint8_t icmp, echo_request; /* protocol number, type */
	const char *sessions, *resolvers, *queries, *refused, *knocks; /* names of sets */
};

extern const struct firewall_family firewall_families[FIREWALL_FAMILIES];

struct firewall {
	struct nft nft;
	struct mnl_socket *monitor;
	bool touched; /* by others, or events were lost, since firewall_monitor_drain() last said so */
	bool foreign; /* others have changed something in our table since it was opened */
	struct firewall_spec spec; /* its interface points to the next */
	char interface[IFNAMSIZ];
	unsigned base_rules; /* rules outside profiles */
	uint64_t base_print; /* fingerprint of everything outside profiles */
	uint32_t generation; /* the newest used */
	uint32_t profiles[PROFILE_ID_MAX + 1]; /* generation in force for each id, 0 for none */
};

/* The network and the gateway's address of a family (0 is IPv4); address family 0: it has none. */
const struct prefix *firewall_network(const struct firewall *f, unsigned family);
const struct addr *firewall_gateway(const struct firewall *f, unsigned family);

/* firewall_base.c: one transaction that leaves sessions and profiles alone. 0 or -errno: nothing changed. */
int firewall_base_install(struct firewall *f);

/* firewall_rules.c: adds every rule to the transaction, but those of CHAIN_EXTRA_PORTS and CHAIN_PORTAL_DNS, which
 * firewall_rules_redirect.c adds. */
void firewall_rules_add(struct firewall *f);
void firewall_rules_extra_ports(struct firewall *f);
void firewall_rules_portal_dns(struct firewall *f);

/* firewall_adopt.c. Adopt: reads which profiles are in force and removes what is left over of unfinished work. Sweep: removes
 * what belongs to no profile in force by what we know. 0 or -errno. */
int firewall_profile_adopt(struct firewall *f);
int firewall_profile_sweep(struct firewall *f);

/* firewall_ports.c: makes the kernel forget flows to extra ports that began before these led anywhere. Address translation is
 * decided with a flow's first packet, and a phone that goes on dialling keeps such a flow alive for ever. */
void firewall_ports_release(const struct firewall *f);

/* The chains and sets of one generation of a profile's contents. */
struct profile_names {
	char forward[PROFILE_NAME_MAX], reply[PROFILE_NAME_MAX], sets[FIREWALL_FAMILIES][PROFILE_NAME_MAX];
};

struct profile_names firewall_profile_names(uint16_t id, uint32_t generation);

/*
 * Adds to the transaction under construction what makes, or deletes, these chains and sets, to which nothing refers. A
 * transaction that is full is committed on the way and a new one begun. 0 or -errno of that commit; firewall_profile_commit()
 * ends the last one. It also reads the monitor: a large profile makes as many events as it has boxes.
 */
int firewall_profile_build(struct firewall *f, const struct profile_names *x, const struct profile *p);
int firewall_profile_discard(struct firewall *f, const struct profile_names *x);
int firewall_profile_commit(struct firewall *f);

/* The elements that put a profile in force; names NULL: that take it out. They point into `x`. */
void firewall_profile_elements(uint16_t id, const struct profile_names *x, struct nft_element e[static PROFILE_ELEMENTS]);

/* firewall_session.c: the elements of a session (its serial among the living, its addresses), to be there or to be gone; how
 * many. */
unsigned firewall_session_elements(
	const struct firewall_session *s, bool gone, struct nft_element e[static SESSION_ELEMENTS_MAX]);

/* Are the numbers in range, and is there an address? */
bool firewall_session_valid(const struct firewall_session *s);

/* firewall_profile.c: is this the name of a chain or set of a profile, and of which? False for other names. */
bool firewall_profile_name(const char *name, uint16_t *id, uint32_t *generation);

/* firewall_watch.c. Opening: 0 or -errno. Seal: takes the fingerprint that firewall_whole() compares with. */
int firewall_watch_open(struct firewall *f);
int firewall_watch_seal(struct firewall *f);

/* Reads what the monitor has, so that our own many events cannot push out those of others. */
void firewall_watch_collect(struct firewall *f);

#endif

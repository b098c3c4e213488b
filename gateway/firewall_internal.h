/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the parts of the firewall (gateway/firewall*.c) share: the names in the table, the layout of the mark, and the handle.
 *
 *   firewall.c          open, respec, alive, close, destroy
 *   firewall_base.c     sets, chains and the transaction that (re)makes everything but profiles
 *   firewall_rules*.c   the rules of the base chains and their helpers
 *   firewall_profile.c  profiles: build aside, switch, delete
 *   firewall_adopt.c    which profiles are there; removing what unfinished work left
 *   firewall_session.c  sessions: set, remove, dump
 *   firewall_watch.c    monitor, wholeness, counters
 *
 * Packet mark and connection mark: session serial << 12 | profile id. Packets from the tunnel without a session carry
 * MARK_NO_SESSION (serial 0), not 0: the routing rule behind this table (netif_lock()) prohibits mark 0, which therefore means
 * that nobody has looked at the packet at all. Those without a session must get to the forward chain, which lets their DNS
 * queries out and refuses the rest with a reset and a record. MARK_NO_SESSION never becomes a connection mark.
 */
#ifndef SEKISHO_FIREWALL_INTERNAL_H
#define SEKISHO_FIREWALL_INTERNAL_H

#include <net/if.h>

#include "gateway/firewall.h"
#include "gateway/nft.h"

#define FIREWALL_TABLE "sekisho"

#define SET_LIVE "live" /* serial << 12 of living sessions */
#define SET_ALIVE "alive" /* the tunnel's name, until the dead-man time is over */
#define MAP_PROFILES "profiles" /* profile id -> jump to its chain for phone -> inside */
#define MAP_PROFILES_REPLY "profiles_reply"

enum {
	MARK_NO_SESSION = 1,
	MARK_PROFILE_MASK = (1 << PROFILE_BITS) - 1,
	FIREWALL_PROFILE_RULES = 3, /* rules in each of a profile's two chains */
	FIREWALL_FAMILIES = 2,
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

/* firewall_rules.c: adds every rule to the transaction. */
void firewall_rules_add(struct firewall *f);

/* firewall_adopt.c: reads which profiles are in force and removes what is left over of unfinished work. 0 or -errno. */
int firewall_profile_adopt(struct firewall *f);

/* firewall_profile.c: is this the name of a chain or set of a profile, and of which? False for other names. */
bool firewall_profile_name(const char *name, uint16_t *id, uint32_t *generation);

/* firewall_watch.c. Opening: 0 or -errno. Seal: takes the fingerprint that firewall_whole() compares with. */
int firewall_watch_open(struct firewall *f);
int firewall_watch_seal(struct firewall *f);

/* Reads what the monitor has, so that our own many events cannot push out those of others. */
void firewall_watch_collect(struct firewall *f);

#endif

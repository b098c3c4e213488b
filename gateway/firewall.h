/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Enforcement: one nftables table of our own, `inet sekisho`, through libnftnl, changed by atomic transactions only. See
 * docs/design.md, 'Enforcement', for the shape of the table and the measurements behind it. Base chains are made once and never
 * re-created; a restart takes the table over and changes what differs inside it. IPv4 and IPv6 come from the same code.
 *
 * A packet from the tunnel: source address -> session element (kernel timeout) -> mark = serial << 12 | profile id -> verdict map
 * -> the profile's interval sets. Replies are judged by the mirrored key. Nothing passes for being 'established'.
 */
#ifndef SEKISHO_FIREWALL_H
#define SEKISHO_FIREWALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"
#include "config/profile.h"
#include "config/settings.h"

enum {
	PROFILE_BITS = 12,
	PROFILE_ID_MAX = 4095, /* ids are 1..4095 */
	SESSION_SERIAL_MAX = (1 << 20) - 1, /* serials are 1..2^20-1 */
	NFLOG_REFUSED = 5, /* packets refused: nflog group, prefix one of the FIREWALL_LOG_* words */
	NFLOG_KNOCK = 6, /* copies of handshake initiations */
};

/* Words in front of a logged packet: why it was refused. */
#define FIREWALL_LOG_NO_SESSION "no-session"
#define FIREWALL_LOG_DENIED "denied"
#define FIREWALL_LOG_SPOOFED "spoofed"

struct firewall;

struct firewall_spec {
	const char *interface;
	uint16_t listen_port, portal_port;
	struct prefix network4, network6;
	struct addr gateway4, gateway6;
	struct addr resolvers[RESOLVERS_MAX];
	unsigned resolver_count;
	uint16_t extra_ports[EXTRA_PORTS_MAX]; /* UDP: redirected to listen_port, unless they come from the tunnel */
	unsigned extra_port_count;
	bool portal_dns; /* without a session the gateway itself answers what resolvers are asked, and nobody else does */
};

struct firewall_session {
	uint32_t serial;
	uint16_t profile; /* id, 0: logged in but nothing is open */
	struct addr v4, v6; /* family 0: none */
	int64_t timeout_ms; /* until the kernel ends it by itself; > 0 */
};

/*
 * Makes the table whole: creates it closed if it is missing, else takes it over (rules replaced in one transaction, sessions
 * and profiles kept). `taken_over` says which. 0 or -errno with a sentence in `why`. Nothing is forwarded before
 * firewall_alive() has been called.
 */
int firewall_open(const struct firewall_spec *spec, struct firewall **out, bool *taken_over, char *why, size_t why_size);

/* Changes what may change while running: portal port, extra ports, resolvers and who answers before a login, in one transaction.
 * 0 or -errno; on failure the old. */
int firewall_respec(struct firewall *f, const struct firewall_spec *spec);

/* Frees our side; the table stays in force. */
void firewall_close(struct firewall *f);

/* Deletes the table. 0 or -errno. For `sekisho-gateway --close` only, after the tunnel is gone. */
int firewall_destroy(struct firewall *f);

/* Renews the dead-man time: `seconds` from now everything closes by itself. 0 or -errno. */
int firewall_alive(struct firewall *f, unsigned seconds);

/* Gives the profile id these contents: a firewall_change of its own, see there. */
int firewall_profile_set(struct firewall *f, uint16_t id, const struct profile *p);

/* Removes a profile that no session uses. 0 also when it was not there. */
int firewall_profile_remove(struct firewall *f, uint16_t id);

/* Adds a session, or changes profile and timeout of one that is there, in one transaction. 0 or -errno. */
int firewall_session_set(struct firewall *f, const struct firewall_session *s);

/* Takes a session out: its flows stop with the next packet. 0 also when the kernel had ended it. */
int firewall_session_remove(struct firewall *f, const struct firewall_session *s);

/*
 * Several profiles and sessions that change together, for every packet at the same moment. A change is first collected, which
 * touches nothing; it copies what it is given. firewall_change_commit() builds the new contents aside, where nothing refers to
 * them, in as many transactions as it takes; ONE transaction then repoints the profiles and replaces the sessions' elements;
 * then what nothing refers to any more is deleted. 0, or -errno: whatever was in force is in force, whole, and what was built is
 * deleted again (or, if we die meanwhile or the kernel refuses that too, by the next change that fails or firewall_open()).
 * A commit may be repeated, after a failure or later. Should the kernel's answer to the switch be lost for good (-ETIMEDOUT,
 * -ENOBUFS), nobody knows which set is in force: firewall_whole() then says 0.
 *
 * A packet that has been given its session's mark when the switch happens is judged by the new contents of the profile it
 * had: give an id that sessions leave other contents in a later change, not in the same one.
 */
struct firewall_change;

int firewall_change_new(struct firewall *f, struct firewall_change **out); /* `f` must outlive it; -ENOMEM */

/* Contents of an id, new or existing (-EINVAL: out of range); given twice, the last counts. */
int firewall_change_profile(struct firewall_change *c, uint16_t id, const struct profile *p);

/* That session, new or changed, after the switch; or no more. Of the two for the same address or serial the session wins. */
int firewall_change_session(struct firewall_change *c, const struct firewall_session *s);
int firewall_change_drop(struct firewall_change *c, const struct firewall_session *s);

int firewall_change_commit(struct firewall_change *c);
void firewall_change_free(struct firewall_change *c); /* NULL is fine */

/* All sessions in the kernel (joined by serial; timeout_ms is what remains, 0 for one that is damaged: set it anew or remove it).
 * For taking over. 0, -errno, or what `each` returned. */
int firewall_sessions(struct firewall *f, int (*each)(const struct firewall_session *s, void *arg), void *arg);

/* All profile ids that the kernel has. */
int firewall_profiles(struct firewall *f, int (*each)(uint16_t id, void *arg), void *arg);

/* Packets refused for each of the FIREWALL_LOG_* words: all of them, and those that were not copied to NFLOG_REFUSED because a
 * source had more than its share of copies. */
enum firewall_refusal { FIREWALL_NO_SESSION, FIREWALL_DENIED, FIREWALL_SPOOFED, FIREWALL_REFUSALS };

struct firewall_refused {
	uint64_t all, limited;
};

/* Counters of the table, which begin at 0 with it. 0 or -errno. */
struct firewall_counters {
	struct firewall_refused refused[FIREWALL_REFUSALS];
	uint64_t stale, knocks;
};
int firewall_counters(struct firewall *f, struct firewall_counters *out);

/*
 * Has somebody else changed the ruleset since our last transaction? Non-blocking; a file descriptor of a netlink monitor
 * (NFNLGRP_NFTABLES) for the event loop, and a call that drains it: 1 when our table was touched by others (or events
 * were lost) and firewall_whole() should be asked, 0 when not, -errno.
 */
int firewall_monitor_fd(const struct firewall *f);
int firewall_monitor_drain(struct firewall *f);

/* 1 when table, base chains, their rules and our sets are all there as we made them and nobody else was seen changing anything in
 * the table since firewall_open(), 0 when not (then open it again and set profiles and sessions anew), -errno. */
int firewall_whole(struct firewall *f);

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The devices that WireGuard holds right now, and what the last look at them showed: whether they are online, from which outer
 * address, how much came through, when they last moved. The kernel tells none of this by itself, so a timer asks for all peers at
 * once. Peers that we did not install are taken out; peers idle for long are taken out too, which is not a logout: the device
 * comes back with its next knock.
 */
#ifndef SEKISHO_PEER_H
#define SEKISHO_PEER_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "gateway/gateway.h"

struct peer {
	struct key key;
	bool unconfirmed; /* its key is the device's next one, and WireGuard has not confirmed a handshake with it yet */
	uint32_t device;
	struct endpoint endpoint; /* last seen */
	int64_t installed; /* CLOCK_REALTIME, microseconds, as all times here */
	int64_t handshake; /* last completed, 0 for none since it was installed */
	int64_t moved; /* when anything last came in, a keepalive too */
	int64_t active; /* when more than keepalives and handshakes last came in */
	uint64_t rx, tx; /* of this installation, last look */
	uint8_t timestamp[TAI64N_SIZE]; /* newest handshake timestamp seen */
	bool online; /* device-online has been logged */
	bool opening; /* the keepalive that opened the handshake is still set */
	struct addr v4, v6; /* the device's tunnel addresses */
	int64_t valid_until; /* the device's period of use; 0: no bound */
	struct addr place; /* outer address that place.c has judged last; family 0: none yet ... */
	uint64_t judged_by; /* ... and by which generation of the ACLs */
	struct peer *prev, *next;
};

/* Who is logged in on a device: session.c knows, and is told, but peers do without knowing sessions. */
struct peer_login {
	void (*describe)(struct gateway *g, uint32_t device, json_t *event); /* adds user and session, if there is one */
	void (*active)(struct gateway *g, uint32_t device, int64_t now); /* more than keepalives came in */
};

int peers_new(const struct peer_login *login, struct peers **out); /* borrows `login` */
void peers_free(struct peers *p);

/* NULL when the device is not installed. */
struct peer *peer_by_key(struct gateway *g, const struct key *k);
struct peer *peer_by_device(struct gateway *g, uint32_t device);
unsigned peers_count(struct gateway *g);

/* In order of installation; NULL starts, NULL ends. The current one may be removed on the way if its next was asked for before.
 */
struct peer *peer_next(struct gateway *g, const struct peer *peer);

/* Installs the device with the outer address it knocked from, and has WireGuard open the handshake. 0 or -errno. */
int peer_admit(
	struct gateway *g, const struct device *d, const struct endpoint *from, const uint8_t timestamp[static TAI64N_SIZE]);

/* Takes a device out of WireGuard, whichever of its keys it is in with, and says so in the log. 0 (also when it was not in), or -errno: it may still be in. */
int peer_remove(struct gateway *g, const struct device *d, const char *reason);

/* Its outer address is another one now: says so in the log and remembers it. */
void peer_roam(struct gateway *g, struct peer *peer, const struct device *d, const struct endpoint *to);

/* Start-up: keeps the peers that an earlier run installed if their devices may still come, takes all others out. 0 or -errno. */
int peers_take_over(struct gateway *g);

/* Forgets all peers: WireGuard's interface is a new, empty one. */
void peers_forget(struct gateway *g);

/* The clock was set by `step` microseconds: what is remembered of the past moves with it. */
void peers_clock_stepped(struct gateway *g, int64_t step);

/* The timer's look at all peers. 0, or -errno when WireGuard could not be asked. */
int peers_poll(struct gateway *g);

#endif

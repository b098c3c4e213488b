/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A device gets another key. From when its next key is made, both are admitted, one at a time: WireGuard gives the device's
 * addresses to one peer. The first handshake with the next key that WireGuard confirms (white paper, section 5.4.4: it takes the
 * preshared key, too) makes it the device's own and retires the former one, for ever. A next key that is not used until its time
 * is up lapses, and the former one stays.
 *
 * A session is its key's: it ends before the other key gets in, and none is opened while it is not settled which of them the
 * device comes with. So no key ever inherits what was opened with another.
 */
#ifndef SEKISHO_ROTATION_H
#define SEKISHO_ROTATION_H

#include <stdbool.h>

#include "gateway/gateway.h"

/*
 * `d`, as ledger_device_by_key() gave it, is about to be admitted with that key: what it has by another key goes. 0; -EKEYREVOKED
 * when the other one, its next key, has been confirmed meanwhile and this one is retired; -errno: what it had could not be taken
 * away, so that it must not come in yet.
 */
int rotation_make_way(struct gateway *g, const struct device *d);

/* Is it clear which key the device's peer is? Asks WireGuard when it is not; false also when it cannot say yet. */
bool rotation_settled(struct gateway *g, uint32_t device);

/* The timer's look at all peers (peers_poll()), after which next keys whose handshake is confirmed are their devices' own. Says
 * what fails; the next look tries again. */
void rotations_look(struct gateway *g);

/* The timer's look: next keys that have just got in, and those whose time is up. */
void rotations_tick(struct gateway *g, int64_t now);

/* A next key for a device, and what came of it. */
struct rotation {
	struct gateway *gateway;
	struct device device; /* as in the ledger; the new key's once it was rotated at once */
	struct key_pair next;
	int64_t until; /* good until then while it is not used */
	bool at_once; /* the device's own from now on, and all that the former one has is taken away first */
	const struct actor *by;
	const char *note; /* may be NULL */
	/* out */
	bool unrecorded; /* nothing can be recorded, so there is no new key */
	unsigned sessions_ended;
};

/* Gives the device its next key, on record before the ledger has it; one that it had lapses. 0; -EEXIST when the key is or was in
 * use; -EPERM for a lost or revoked device; -errno. On failure the former key stays good, but may have been logged out. */
int rotation_begin(struct rotation *r);

/* The device's next key is none any more. 0; -ENOENT when it has none (any more: it may have been confirmed just now); -errno. */
int rotation_withdraw(struct gateway *g, uint32_t device, const struct actor *by, const char *note);

#endif

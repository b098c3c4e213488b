/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The compiled profiles in use: equal rule sets share one profile id of the firewall, counted by its sessions. An id's contents
 * are built in the firewall when its first session comes and removed when the last one goes.
 */
#ifndef SEKISHO_PROFILES_H
#define SEKISHO_PROFILES_H

#include <stdbool.h>
#include <stdint.h>

#include "config/profile.h"
#include "gateway/firewall.h"

struct profiles;

int profiles_new(struct profiles **out);
void profiles_free(struct profiles *p);
unsigned profiles_count(const struct profiles *p);

/*
 * Takes `profile` (its ownership too, also on failure) and returns the id of equal contents, one use more. Without any, a free id
 * is taken and filled in the firewall: `wish` if it is not 0 and free. 0 for an empty profile, which needs no id. The id, or
 * -errno (-ENOSPC: all 4,095 are in use).
 */
int profiles_acquire(struct profiles *p, struct firewall *f, struct profile *profile, uint16_t wish);

/* One use less; the last one removes it from the firewall (a failure there is said, and the id stays taken). */
void profiles_release(struct profiles *p, struct firewall *f, uint16_t id);

/* The contents of an id, or NULL. */
const struct profile *profiles_get(const struct profiles *p, uint16_t id);

/*
 * A change of many sessions at once: first the contents that they want, each once; then profiles_settle() finds an id for each
 * and says which ids must be filled anew; then, when the firewall holds that, profiles_switch() makes it the table.
 */
struct profile_want {
	struct profile *profile; /* contents; owned by whoever made the want, until profiles_switch() */
	uint16_t before; /* id of the first session that wants them, 0: none */
	unsigned uses; /* sessions that want them ... */
	unsigned stay; /* ... and of these, sessions that have `before` now */
	uint16_t id; /* settled; 0 for an empty profile, which needs none */
	bool build; /* settled: `id` has other contents so far, or is new */
	struct profile_want *next;
};

/* Pure. An id keeps its contents while anybody wants them. Contents that are nowhere yet take over the id of those who want them
 * if all its sessions do, which then need not be touched; else they get an id that nobody has, since a packet that is on its way
 * with an id's mark is judged by what the id says next (firewall.h). 0, or -ENOSPC: no id is free. */
int profiles_settle(const struct profiles *p, struct profile_want *first);

/* After the firewall's switch. Contents of wants that were to be built are taken over (their `profile` becomes NULL); ids that
 * nobody wants are removed from the firewall. Cannot fail. */
void profiles_switch(struct profiles *p, struct firewall *f, struct profile_want *first);

/* Forgets all ids without touching the firewall: before taking over a rebuilt one. */
void profiles_forget(struct profiles *p);

#endif

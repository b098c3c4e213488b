/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The compiled profiles in use: equal rule sets share one profile id of the firewall, counted by its sessions. An id's contents
 * are built in the firewall when its first session comes and removed when the last one goes.
 */
#ifndef SEKISHO_PROFILES_H
#define SEKISHO_PROFILES_H

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

/* Forgets all ids without touching the firewall: before taking over a rebuilt one. */
void profiles_forget(struct profiles *p);

#endif

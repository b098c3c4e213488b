/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Profiles of many subjects at one instant, as an apply needs them: subjects whose rules stand in the same files have the same
 * profile, so that each set of files is compiled once. Users differ by the hundred, their files hardly do.
 */
#ifndef SEKISHO_PROFILE_CACHE_H
#define SEKISHO_PROFILE_CACHE_H

#include "config/profile.h"

struct profile_cache;

/* For the rules of `p` that hold at `at`. The policy must live as long as the cache. 0 or -ENOMEM. */
int profile_cache_new(const struct policy *p, int64_t at, struct profile_cache **out);

/* As profile_compile(), but the profile belongs to the cache and lives as long as it. 0, -ENOMEM or -E2BIG. */
int profile_cache_get(struct profile_cache *c, const struct subject *s, const struct profile **out);

/* How many different profiles were compiled. */
size_t profile_cache_count(const struct profile_cache *c);

void profile_cache_free(struct profile_cache *c); /* NULL is fine */

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Notices somebody who tries many times: failed logins of one device, one user name on many devices, many refused keys from one
 * outer address. Each is counted from its first time on, for as long as its setting says, and raises an alert when the setting's
 * number is reached, once in that time. What refuses and slows down is elsewhere (login-failures, the kernel's limit for knocks);
 * this only tells somebody. Bounded: of each kind BRUTE_TALLIES are counted, and the oldest makes room.
 */
#ifndef SEKISHO_BRUTE_H
#define SEKISHO_BRUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"
#include "common/key.h"

enum { BRUTE_TALLIES = 1024, BRUTE_COUNT_MAX = 100, BRUTE_KEY_MAX = 64 };

struct brute;
struct gateway;
struct attempt;

int brute_new(struct brute **out);
void brute_free(struct brute *b);

enum brute_kind { BRUTE_DEVICE, BRUTE_USER, BRUTE_KEYS, BRUTE_KINDS };

/*
 * Counts one more of what `key` names (`size` bytes, at most BRUTE_KEY_MAX). With a `member` other than 0 only the first of each
 * member counts. `now` is time_boot(). True when `limit` is reached by this one.
 */
bool brute_count(struct brute *b, enum brute_kind kind, const void *key, size_t size, uint64_t member, unsigned limit,
	int64_t seconds, int64_t now);

/* A login that could be a guess failed. */
void brute_login(struct gateway *g, const struct attempt *a);

/* A device was refused at the door, and not for a replay. */
void brute_refused(struct gateway *g, const struct key *device, const struct endpoint *from);

#endif

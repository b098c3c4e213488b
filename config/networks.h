/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sets of addresses: how a network is read from a word, whether a set contains an address, and which set the Internet is. */
#ifndef SEKISHO_NETWORKS_H
#define SEKISHO_NETWORKS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/addr.h"
#include "config/arena.h"
#include "config/lexer.h"

struct range {
	struct addr first, last; /* inclusive, one family */
};

struct networks {
	struct range *range; /* sorted and disjoint once networks_sort() has seen it */
	size_t count;
};

/* The address or network in a word. Otherwise that is reported: a network with host bits together with the one that was meant,
 * anything else as "'WORD' " and `complaint`. */
bool networks_word(const struct lexer *lx, const struct word *w, const char *complaint, struct range *out);

/* Sorts, and joins what overlaps or touches. */
void networks_sort(struct networks *n);

/* For sorted sets only. */
bool networks_contain(const struct networks *n, const struct addr *a);

/* Is there an address in the range from which a packet can come over the Internet or a network like it: neither loopback,
 * unspecified, multicast nor reserved? */
bool networks_can_send(const struct range *r);

/*
 * The Internet: every address of both families that is meant for anybody there, less `internal`. Left out are all networks of the
 * IANA special-purpose registries (RFC 6890, RFC 8190), multicast, and of IPv6 all but 2000::/3, which alone is handed out
 * (RFC 4291 section 2.4). The ranges are memory of the arena. 0 or -ENOMEM.
 */
int networks_internet(const struct prefix *internal, size_t count, struct arena *arena, struct networks *out);

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Firewall, routing lock and tunnel together: brought up in this order, so that nothing can pass undecided; looked after while
 * the gateway runs, and put right when somebody else has changed them; taken down in the opposite order.
 */
#ifndef SEKISHO_ENFORCEMENT_H
#define SEKISHO_ENFORCEMENT_H

#include "gateway/gateway.h"

/* 0 or -errno with `why`. The key is the caller's to wipe. */
int enforcement_open(struct gateway *g, const struct key *key, char *why, size_t why_size);

/* Firewall and routing lock alone, without a tunnel; `fresh`: an older dead-man time no longer counts. 0 or -errno with `why`. */
int enforcement_shut(struct gateway *g, bool fresh, char *why, size_t why_size);

/* Portal port, resolvers and the like of `s` into the firewall. 0 or -errno: the old ones stay. */
int enforcement_respec(struct gateway *g, const struct settings *s);

/* Renews the dead-man time. 0 or -errno. */
int enforcement_renew(struct gateway *g);

/* Reads the counters of refused packets into the tally. */
void enforcement_count(struct gateway *g);

/* Is all as we made it? Restores what is not and records that. Sets g->enforcement_error. `thorough` also asks tunnel and
 * routing. */
void enforcement_check(struct gateway *g, bool thorough);

/* Shuts, then removes all three from the kernel, after reading the counters: nobody needs to have opened them. A firewall that
 * cannot be shut does not keep the tunnel; behind a tunnel that stays, firewall and lock stay, shut. 0 or -errno with `why`. */
int enforcement_remove(struct gateway *g, char *why, size_t why_size);

#endif

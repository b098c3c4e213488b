/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which set of ACLs is in force. A set comes into force only at somebody's word, and in this order: its files are archived on
 * disk; the firewall switches; the ledger says that it is in force; the audit log says so too. Whoever dies on the way leaves the
 * set in force that the ledger names, with its files in the archive, and the next start takes just that: a start never changes
 * what is in force. Only the very first takes the files of PATH_ACL_DIR.
 */
#ifndef SEKISHO_GENERATION_H
#define SEKISHO_GENERATION_H

#include "gateway/gateway.h"

/* Who wants a set in force. */
struct generation_order {
	uint32_t uid;
	const char *who;
};

/* What came of it. */
struct generation_result {
	unsigned changed; /* sessions that have other rules now */
	const char *reason; /* of a failure, as event.reason */
	char why[512]; /* of a failure, for people: what, and what to do */
};

/*
 * At a start, with settings, ledger and log open and nothing in force yet: takes the set that the ledger names from the archive
 * and checks its digest, or takes the first set of all. 0, or -errno with `why`.
 */
int generation_start(struct gateway *g, char *why, size_t why_size);

/*
 * Puts `policy`, which was loaded from the folder `source`, in force under a new number, and records that. On success it belongs
 * to the gateway. On failure nothing has changed, nothing is recorded, and it stays the caller's.
 */
int generation_put(struct gateway *g, struct policy *policy, const char *source, const struct generation_order *order,
	struct generation_result *out);

/* At a start: records that `row` is in force if the gateway died after it was and before it could say so. */
void generation_record_missing(struct gateway *g, const struct generation *row);

/* Is this set with these settings what is in force already? */
bool generation_is_in_force(struct gateway *g, const struct policy *policy);

/* `sekisho-gateway --adopt-acl`, while no gateway runs: makes the files of PATH_ACL_DIR what the next start takes, whatever
 * became of the archive. */
int generation_adopt(struct gateway *g, const struct generation_order *order, char *why, size_t why_size);

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every refused packet is on record, one by one or as a number. The firewall counts all of them and copies to us only as many as
 * it may from one source; of these some may not reach us, and while no gateway runs none does. The tally is what the kernel has
 * counted less what has a line in access.jsonl, and what stays over is written there as `log-gap`. It lies in a page of a file of
 * PATH_RUN_DIR that every line changes at once: so it outlives whatever ends the gateway, and goes with the kernel's counters.
 */
#ifndef SEKISHO_TALLY_H
#define SEKISHO_TALLY_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/firewall.h"
#include "gateway/log.h"
#include "gateway/merge.h"

struct tally;

/* Goes on from the file, or begins it. Where it cannot be kept, a warning says so and the tally is as good as this process.
 * 0 or -ENOMEM. */
int tally_open(const char *path, struct tally **out);
void tally_close(struct tally *t); /* the file stays; NULL is fine */

/* Is nothing known of what the counters were before? So until the first tally_count() or tally_anew() after a file was begun. */
bool tally_is_new(const struct tally *t);

/* The table was made anew: its counters are at 0. */
void tally_anew(struct tally *t);

/* The kernel's counters at `now` (UTC, microseconds), of which one that is smaller than before began at 0 again. What is still
 * being merged in `m` (NULL: nothing is) is as good as on record. */
void tally_count(struct tally *t, const struct firewall_counters *c, const struct merge *m, int64_t now);

/* Was the last tally_count() so long ago that every copy has come that it counted? */
bool tally_ripe(const struct tally *t, int64_t now);

/* Of how many packets with this prefix (FIREWALL_LOG_*) a line is owed: for merge_first(). NULL: of no such prefix is one. */
int64_t *tally_owed(struct tally *t, const char *prefix);

/*
 * Records what was counted and has no line: as `rate-limited` what the firewall did not copy, for `reason` what it did and did
 * not come. The copies that have come must have been
 * read; what is still being merged in `m` is left
 * to its line. What cannot be written stays owed.
 */
void tally_settle(struct tally *t, struct log *log, const struct merge *m, const char *reason);

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `--since`, `--until` and `--utc` of the log commands: which period is meant. Forms, the same for both:
 *   -4h -7d -1h30m             so long ago
 *   now today yesterday
 *   09:30                      today
 *   2026-11-20                 that day
 *   2026-11-20T09:00[:30]      also with a blank for the T
 *   2026-11-20T09:00:30+09:00  RFC 3339, fraction or not, with `Z` or an offset
 * All but the last are local time, or UTC with --utc. A day given to --since is meant from its beginning, one given to --until to
 * its end.
 */
#ifndef SEKISHO_LOGPERIOD_H
#define SEKISHO_LOGPERIOD_H

#include <stdbool.h>
#include <stdint.h>

struct logperiod {
	int64_t since, until; /* microseconds since 1970; since <= t < until; INT64_MIN and INT64_MAX where open */
	bool utc; /* show instants in UTC too */
};

/* `since` and `until` may be NULL; `now` as time_now(). CLI_OK, or CLI_USAGE after saying what is wrong. */
int logperiod_parse(const char *since, const char *until, bool utc, int64_t now, struct logperiod *out);

/* Is it in the period? An instant that could not be read (LOGVALUE_NONE) is only in one that is open on both sides. */
bool logperiod_contains(const struct logperiod *p, int64_t when);

#endif

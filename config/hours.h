/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Opening hours: which minutes of the local week are open. A moment is inside if its local weekday and time of day are, so that
 * an hour that the clock skips never opens anything early, and one that it repeats counts both times. Local time is the process's
 * (TZ, see tzset(3)); an instant is in microseconds since the epoch.
 */
#ifndef SEKISHO_HOURS_H
#define SEKISHO_HOURS_H

#include <stdbool.h>
#include <stdint.h>

enum { HOURS_DAYS = 7, HOURS_DAY = 24 * 60, HOURS_WEEK = HOURS_DAYS * HOURS_DAY };

/* All zero: always closed. */
struct hours {
	uint64_t open[(HOURS_WEEK + 63) / 64]; /* a bit for each minute from Monday 00:00 */
};

/* Opens the minutes first..end-1 of the days in `days`, bit 0 being Monday. first <= end <= HOURS_DAY. */
void hours_add(struct hours *h, unsigned days, unsigned first, unsigned end);

/* Leaves open what is open in both. */
void hours_intersect(struct hours *h, const struct hours *with);

/* The minute of the week that the clocks show at an instant, 0..HOURS_WEEK-1. */
unsigned hours_minute(int64_t at);

bool hours_open(const struct hours *h, unsigned minute);

/* The first instant after `at` at which it is open (or closed). INT64_MAX when there is none in the four weeks after, in which
 * every minute of the week comes round whatever clocks skip. */
int64_t hours_next(const struct hours *h, int64_t at, bool open);

#endif

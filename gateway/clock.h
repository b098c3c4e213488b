/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Notices that somebody set the clock. CLOCK_REALTIME minus CLOCK_BOOTTIME is when the machine started; NTP's slewing moves that
 * by 500 ppm at most (adjtimex(2)), a step at once. Looked at each second.
 */
#ifndef SEKISHO_CLOCK_H
#define SEKISHO_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

enum { CLOCK_STEP_USEC = 1000000 }; /* less is no step; hours and lifetimes are not counted finer */

struct clock_watch {
	int64_t offset; /* at the last look */
};

/* Realtime minus boottime now, microseconds; read so that being interrupted between the two clocks does not count. */
int64_t clock_offset(void);

/* Begins watching. */
void clock_watch_start(struct clock_watch *w, int64_t offset);

/* Was the clock set since the last look? True with the step, microseconds, positive when it was set forward. */
bool clock_watch_look(struct clock_watch *w, int64_t offset, int64_t *step);

#endif

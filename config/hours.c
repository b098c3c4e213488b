/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config/hours.h"

#include <time.h>

enum {
	SECOND = 1000000,
	STEP = 6 * 3600, /* clocks are not changed twice within this time */
	HORIZON = 28 * 86400,
	MONDAY = 4, /* 1970-01-05, in days since the epoch */
};

void hours_add(struct hours *h, unsigned days, unsigned first, unsigned end)
{
	for (unsigned day = 0; day < HOURS_DAYS; day++) {
		const unsigned midnight = day * HOURS_DAY;
		for (unsigned i = midnight + first; days & 1U << day && i < midnight + end; i++)
			h->open[i / 64] |= UINT64_C(1) << i % 64;
	}
}

void hours_intersect(struct hours *h, const struct hours *with)
{
	for (unsigned i = 0; i < sizeof h->open / sizeof *h->open; i++)
		h->open[i] &= with->open[i];
}

bool hours_open(const struct hours *h, unsigned minute)
{
	return h->open[minute / 64] >> minute % 64 & 1;
}

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

/* Seconds that local clocks are ahead of UTC; 0 where the year is beyond struct tm. */
static int64_t offset(int64_t second)
{
	const time_t t = second;
	struct tm tm;

	return localtime_r(&t, &tm) ? tm.tm_gmtoff : 0;
}

static unsigned minute_of(int64_t local_second)
{
	const int64_t minute = floor_div(local_second, 60) - (int64_t)MONDAY * HOURS_DAY;

	return (unsigned)(minute - floor_div(minute, HOURS_WEEK) * HOURS_WEEK);
}

unsigned hours_minute(int64_t at)
{
	const int64_t second = floor_div(at, SECOND);

	return minute_of(second + offset(second));
}

/* The first second in [from, to) at which it is open (or closed), the clocks being `ahead` of UTC all the time; else `to`. */
static int64_t scan(const struct hours *h, bool open, int64_t from, int64_t to, int64_t ahead)
{
	for (int64_t t = from; t < to; t = (floor_div(t + ahead, 60) + 1) * 60 - ahead)
		if (hours_open(h, minute_of(t + ahead)) == open)
			return t;
	return to;
}

/* The first second in (from, to] at which clocks are not `ahead` as they are at `from`; they are not at `to`. */
static int64_t clock_change(int64_t from, int64_t to, int64_t ahead)
{
	while (to - from > 1) {
		const int64_t middle = from + (to - from) / 2;
		if (offset(middle) == ahead)
			from = middle;
		else
			to = middle;
	}
	return to;
}

int64_t hours_next(const struct hours *h, int64_t at, bool open)
{
	const int64_t first = floor_div(at, SECOND) + 1, end = first + HORIZON;
	int64_t ahead = offset(first);

	for (int64_t from = first; from < end;) {
		int64_t to = from + STEP;
		const int64_t ahead_then = offset(to);
		if (ahead_then != ahead)
			to = clock_change(from, to, ahead);
		const int64_t found = scan(h, open, from, to, ahead);
		if (found < to)
			return found > INT64_MAX / SECOND ? INT64_MAX : found * SECOND;
		from = to;
		ahead = ahead_then;
	}
	return INT64_MAX;
}

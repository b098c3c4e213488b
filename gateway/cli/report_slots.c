/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The period in days, and in hours when it is short. Local time: a day in which clocks are changed has 23 or 25 hours. */
#include <time.h>

#include "gateway/cli/report.h"

static const int64_t SECOND = 1000000, HOUR = 3600 * INT64_C(1000000);

/* Local midnight `days` after the one at or before `when`. */
static int64_t midnight(int64_t when, int days)
{
	time_t seconds = (time_t)(when / SECOND);
	struct tm tm = {0};
	localtime_r(&seconds, &tm);
	tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
	tm.tm_mday += days;
	tm.tm_isdst = -1;
	return (int64_t)mktime(&tm) * SECOND;
}

static int64_t full_hour(int64_t when)
{
	time_t seconds = (time_t)(when / SECOND);
	struct tm tm = {0};
	localtime_r(&seconds, &tm);
	return ((int64_t)seconds - tm.tm_min * 60 - tm.tm_sec) * SECOND;
}

static void add(struct report_slots *s, int64_t since)
{
	s->slot[s->used++] = (struct report_slot){.since = since};
}

static void finish(struct report_slots *s, const struct report *r)
{
	s->slot[s->used].since = r->until;
}

void report_slots_make(struct report *r)
{
	int64_t at = r->since;
	for (int64_t next; at < r->until && r->days.used + 1 < REPORT_SLOTS; at = next) {
		next = midnight(at, 1);
		add(&r->days, at);
	}
	finish(&r->days, r);
	if (r->days.used <= REPORT_HOURLY_DAYS + 1 && r->until - r->since <= REPORT_HOURLY_DAYS * 25 * HOUR) {
		add(&r->hours, r->since);
		for (at = full_hour(r->since) + HOUR; at < r->until && r->hours.used + 1 < REPORT_SLOTS; at += HOUR)
			add(&r->hours, at);
		finish(&r->hours, r);
	}
}

struct report_slot *report_slot_of(struct report_slots *s, int64_t when)
{
	size_t low = 0, high = s->used;
	if (!high || when < s->slot[0].since || when >= s->slot[high].since)
		return NULL;
	while (high - low > 1) {
		size_t middle = (low + high) / 2;
		if (s->slot[middle].since <= when)
			low = middle;
		else
			high = middle;
	}
	return &s->slot[low];
}

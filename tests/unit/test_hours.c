/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/text.h"
#include "config/hours.h"

enum { MINUTE = 60 };
#define USEC INT64_C(1000000)

static void zone(const char *name)
{
	setenv("TZ", name, 1);
	tzset();
}

static int64_t local(const char *text)
{
	int64_t at;

	if (time_parse(text, &at))
		fail_msg("%s is no time in %s", text, getenv("TZ"));
	return at;
}

static struct hours week(unsigned days, const char *from, const char *to)
{
	struct hours h = {0};
	unsigned a, b, c, d;

	assert_int_equal(sscanf(from, "%u:%u", &a, &b) + sscanf(to, "%u:%u", &c, &d), 4);
	hours_add(&h, days, a * 60 + b, c * 60 + d);
	return h;
}

static bool open_at(const struct hours *h, int64_t at)
{
	return hours_open(h, hours_minute(at));
}

static void test_week(void **state)
{
	const struct hours h = week(0x1f, "07:00", "22:00"); /* mon-fri */

	(void)state;
	zone("Asia/Tokyo");
	assert_int_equal(hours_minute(local("2026-11-23T00:00")), 0); /* a Monday */
	assert_int_equal(hours_minute(local("2026-11-22T23:59")), HOURS_WEEK - 1);
	assert_int_equal(hours_minute(0), 3 * HOURS_DAY + 9 * 60); /* Thursday 1970-01-01 09:00 */
	assert_int_equal(hours_minute(-1), 3 * HOURS_DAY + 9 * 60 - 1);
	assert_false(open_at(&h, local("2026-11-23T07:00") - 1));
	assert_true(open_at(&h, local("2026-11-23T07:00")));
	assert_true(open_at(&h, local("2026-11-23T22:00") - 1));
	assert_false(open_at(&h, local("2026-11-23T22:00")));
	assert_int_equal(hours_next(&h, local("2026-11-23T12:00"), false), local("2026-11-23T22:00"));
	assert_int_equal(hours_next(&h, local("2026-11-27T22:00"), true), local("2026-11-30T07:00"));
	/* The first instant after: also when it is so already. */
	assert_int_equal(hours_next(&h, local("2026-11-23T12:00"), true), local("2026-11-23T12:00") + USEC);
}

static void test_ends(void **state)
{
	struct hours always = {0}, never = {0};
	const struct hours night = week(0x7f, "23:00", "24:00"), morning = week(0x7f, "00:00", "06:00");
	struct hours both = night;

	(void)state;
	zone("Asia/Tokyo");
	hours_add(&always, 0x7f, 0, HOURS_DAY);
	assert_int_equal(hours_next(&always, 0, false), INT64_MAX);
	assert_int_equal(hours_next(&never, 0, true), INT64_MAX);
	hours_add(&both, 0x7f, 0, 360);
	assert_int_equal(hours_next(&both, local("2026-11-23T23:30"), false), local("2026-11-24T06:00"));
	hours_intersect(&both, &morning);
	assert_memory_equal(&both, &morning, sizeof both);
	assert_int_equal(hours_next(&always, INT64_MAX - 1, true), INT64_MAX);
}

/* Daylight saving as people meet it: see the header for what is promised. */
static void test_clock_changes(void **state)
{
	const struct hours gap = week(0x7f, "02:00", "03:00"), early = week(0x7f, "02:30", "09:00");

	(void)state;
	zone("Europe/Berlin"); /* 2027-03-28: 02:00 -> 03:00; 2027-10-31: 03:00 -> 02:00 */
	/* The skipped hour opens nothing that day. */
	assert_int_equal(hours_next(&gap, local("2027-03-27T12:00"), true), local("2027-03-29T02:00"));
	/* What would have begun in it begins when the clocks say a time inside. */
	assert_int_equal(hours_next(&early, local("2027-03-28T01:00"), true), local("2027-03-28T03:00"));
	/* The repeated hour counts twice: two hours from its first beginning. */
	const int64_t opens = hours_next(&gap, local("2027-10-30T12:00"), true);
	assert_int_equal(hours_next(&gap, opens, false) - opens, 2 * 3600 * USEC);
}

/* ---- against minute by minute ---- */

/* Begins a minute later each time, with the clocks of the zone; `state` is what was seen before. */
static void scan(const char *name, const char *from, unsigned days, const struct hours *h)
{
	const int64_t begin = local(from), end = begin + (int64_t)days * 86400 * USEC;
	int64_t asked = begin, at = begin + MINUTE * USEC;
	bool state = open_at(h, begin);

	/* From each change, the next one that is found must be the next one that a look at every minute's clock finds. */
	for (; at < end; at += MINUTE * USEC) {
		const time_t t = at / USEC;
		struct tm tm;
		assert_non_null(localtime_r(&t, &tm));
		const unsigned minute = (unsigned)((tm.tm_wday + 6) % 7 * HOURS_DAY + tm.tm_hour * 60 + tm.tm_min);
		assert_int_equal(hours_minute(at), minute);
		if (hours_open(h, minute) == state)
			continue;
		const int64_t found = hours_next(h, asked, !state);
		if (found != at)
			fail_msg("%s: from %lld on the next change is at %lld, not %lld", name, (long long)asked, (long long)at,
				(long long)found);
		assert_int_equal(hours_next(h, asked, state), asked + USEC);
		state = !state;
		asked = at;
	}
}

static uint32_t random_state = 1;

static unsigned pick(unsigned n)
{
	random_state = random_state * 1664525 + 1013904223; /* Numerical Recipes, 2nd ed., section 7.1 */
	return (random_state >> 8) % n;
}

static void test_every_minute(void **state)
{
	/* Each span holds what is peculiar to the zone: changes both ways, half an hour, a skipped day, a month's pause, 29
	 * February. */
	static const struct {
		const char *zone, *from;
		unsigned days;
	} spans[] = {
		{"Asia/Tokyo", "2028-02-20", 20},
		{"Europe/Berlin", "2027-03-15", 30},
		{"Europe/Berlin", "2027-10-20", 30},
		{"America/New_York", "2028-02-25", 30},
		{"America/New_York", "2027-10-25", 30},
		{"Australia/Lord_Howe", "2027-03-25", 30},
		{"Australia/Lord_Howe", "2027-09-25", 30},
		{"Pacific/Apia", "2011-12-15", 30},
		{"Pacific/Apia", "2011-09-15", 30},
		{"Africa/Casablanca", "2026-02-01", 60},
		{"Africa/Casablanca", "2027-01-25", 60},
	};

	(void)state;
	for (size_t i = 0; i < sizeof spans / sizeof *spans; i++) {
		zone(spans[i].zone);
		for (unsigned round = 0; round < 8; round++) {
			struct hours h = {0};
			for (unsigned lines = 1 + pick(4); lines--;) {
				const unsigned first = pick(HOURS_DAY);
				hours_add(&h, 1 + pick(127), first, first + 1 + pick(HOURS_DAY - first));
			}
			if (round == 0)
				h = week(0x7f, "01:45", "02:40"); /* where clocks jump */
			scan(spans[i].zone, spans[i].from, spans[i].days, &h);
		}
	}
}

/* Over a year of New York, the whole clock is open but for one minute of the week that the jump in March skips. */
static void test_rare(void **state)
{
	struct hours h = {0};

	(void)state;
	zone("America/New_York"); /* Sunday 2027-03-14 02:00 -> 03:00 */
	hours_add(&h, 0x40, 150, 151); /* Sunday 02:30 */
	assert_int_equal(hours_next(&h, local("2027-03-07T02:31"), true), local("2027-03-21T02:30"));
	zone("Pacific/Apia"); /* no Friday 2011-12-30 */
	h = week(0x10, "08:00", "09:00");
	assert_int_equal(hours_next(&h, local("2011-12-23T09:00"), true), local("2012-01-06T08:00"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_week),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_clock_changes),
		cmocka_unit_test(test_every_minute),
		cmocka_unit_test(test_rare),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "gateway/cli/cli.h"
#include "gateway/cli/logperiod.h"
#include "gateway/cli/logvalue.h"

static struct logperiod period;

static int64_t utc(const char *text)
{
	const int64_t usec = logvalue_time((struct logvalue){text, strlen(text), true});
	assert_true(usec != LOGVALUE_NONE);
	return usec;
}

static void zone(const char *name)
{
	setenv("TZ", name, 1);
	tzset();
}

/* 2026-11-23 10:05:30 in Tokyo */
static int parse(const char *since, const char *until, bool in_utc)
{
	return logperiod_parse(since, until, in_utc, utc("2026-11-23T01:05:30Z"), &period);
}

static void since(const char *text, const char *expected)
{
	assert_int_equal(parse(text, NULL, false), CLI_OK);
	assert_true(period.since == utc(expected));
	assert_true(period.until == INT64_MAX);
}

static void test_local(void **state)
{
	(void)state;
	zone("Asia/Tokyo");
	since("-4h", "2026-11-22T21:05:30Z");
	since("-7d", "2026-11-16T01:05:30Z");
	since("-1h30m", "2026-11-22T23:35:30Z");
	since("now", "2026-11-23T01:05:30Z");
	since("today", "2026-11-22T15:00:00Z");
	since("yesterday", "2026-11-21T15:00:00Z");
	since("09:30", "2026-11-23T00:30:00Z");
	since("2026-11-20", "2026-11-19T15:00:00Z");
	since("2026-11-20T09:00", "2026-11-20T00:00:00Z");
	since("2026-11-20 09:00", "2026-11-20T00:00:00Z");
	since("2026-11-20T09:00:59", "2026-11-20T00:00:59Z");
	since("2026-11-20T09:00:59.25+01:00", "2026-11-20T08:00:59.25Z");
	since("2026-11-20T09:00:59Z", "2026-11-20T09:00:59Z");
}

static void test_in_utc(void **state)
{
	(void)state;
	zone("Asia/Tokyo");
	assert_int_equal(parse("yesterday", "today", true), CLI_OK);
	assert_true(period.utc);
	assert_true(period.since == utc("2026-11-22T00:00:00Z"));
	assert_true(period.until == utc("2026-11-24T00:00:00Z"));
	assert_int_equal(parse("00:30", "2026-12-31", true), CLI_OK);
	assert_true(period.since == utc("2026-11-23T00:30:00Z"));
	assert_true(period.until == utc("2027-01-01T00:00:00Z"));
}

static void test_a_day_counts_to_its_end(void **state)
{
	(void)state;
	zone("Asia/Tokyo");
	assert_int_equal(parse("2026-11-20", "2026-11-20", false), CLI_OK);
	assert_true(period.since == utc("2026-11-19T15:00:00Z"));
	assert_true(period.until == utc("2026-11-20T15:00:00Z"));
	assert_int_equal(parse(NULL, "2026-11-20T09:00", false), CLI_OK);
	assert_true(period.since == INT64_MIN);
	assert_true(period.until == utc("2026-11-20T00:00:00Z"));
	/* A day of 23 hours, and one of 25. */
	zone("Europe/Berlin");
	assert_int_equal(parse("2026-03-29", "2026-03-29", false), CLI_OK);
	assert_true(period.until - period.since == INT64_C(23) * 3600 * 1000000);
	assert_int_equal(parse("2026-10-25", "2026-10-25", false), CLI_OK);
	assert_true(period.until - period.since == INT64_C(25) * 3600 * 1000000);
}

static void test_mistakes(void **state)
{
	static const char *const wrong[] = {"", "-", "4h", "-4x", "tomorrow", "2026-02-29", "2026-13-01", "25:00", "2026-11-20T",
		"9:30", "2026-11-20T09:00+09:00", "2026-11-20T09:00:00+09", "20261120", "2026-11-20T09:00:00 +09:00",
		"2026-11-20T09:00:00.000000000000000000000000000000000+09:00"};
	(void)state;
	zone("Asia/Tokyo");
	period = (struct logperiod){.since = 7};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		assert_int_equal(parse(wrong[i], NULL, false), CLI_USAGE);
		assert_int_equal(parse(NULL, wrong[i], false), CLI_USAGE);
	}
	assert_int_equal(parse("-4h", "-4h", false), CLI_USAGE);
	assert_int_equal(parse("today", "yesterday", false), CLI_USAGE);
	assert_int_equal(period.since, 7);
}

static void test_contains(void **state)
{
	(void)state;
	const struct logperiod p = {.since = 10, .until = 20}, open = {.since = INT64_MIN, .until = INT64_MAX};
	assert_false(logperiod_contains(&p, 9));
	assert_true(logperiod_contains(&p, 10));
	assert_true(logperiod_contains(&p, 19));
	assert_false(logperiod_contains(&p, 20));
	assert_false(logperiod_contains(&p, LOGVALUE_NONE));
	assert_true(logperiod_contains(&open, LOGVALUE_NONE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_local),
		cmocka_unit_test(test_in_utc),
		cmocka_unit_test(test_a_day_counts_to_its_end),
		cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_contains),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

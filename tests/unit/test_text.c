/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Foreign text: what is well formed, what is a name, how it is shown; durations and instants in both directions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/text.h"

#define HOUR INT64_C(3600)
#define SECOND INT64_C(1000000)

/* Encodes any number as UTF-8 would, also those that RFC 3629 forbids. */
static size_t encode(uint32_t c, size_t n, char *out)
{
	static const unsigned char front[] = {0, 0, 0xc0, 0xe0, 0xf0};
	for (size_t i = n; i-- > 1; c >>= 6)
		out[i] = (char)(0x80 | (c & 0x3f));
	out[0] = (char)(front[n] | c);
	return n;
}

static void test_utf8_codes(void **state)
{
	(void)state;
	char data[4];
	uint32_t code;
	for (uint32_t c = 0; c < 0x120000; c++) {
		size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
		bool fine = c > 0 && c <= 0x10ffff && (c < 0xd800 || c > 0xdfff);
		encode(c, n, data);
		assert_int_equal(text_utf8_decode(data, n, &code), fine ? n : 0);
		if (fine)
			assert_int_equal(code, c);
		assert_int_equal(text_utf8_valid(data, n), fine);
		assert_false(text_utf8_valid(data, n - 1) && n > 1);
		for (size_t longer = n + 1; longer <= 4; longer++) {
			encode(c, longer, data);
			assert_false(text_utf8_valid(data, longer));
		}
	}
}

static void test_utf8_bytes(void **state)
{
	(void)state;
	assert_true(text_utf8_valid("", 0));
	assert_true(text_utf8_valid("関所 gate", 11));
	assert_false(text_utf8_valid("a\0b", 3));
	for (unsigned c = 0x80; c < 0x100; c++) {
		char one = (char)c;
		assert_false(text_utf8_valid(&one, 1));
		char two[2] = {'a', one};
		assert_false(text_utf8_valid(two, 2));
	}
	assert_false(text_utf8_valid("\xf8\x88\x80\x80\x80", 5));
	assert_false(text_utf8_valid("\xe9\x96", 2));
	assert_false(text_utf8_valid("\xe9\x41\x41", 3));
}

static void test_columns(void **state)
{
	(void)state;
	assert_int_equal(text_columns('a'), 1);
	assert_int_equal(text_columns(0xe9), 1);
	assert_int_equal(text_columns(0x95a2), 2); /* 関 */
	assert_int_equal(text_columns(0x304c), 2); /* が */
	assert_int_equal(text_columns(0x3099), 0); /* its voicing mark alone */
	assert_int_equal(text_columns(0xff71), 1); /* half-width ア */
	assert_int_equal(text_columns(0xff21), 2); /* full-width A */
	assert_int_equal(text_columns(0x1f512), 2);
	assert_int_equal(text_columns(0x301), 0);
}

static void test_name(void **state)
{
	(void)state;
	static const char *const good[] = {"a", "t-yamada", "user@EXAMPLE.JP", "_x", "9", "a.b", "@"};
	static const char *const bad[] = {"", "-a", ".", "..", ".a", "a b", "a/b", "a\n", "関", "a:b", "a\\b", "$", "a\x7f"};
	char name[USER_NAME_MAX + 2];
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		assert_true(text_name_valid(good[i]));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(text_name_valid(bad[i]));
	memset(name, 'x', sizeof name);
	name[USER_NAME_MAX + 1] = '\0';
	assert_false(text_name_valid(name));
	name[USER_NAME_MAX] = '\0';
	assert_true(text_name_valid(name));
}

static void assert_safe(const char *from, size_t size, const char *expected)
{
	char to[64];
	memset(to, 'Z', sizeof to);
	assert_ptr_equal(text_safe(from, to, size), to);
	assert_string_equal(to, expected);
	for (size_t i = size; i < sizeof to; i++)
		assert_int_equal(to[i], 'Z');
}

static void test_safe(void **state)
{
	(void)state;
	assert_safe("", 60, "");
	assert_safe("関所 gate é", 60, "関所 gate é");
	assert_safe("a\tb\n\x1b[31m\x7f", 60, "a\\x09b\\x0a\\x1b[31m\\x7f");
	assert_safe("\xff"
		    "a\xe9\x96",
		60, "\\xffa\\xe9\\x96");
	assert_safe("\xc2\x80\xc2\x9f\xc2\xa0", 60, "\\u{0080}\\u{009f}\xc2\xa0");
	assert_safe("a\xe2\x80\xae"
		    "b\xe2\x81\xa6\xd8\x9c\xe2\x80\x8f",
		60, "a\\u{202e}b\\u{2066}\\u{061c}\\u{200f}");
	assert_safe("\xe2\x80\xa8x", 60, "\\u{2028}x");
}

static void test_safe_cut(void **state)
{
	(void)state;
	assert_safe("abcdef", 7, "abcdef");
	assert_safe("abcdef", 6, "ab…");
	assert_safe("abcdef", 5, "a…");
	assert_safe("abcdef", 4, "…");
	assert_safe("abcdef", 3, "");
	assert_safe("abcdef", 1, "");
	assert_safe("関所関", 9, "関…");
	assert_safe("関所関", 10, "関所関");
	assert_safe("a\nbcdef", 8, "a…");
	char untouched = 'Z';
	text_safe("abc", &untouched, 0);
	assert_int_equal(untouched, 'Z');
	/* The growth promised holds for the worst characters. */
	static const char *const worst[] = {"\x01", "\xff", "\xc2\x80", "\xe2\x80\xae"};
	for (size_t i = 0; i < sizeof worst / sizeof *worst; i++) {
		char to[16];
		assert_null(strstr(text_safe(worst[i], to, TEXT_SAFE_GROWTH * strlen(worst[i]) + 1), "…"));
	}
}

static void test_duration(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t seconds;
		const char *shown;
	} good[] = {{"1s", 1, "1s"}, {"90s", 90, "1m30s"}, {"15m", 900, "15m"}, {"8h", 8 * HOUR, "8h"}, {"1h30m", 5400, "1h30m"},
		{"1d2h3m4s", 24 * HOUR + 7384, "1d2h3m4s"}, {"3650d", 3650 * 24 * HOUR, "3650d"}, {"0h5s", 5, "5s"}};
	static const char *const bad[] = {"", "0s", "0d0h", "5", "s", "1x", "1 h", " 1h", "1h ", "-1h", "+1h", "1.5h", "30m1h",
		"1m1m", "3651d", "3650d1s", "99999999999999999999s", "1H", "1hm", "1w"};
	char text[DURATION_TEXT];
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		int64_t seconds = 0;
		assert_int_equal(duration_parse(good[i].text, &seconds), 0);
		assert_true(seconds == good[i].seconds);
		assert_string_equal(duration_format(seconds, text), good[i].shown);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		int64_t seconds = 7;
		assert_int_equal(duration_parse(bad[i], &seconds), -EINVAL);
		assert_true(seconds == 7);
	}
	assert_string_equal(duration_format(0, text), "0s");
	assert_string_equal(duration_format(-5, text), "0s");
	assert_true(strlen(duration_format(INT64_MAX, text)) < DURATION_TEXT);
}

static void zone(const char *name)
{
	assert_int_equal(setenv("TZ", name, 1), 0);
	tzset();
}

static void test_time_format(void **state)
{
	(void)state;
	char text[TIME_TEXT];
	zone("Asia/Tokyo");
	assert_string_equal(time_format(INT64_C(1795395900123456), text), "2026-11-23T10:05:00.123456+09:00");
	assert_string_equal(time_format(-1, text), "1970-01-01T08:59:59.999999+09:00");
	zone("Asia/Kolkata");
	assert_string_equal(time_format(0, text), "1970-01-01T05:30:00.000000+05:30");
	zone("<-0330>3:30");
	assert_string_equal(time_format(5, text), "1969-12-31T20:30:00.000005-03:30");
	zone("UTC");
	assert_string_equal(time_format(INT64_C(951782400000000), text), "2000-02-29T00:00:00.000000+00:00");
	assert_true(strlen(time_format(INT64_MAX, text)) < TIME_TEXT);
	assert_true(strlen(time_format(INT64_MIN, text)) < TIME_TEXT);
}

static void assert_time(const char *text, int64_t seconds)
{
	int64_t usec = 0;
	assert_int_equal(time_parse(text, &usec), 0);
	assert_true(usec == seconds * SECOND);
}

static void test_time_parse(void **state)
{
	(void)state;
	zone("Asia/Tokyo");
	assert_time("2026-11-23", 1795395900 - 10 * HOUR - 300);
	assert_time("2026-11-23T10:05", 1795395900);
	assert_time("1970-01-01", -9 * HOUR);
	assert_time("2028-02-29", 1835362800);
	static const char *const bad[] = {"", "2026-11-2", "2026-11-231", "2026-13-01", "2026-00-01", "2026-01-00", "2026-02-30",
		"2027-02-29", "2026-11-31", "1969-12-31", "2026/11/23", "2026-11-23 10:05", "2026-11-23T24:00",
		"2026-11-23T10:60", "2026-11-23T10-05", "2026-11-23T1:05x", "+026-11-23", "2026-11-23T10:05:00", "٢026-11-23",
		"2026-1x-01"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		int64_t usec = 7;
		assert_int_equal(time_parse(bad[i], &usec), -EINVAL);
		assert_true(usec == 7);
	}
	/* On 4 November 2018 the clock of São Paulo went from 23:59:59 to 01:00:00. */
	zone("America/Sao_Paulo");
	assert_time("2018-11-04", 1541300400);
	assert_time("2018-11-04T01:00", 1541300400);
	assert_time("2018-11-05", 1541300400 + 23 * HOUR);
}

static void test_clocks(void **state)
{
	(void)state;
	int64_t first = time_boot(), real = time_now();
	assert_true(first > 0 && time_boot() >= first);
	assert_true(real / SECOND - (int64_t)time(NULL) <= 1 && (int64_t)time(NULL) - real / SECOND <= 60);
}

static void test_html(void **state)
{
	(void)state;
	static const char *const pairs[][2] = {{"a", "a"}, {"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"},
		{"'", "&#39;"}, {"関", "関"}, {"\n", "\n"}, {"\t", "\t"}, {"\x1b", "\xef\xbf\xbd"}, {"\xe9", "\xef\xbf\xbd"},
		{"\u202e", "\xef\xbf\xbd"}, {"\ufeff", "\xef\xbf\xbd"}, {"\uffff", "\xef\xbf\xbd"},
		{"\xf0\x9f\x94\x92", "\xf0\x9f\x94\x92"}};
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		char out[TEXT_HTML], more[16];
		size_t length = strlen(pairs[i][0]);
		assert_int_equal(text_html(pairs[i][0], length, out), length);
		assert_string_equal(out, pairs[i][1]);
		snprintf(more, sizeof more, "%s<", pairs[i][0]);
		assert_int_equal(text_html(more, length + 1, out), length);
		assert_string_equal(out, pairs[i][1]);
	}
	/* A character that is cut off goes byte by byte. */
	char out[TEXT_HTML];
	assert_int_equal(text_html("\xe9\x96", 2, out), 1);
	assert_string_equal(out, "\xef\xbf\xbd");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_utf8_codes),
		cmocka_unit_test(test_utf8_bytes),
		cmocka_unit_test(test_columns),
		cmocka_unit_test(test_html),
		cmocka_unit_test(test_name),
		cmocka_unit_test(test_safe),
		cmocka_unit_test(test_safe_cut),
		cmocka_unit_test(test_duration),
		cmocka_unit_test(test_time_format),
		cmocka_unit_test(test_time_parse),
		cmocka_unit_test(test_clocks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "gateway/cli/logfield.h"

static struct logvalue values[LOGFIELDS];

static void scan(const char *line)
{
	assert_int_equal(logfield_scan(line, strlen(line), values), 0);
}

static void check(enum logfield field, const char *expected)
{
	char text[256];
	assert_int_equal(logvalue_text(values[field], text, sizeof text), strlen(expected));
	assert_string_equal(text, expected);
	assert_int_equal(values[field].text != NULL, *expected != '\0');
}

static void test_every_field_is_where_its_path_says(void **state)
{
	(void)state;
	for (enum logfield field = 0; field < LOGFIELDS; field++) {
		char path[64], line[256] = "", *rest = path;
		size_t depth = 0;
		assert_non_null(logfield_path(field, path, sizeof path));
		for (char *name; (name = strsep(&rest, ".")); depth++)
			snprintf(line + strlen(line), sizeof line - strlen(line), "{\"%s\":", name);
		snprintf(line + strlen(line), sizeof line - strlen(line), "\"here\"%.*s", (int)depth, "}}}}}}");
		scan(line);
		for (enum logfield other = 0; other < LOGFIELDS; other++)
			check(other, other == field ? "here" : "");
	}
}

static void test_a_line_of_the_gateway(void **state)
{
	(void)state;
	scan("{\"@timestamp\":\"2026-11-23T10:05:58.204411+09:00\",\"event\":{\"sequence\":42,\"action\":\"device-refused\","
	     "\"category\":[\"network\"],\"outcome\":\"failure\",\"reason\":\"suspended\"},\"device\":{\"id\":\"d7\"},"
	     "\"sekisho\":"
	     "{\"device\":{\"key\":\"xTIB\",\"label\":\"iPhone 山田\"},\"endpoint\":{\"ip\":\"203.0.113.5\",\"port\":51820},"
	     "\"count\":11},\"related\":{\"ip\":[\"10.64.0.8\",\"fd64::8\"]},\"observer\":{\"name\":\"gw1\"}}\n");
	check(LOGFIELD_ACTION, "device-refused");
	check(LOGFIELD_REASON, "suspended");
	check(LOGFIELD_DEVICE, "d7");
	check(LOGFIELD_DEVICE_LABEL, "iPhone 山田");
	check(LOGFIELD_ENDPOINT_IP, "203.0.113.5");
	check(LOGFIELD_RELATED_IP, "[\"10.64.0.8\",\"fd64::8\"]");
	check(LOGFIELD_USER, "");
	assert_int_equal(logvalue_number(values[LOGFIELD_SEQUENCE]), 42);
	assert_int_equal(logvalue_number(values[LOGFIELD_ENDPOINT_PORT]), 51820);
	assert_int_equal(logvalue_number(values[LOGFIELD_COUNT_FIELD]), 11);
	assert_true(logvalue_number(values[LOGFIELD_ACTION]) == LOGVALUE_NONE);
	assert_true(logvalue_time(values[LOGFIELD_TIME]) == INT64_C(1795395958204411));
}

static void test_of_two_members_the_last_counts(void **state)
{
	(void)state;
	scan("{\"event\":{\"action\":\"a\",\"action\":\"b\"}}");
	check(LOGFIELD_ACTION, "b");
	scan("{\"event\":{\"action\":\"a\"},\"event\":{\"reason\":\"r\"}}");
	check(LOGFIELD_ACTION, "");
	check(LOGFIELD_REASON, "r");
	scan("{\"sekisho\":{\"device\":{\"key\":\"k\"}},\"sekisho\":7}");
	check(LOGFIELD_DEVICE_KEY, "");
	scan("{\"user\":{\"name\":\"a\",\"name\":null}}");
	check(LOGFIELD_USER, "");
}

static void test_any_writing_of_json(void **state)
{
	(void)state;
	scan(" { \"\\u0065vent\" :\t{ \"act\\u0069on\" : \"a\\/b\" , \"x\" : [ { \"action\" : 1 } , [ ] , { } ] } } \r\n");
	check(LOGFIELD_ACTION, "a/b");
	scan("{\"user\":{\"name\":\"\\u5c71\\ud83d\\ude00\\n\\\"\\\\\\ud83d!\\u0000\"}}");
	check(LOGFIELD_USER, "山😀\n\"\\\xef\xbf\xbd!\xef\xbf\xbd");
	assert_true(logvalue_equals(values[LOGFIELD_USER], "山😀\n\"\\\xef\xbf\xbd!\xef\xbf\xbd"));
	assert_false(logvalue_equals(values[LOGFIELD_USER], "山😀"));
	assert_false(logvalue_equals(values[LOGFIELD_USER], "山😀\n\"\\\xef\xbf\xbd!\xef\xbf\xbd "));
	scan("{}");
	scan("{\"a\":[1,-0.5e+3,true,false,null,\"\"],\"message\":false}");
	check(LOGFIELD_MESSAGE, "false");
	assert_false(logvalue_equals(values[LOGFIELD_MESSAGE], "false"));
}

static void test_what_is_no_json_object(void **state)
{
	static const char *const lines[] = {"", "null", "[]", "\"\"", "{", "}", "{}}", "{} {}", "{\"a\"}", "{\"a\":}",
		"{\"a\":1,}", "{a:1}", "{\"a\":01}", "{\"a\":1.}", "{\"a\":-}", "{\"a\":1e}", "{\"a\":+1}", "{\"a\":tru}",
		"{\"a\":\"\n\"}", "{\"a\":\"0123456\x01\"}", "{\"a\":\"\\x\"}", "{\"a\":\"\\u12g4\"}", "{\"a\":\"\\",
		"{\"a\":\"01234567", "{\"a\":[1 2]}", "{\"a\":[1,]}", "{\"a\":[1}", "{\"a\" 1}", "{\"a\":\"\\u12"};
	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
		assert_int_equal(logfield_scan(lines[i], strlen(lines[i]), values), -EINVAL);
	assert_int_equal(logfield_scan("{\"a\":\"\0\"}", 9, values), -EINVAL);
}

static void test_depth(void **state)
{
	char line[256];
	(void)state;
	/* The line is an object itself. */
	for (int deep = LOGFIELD_DEPTH - 1; deep <= LOGFIELD_DEPTH; deep++) {
		memset(line, '[', sizeof line);
		memset(line + deep, ']', (size_t)deep);
		char whole[300];
		snprintf(whole, sizeof whole, "{\"a\":%.*s}", 2 * deep, line);
		assert_int_equal(logfield_scan(whole, strlen(whole), values), deep < LOGFIELD_DEPTH ? 0 : -EINVAL);
	}
}

static void test_text_is_cut(void **state)
{
	char text[8];
	(void)state;
	scan("{\"user\":{\"name\":\"0123456789\"},\"rule\":{\"name\":\"\\n12345\\u5c71\"}}");
	assert_int_equal(logvalue_text(values[LOGFIELD_USER], text, sizeof text), 7);
	assert_string_equal(text, "0123456");
	assert_int_equal(logvalue_text(values[LOGFIELD_RULE], text, sizeof text), 6);
	assert_string_equal(text, "\n12345");
	assert_int_equal(logvalue_text(values[LOGFIELD_RULE], text, 1), 0);
	assert_string_equal(text, "");
}

static void check_items(const char *array, const char *expected)
{
	char line[256], text[256] = "", item_text[64];
	struct logvalue item;
	size_t at = 0;
	snprintf(line, sizeof line, "{\"related\":{\"user\":%s}}", array);
	scan(line);
	while (logvalue_next(values[LOGFIELD_RELATED_USER], &at, &item)) {
		logvalue_text(item, item_text, sizeof item_text);
		snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s;", item_text, item.string ? "" : "!");
	}
	assert_string_equal(text, expected);
}

static void test_arrays(void **state)
{
	(void)state;
	check_items("[]", "");
	check_items("[ ]", "");
	check_items("\"[]\"", "");
	check_items("{\"a\":1}", "");
	check_items("[\"a\",\"b\"]", "a;b;");
	check_items("[ \"a\\\"\" , \"\" , 7 , \"],[\" ]", "a\";;7!;],[;");
	check_items("[[1,\"]\"],{\"a\":[2]} ,null]", "[1,\"]\"]!;{\"a\":[2]}!;null!;");
}

static int64_t number(const char *text)
{
	return logvalue_number((struct logvalue){text, strlen(text), false});
}

static void test_numbers(void **state)
{
	(void)state;
	assert_int_equal(number("0"), 0);
	assert_int_equal(number("-17"), -17);
	assert_true(number("9223372036854775807") == INT64_MAX);
	assert_true(number("9223372036854775808") == LOGVALUE_NONE);
	assert_true(number("1.5") == LOGVALUE_NONE);
	assert_true(number("1e3") == LOGVALUE_NONE);
	assert_true(number("true") == LOGVALUE_NONE);
	assert_true(logvalue_number((struct logvalue){0}) == LOGVALUE_NONE);
}

static int64_t instant(const char *text)
{
	return logvalue_time((struct logvalue){text, strlen(text), true});
}

static void test_instants(void **state)
{
	static const char *const wrong[] = {"", "2026-11-23", "2026-11-23T10:05:00", "2026-02-29T00:00:00Z",
		"2026-13-01T00:00:00Z", "2026-11-23T24:00:00Z", "2026-11-23T10:60:00Z", "2026-11-23T10:05:00+9:00",
		"2026-11-23T10:05:00.Z", "2026-11-23T10:05:00ZZ", "2026-11-23T10:05:00.123456+09:00x", "2100-02-29T00:00:00Z",
		"-026-11-23T10:05:00Z", "2026-11-23T10:05:00+24:00"};
	(void)state;
	assert_true(instant("1970-01-01T00:00:00Z") == 0);
	assert_true(instant("2000-02-29T12:00:00.5Z") == INT64_C(951825600500000));
	assert_true(instant("1969-12-31T23:59:59.999999Z") == -1);
	assert_true(instant("2026-11-23T10:05:00.123456789+09:00") == INT64_C(1795395900123456));
	assert_true(instant("2026-11-23t01:05:00z") == INT64_C(1795395900000000));
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_true(instant(wrong[i]) == LOGVALUE_NONE);
	assert_true(logvalue_time((struct logvalue){0}) == LOGVALUE_NONE);
}

static bool is_x(struct logvalue v, void *arg)
{
	(*(unsigned *)arg)++;
	return logvalue_equals(v, "x");
}

static int strings(const char *line, unsigned *seen)
{
	*seen = 0;
	return logfield_strings(line, strlen(line), is_x, seen);
}

static void test_strings(void **state)
{
	unsigned seen;
	(void)state;
	assert_int_equal(strings("{\"x\":\"a\",\"b\":[\"c\",{\"d\":\"e\"}],\"f\":1}", &seen), 0);
	assert_int_equal(seen, 3);
	assert_int_equal(strings("{\"a\":[\"c\",{\"d\":\"\\u0078\"}],\"f\":\"g\"}", &seen), 1);
	assert_int_equal(seen, 2);
	assert_int_equal(strings("{\"a\":\"b\"", &seen), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_field_is_where_its_path_says),
		cmocka_unit_test(test_a_line_of_the_gateway),
		cmocka_unit_test(test_of_two_members_the_last_counts),
		cmocka_unit_test(test_any_writing_of_json),
		cmocka_unit_test(test_what_is_no_json_object),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_text_is_cut),
		cmocka_unit_test(test_arrays),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_instants),
		cmocka_unit_test(test_strings),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

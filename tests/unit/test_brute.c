/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Counting who tries many times: once in a time, members once, in bounded memory; and the words of alerts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/alert_words.h"
#include "gateway/brute.h"

static const int64_t SECOND = 1000000;
enum { LIMIT = 3, WINDOW = 60 };

static int make(void **state)
{
	struct brute *b;
	assert_int_equal(brute_new(&b), 0);
	*state = b;
	return 0;
}

static int drop(void **state)
{
	brute_free(*state);
	return 0;
}

static bool count(struct brute *b, uint32_t who, uint64_t member, int64_t second)
{
	return brute_count(b, BRUTE_USER, &who, sizeof who, member, LIMIT, WINDOW, second * SECOND);
}

static void test_once_in_its_time(void **state)
{
	assert_false(count(*state, 1, 0, 0));
	assert_false(count(*state, 1, 0, 1));
	assert_true(count(*state, 1, 0, 2));
	assert_false(count(*state, 1, 0, 3));
	assert_false(count(*state, 1, 0, WINDOW - 1));
	/* Counted anew, from the first after it. */
	assert_false(count(*state, 1, 0, WINDOW));
	assert_false(count(*state, 1, 0, WINDOW + 1));
	assert_true(count(*state, 1, 0, 2 * WINDOW - 1));
}

static void test_too_slow_is_none(void **state)
{
	for (int64_t i = 0; i < 20; i++)
		assert_false(count(*state, 1, 0, i * WINDOW / 2));
}

static void test_members_count_once(void **state)
{
	for (int64_t i = 0; i < 50; i++) {
		assert_false(count(*state, 1, 7, 0));
		assert_false(count(*state, 1, 8, 0));
	}
	assert_false(count(*state, 2, 9, 0));
	assert_true(count(*state, 1, 9, 0));
}

static void test_kinds_are_apart(void **state)
{
	const uint32_t who = 1;
	for (unsigned i = 0; i < LIMIT - 1; i++)
		assert_false(count(*state, 1, 0, 0));
	assert_false(brute_count(*state, BRUTE_DEVICE, &who, sizeof who, 0, LIMIT, WINDOW, 0));
	assert_true(count(*state, 1, 0, 0));
}

static void test_a_limit_of_one_and_the_highest(void **state)
{
	const uint32_t one = 1, all = 2;
	assert_true(brute_count(*state, BRUTE_KEYS, &one, sizeof one, 5, 1, WINDOW, 0));
	for (uint64_t i = 1; i < BRUTE_COUNT_MAX; i++)
		assert_false(brute_count(*state, BRUTE_KEYS, &all, sizeof all, i, BRUTE_COUNT_MAX, WINDOW, 0));
	assert_true(brute_count(*state, BRUTE_KEYS, &all, sizeof all, BRUTE_COUNT_MAX, BRUTE_COUNT_MAX, WINDOW, 0));
	assert_false(brute_count(*state, BRUTE_KEYS, &all, sizeof all, BRUTE_COUNT_MAX + 1, BRUTE_COUNT_MAX, WINDOW, 0));
}

/* The oldest make room: they are forgotten, who came after them is not. */
static void test_bounded(void **state)
{
	for (uint32_t i = 0; i < BRUTE_TALLIES + 10; i++) {
		assert_false(count(*state, i, 0, 0));
		assert_false(count(*state, i, 0, 0));
	}
	assert_true(count(*state, 10, 0, 1));
	assert_false(count(*state, 9, 0, 1));
}

static void assert_words(const char *sentence, const char *expected, size_t size)
{
	char words[200];
	json_t *e = json_pack("{s:s, s:{s:i, s:{s:s}}}", "top", "t", "a", "n", 42, "b", "text", "deep");
	assert_non_null(e);
	assert_string_equal(alert_words(sentence, e, words, size), expected);
	json_decref(e);
}

static void test_words(void **state)
{
	(void)state;
	assert_words("", "", 200);
	assert_words("plain", "plain", 200);
	assert_words("{top}, {a.n} and {a.b.text}.", "t, 42 and deep.", 200);
	assert_words("{no|a.n} {a.no|top.no|no}", "42 ?", 200);
	assert_words("{a.b}", "?", 200);
	assert_words("100% {top}", "100% t", 200);
	assert_words("cut {a.b.text} here", "cut de", 7);
	assert_words("cut", "cu", 3);
	assert_words("{top}", "", 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_once_in_its_time, make, drop),
		cmocka_unit_test_setup_teardown(test_too_slow_is_none, make, drop),
		cmocka_unit_test_setup_teardown(test_members_count_once, make, drop),
		cmocka_unit_test_setup_teardown(test_kinds_are_apart, make, drop),
		cmocka_unit_test_setup_teardown(test_a_limit_of_one_and_the_highest, make, drop),
		cmocka_unit_test_setup_teardown(test_bounded, make, drop),
		cmocka_unit_test(test_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-3.0-or-later
/* Counters by key: exact while there is room, honest when there was none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "gateway/cli/report_bag.h"

enum { MOST = 64, KEYS = 5000 };

static void add(struct report_bag *bag, const char *key, uint64_t times)
{
	struct report_entry *e = report_bag_get(bag, key);
	assert_non_null(e);
	report_count_add(&e->count, 1000, times, 1, 2);
}

static void test_exact_while_there_is_room(void **state)
{
	struct report_bag bag;
	char key[16];
	(void)state;
	assert_int_equal(report_bag_open(&bag, KEYS, sizeof(int)), 0);
	for (int round = 0; round < 3; round++)
		for (int i = 0; i < KEYS; i++) {
			snprintf(key, sizeof key, "k%d", i);
			add(&bag, key, (uint64_t)i);
		}
	assert_int_equal(bag.used, KEYS);
	assert_int_equal(bag.floor, 0);
	for (int i = 0; i < KEYS; i++) {
		snprintf(key, sizeof key, "k%d", i);
		const struct report_entry *e = report_bag_find(&bag, key);
		assert_non_null(e);
		assert_int_equal(e->count.lines, 3);
		assert_int_equal(e->count.times, 3 * i);
		assert_int_equal(e->missed, 0);
		assert_int_equal(*(int *)e->data, 0);
	}
	assert_null(report_bag_find(&bag, "k"));
	report_bag_close(&bag);
}

/* Whatever has more lines than the floor is there, and no count promises more than there was. */
static void test_what_is_frequent_stays(void **state)
{
	struct report_bag bag;
	char key[16];
	(void)state;
	assert_int_equal(report_bag_open(&bag, MOST, 0), 0);
	for (int i = 0; i < KEYS; i++) {
		snprintf(key, sizeof key, "once%d", i);
		add(&bag, key, 1);
		if (i % 3 == 0)
			add(&bag, "often", 1);
		if (i > KEYS / 2 && i % 50 == 0)
			add(&bag, "late", 1);
	}
	const struct report_entry *often = report_bag_find(&bag, "often"), *late = report_bag_find(&bag, "late");
	assert_true(bag.used <= MOST && bag.floor > 0);
	assert_non_null(often);
	assert_int_equal(often->count.lines, (KEYS + 2) / 3);
	assert_int_equal(often->missed, 0);
	if (late)
		assert_true(late->count.lines <= 49 && late->count.lines + late->missed >= 49);
	else
		assert_true(bag.floor >= 49);
	report_bag_sort(&bag, report_most_times);
	assert_string_equal(bag.entries[0].key, "often");
	assert_ptr_equal(report_bag_find(&bag, "often"), &bag.entries[0]);
	report_bag_close(&bag);
}

static void test_sums_stay_numbers(void **state)
{
	struct report_count c = {0};
	(void)state;
	for (int i = 0; i < 3; i++)
		report_count_add(&c, 5 - i, INT64_MAX, UINT64_MAX, 7);
	assert_int_equal(c.lines, 3);
	assert_true(c.times == INT64_MAX && c.up == INT64_MAX && c.down == 21);
	assert_true(c.first == 3 && c.last == 5);
}

static void test_parts_of_a_key(void **state)
{
	char key[REPORT_KEY_MAX], part[REPORT_PART_MAX], longest[REPORT_PART_MAX];
	(void)state;
	report_key(key, 3, (const char *[]){"a", "", "c"});
	assert_string_equal(report_part(key, 0, part), "a");
	assert_string_equal(report_part(key, 1, part), "");
	assert_string_equal(report_part(key, 2, part), "c");
	assert_string_equal(report_part(key, 3, part), "");
	memset(longest, 'x', sizeof longest - 1);
	longest[sizeof longest - 1] = '\0';
	report_key(key, 4, (const char *[]){longest, longest, longest, longest});
	for (size_t i = 0; i < 4; i++)
		assert_string_equal(report_part(key, i, part), longest);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exact_while_there_is_room),
		cmocka_unit_test(test_what_is_frequent_stays),
		cmocka_unit_test(test_sums_stay_numbers),
		cmocka_unit_test(test_parts_of_a_key),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What repeats is counted, not dropped: first at once, the rest of the minute as one line, bounded in memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "gateway/event.h"
#include "gateway/merge.h"
#include "tests/unit/scratch.h"

#define S INT64_C(1000000)

static char folder[SCRATCH_PATH];
static struct log *logger;
static struct merge *m;
static int64_t owed;

static int setup(void **state)
{
	char why[512];
	(void)state;
	scratch_make(folder);
	owed = 0;
	return log_open(folder, NULL, "gw1", 0, &logger, why, sizeof why) < 0 || merge_new(logger, &m) < 0;
}

static int teardown(void **state)
{
	(void)state;
	merge_free(m);
	log_close(logger);
	scratch_remove(folder);
	return 0;
}

static void seen(uint32_t what, int64_t now)
{
	if (!merge_count(m, &what, sizeof what, now))
		return;
	json_t *e = event_new("connection-refused", "failure", "no-session");
	event_number(e, "destination.port", what);
	merge_first(m, &what, sizeof what, LOG_ACCESS, now, e, false, &owed);
}

/* Lines about `what`, and the sum of what they count: one each, or sekisho.count. */
static void tally(uint32_t what, unsigned *lines, json_int_t *sum)
{
	char path[SCRATCH_PATH], *line = NULL;
	size_t size = 0;
	FILE *f = fopen(scratch_path(path, folder, "access.jsonl"), "r");
	assert_non_null(f);
	*lines = 0;
	*sum = 0;
	while (getline(&line, &size, f) > 0) {
		json_t *e = json_loads(line, 0, NULL), *count;
		assert_non_null(e);
		if (json_integer_value(json_object_get(json_object_get(e, "destination"), "port")) == (json_int_t)what) {
			count = json_object_get(json_object_get(e, "sekisho"), "count");
			++*lines;
			*sum += count ? json_integer_value(count) : 1;
		}
		json_decref(e);
	}
	free(line);
	fclose(f);
}

static void expect(uint32_t what, unsigned lines, json_int_t sum)
{
	unsigned have_lines;
	json_int_t have_sum;
	tally(what, &have_lines, &have_sum);
	assert_int_equal(have_lines, lines);
	assert_int_equal(have_sum, sum);
}

static void test_first_at_once(void **state)
{
	(void)state;
	seen(80, 1000 * S);
	expect(80, 1, 1);
	for (int i = 1; i < 50; i++)
		seen(80, 1000 * S + i * S);
	seen(81, 1001 * S);
	expect(80, 1, 1);
	expect(81, 1, 1);
	merge_tick(m, 1060 * S - 1);
	expect(80, 1, 1);
	merge_tick(m, 1060 * S);
	expect(80, 2, 50);
	expect(81, 1, 1);
}

/* Without a tick in between, the next one after the minute closes the old count and begins anew. */
static void test_next_minute(void **state)
{
	(void)state;
	seen(80, 1000 * S);
	seen(80, 1010 * S);
	seen(80, 1061 * S);
	expect(80, 3, 3);
	seen(80, 1062 * S);
	merge_tick(m, 2000 * S);
	expect(80, 4, 4);
}

/* A full table gives up its oldest entry early, with its count. */
static void test_bounded(void **state)
{
	(void)state;
	seen(1, 1000 * S);
	seen(1, 1000 * S);
	seen(1, 1000 * S);
	expect(1, 1, 1);
	for (uint32_t i = 2; i <= MERGE_ENTRIES_MAX + 1; i++)
		seen(i, 1001 * S);
	expect(1, 2, 3);
	seen(1, 1002 * S);
	expect(1, 3, 4);
}

/* Nothing that was counted is lost at the end. */
static void test_stop(void **state)
{
	(void)state;
	seen(80, 1000 * S);
	seen(80, 1001 * S);
	merge_free(m);
	m = NULL;
	expect(80, 2, 2);
}

/* What is owed goes down by what is on record, and only by that. */
static void test_owed(void **state)
{
	int64_t other = 0;
	(void)state;
	owed = 6;
	for (int i = 0; i < 5; i++)
		seen(80, 1000 * S);
	assert_int_equal(owed, 5);
	assert_int_equal(merge_pending(m, &owed), 4);
	assert_int_equal(merge_pending(m, &other), 0);
	merge_tick(m, 2000 * S);
	assert_int_equal(owed, 1);
	assert_int_equal(merge_pending(m, &owed), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_first_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_next_minute, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stop, setup, teardown),
		cmocka_unit_test_setup_teardown(test_owed, setup, teardown),
	};
	return cmocka_run_group_tests_name("merge", tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Kernel's count = lines + gaps, whatever becomes of copies, counters and processes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "gateway/event.h"
#include "gateway/tally.h"
#include "tests/unit/scratch.h"

#define S INT64_C(1000000)

static char folder[SCRATCH_PATH], path[SCRATCH_PATH];
static struct log *logger;
static struct merge *m;
static struct tally *t;

static int setup(void **state)
{
	char why[512];
	(void)state;
	scratch_make(folder);
	scratch_path(path, folder, "tally");
	return log_open(folder, NULL, "gw1", 0, &logger, why, sizeof why) < 0 || merge_new(logger, &m) < 0 ||
	       tally_open(path, &t) < 0;
}

static int teardown(void **state)
{
	(void)state;
	merge_free(m);
	tally_close(t);
	log_close(logger);
	scratch_remove(folder);
	return 0;
}

/* The kernel's counters of packets that a rule denied. */
static void count(uint64_t all, uint64_t limited, int64_t now)
{
	struct firewall_counters c = {.refused[FIREWALL_DENIED] = {all, limited}};
	tally_count(t, &c, m, now);
}

/* Copies that came, of one kind for merging. */
static void come(unsigned copies, int64_t now)
{
	for (unsigned i = 0; i < copies; i++)
		if (merge_count(m, "same", 4, now))
			merge_first(m, "same", 4, LOG_ACCESS, now, event_new("connection-refused", "failure", "denied"), false,
				tally_owed(t, FIREWALL_LOG_DENIED));
}

/* Packets on record in lines of this action, for this reason unless NULL. */
static json_int_t on_record(const char *action, const char *reason)
{
	char file[SCRATCH_PATH], *line = NULL;
	json_int_t sum = 0;
	size_t size = 0;
	FILE *f = fopen(scratch_path(file, folder, "access.jsonl"), "r");
	assert_non_null(f);
	while (getline(&line, &size, f) > 0) {
		json_t *e = json_loads(line, 0, NULL), *inner = json_object_get(e, "event");
		json_t *number = json_object_get(json_object_get(e, "sekisho"), "count");
		assert_non_null(e);
		if (!strcmp(json_string_value(json_object_get(inner, "action")), action) &&
			(!reason || !strcmp(json_string_value(json_object_get(inner, "reason")), reason)))
			sum += number ? json_integer_value(number) : 1;
		json_decref(e);
	}
	free(line);
	fclose(f);
	return sum;
}

static void expect(json_int_t lines, json_int_t limited, json_int_t lost)
{
	assert_int_equal(on_record("connection-refused", NULL), lines);
	assert_int_equal(on_record("log-gap", "rate-limited"), limited);
	assert_int_equal(on_record("log-gap", "kernel-overrun"), lost);
}

static void settle(void)
{
	tally_settle(t, logger, m, "kernel-overrun");
}

static void test_all_come(void **state)
{
	(void)state;
	tally_anew(t);
	come(20, 1000 * S);
	count(520, 500, 1001 * S);
	settle();
	expect(1, 500, 0); /* the other 19 are being merged */
	merge_tick(m, 2000 * S);
	count(520, 500, 2000 * S);
	settle();
	expect(20, 500, 0);
}

/* What the count already has, and comes after it, is no loss; what never comes is one. */
static void test_some_come_late_some_never(void **state)
{
	(void)state;
	tally_anew(t);
	come(2, 1000 * S);
	count(10, 0, 1001 * S);
	come(3, 1002 * S);
	settle();
	expect(1, 0, 5);
	count(10, 0, 1003 * S);
	settle();
	merge_tick(m, 2000 * S);
	expect(5, 0, 5);
}

/* A copy that was counted as lost and came all the same makes up for one that is lost later: the sum is right in the end. */
static void test_a_mistake_evens_out(void **state)
{
	(void)state;
	tally_anew(t);
	count(4, 0, 1000 * S);
	settle();
	come(1, 1001 * S);
	count(10, 0, 1002 * S);
	settle();
	count(10, 0, 1003 * S);
	settle();
	expect(1, 0, 9);
}

static void test_counters_begin_anew(void **state)
{
	(void)state;
	tally_anew(t);
	count(100, 90, 1000 * S);
	tally_anew(t);
	count(150, 120, 1001 * S); /* more than before */
	count(7, 0, 1002 * S); /* nobody has said so */
	settle();
	expect(0, 210, 10 + 30 + 7);
}

/* What was only counted in memory goes with the process, and is a gap of the next. */
static void test_next_process(void **state)
{
	(void)state;
	struct firewall_counters later = {.refused[FIREWALL_DENIED] = {12, 4}};
	struct tally *next;
	tally_anew(t);
	come(5, 1000 * S);
	count(9, 3, 1001 * S);
	assert_int_equal(tally_open(path, &next), 0); /* it knows of nothing that is being merged */
	assert_false(tally_is_new(next));
	tally_count(next, &later, NULL, 1002 * S);
	tally_settle(next, logger, NULL, "kernel-overrun");
	tally_close(next);
	expect(1, 4, 12 - 4 - 1);
}

/* Counters of which nobody knows what they had counted before say nothing. */
static void test_unknown_beginning(void **state)
{
	(void)state;
	assert_true(tally_is_new(t));
	count(1000, 500, 1000 * S);
	assert_false(tally_is_new(t));
	settle();
	expect(0, 0, 0);
	count(1001, 500, 1001 * S);
	settle();
	expect(0, 0, 1);
}

/* A file of another shape is none, and one that cannot be there is done without. */
static void test_files(void **state)
{
	char none[SCRATCH_PATH];
	struct tally *other;
	(void)state;
	tally_anew(t);
	FILE *f = fopen(path, "r+");
	assert_non_null(f);
	assert_int_equal(fwrite("other", 1, 5, f), 5);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(tally_open(path, &other), 0);
	assert_true(tally_is_new(other));
	tally_close(other);
	assert_int_equal(tally_open(scratch_path(none, folder, "no/such"), &other), 0);
	assert_true(tally_is_new(other));
	tally_anew(other);
	assert_null(tally_owed(other, "knock"));
	tally_close(other);
}

static void test_ripe(void **state)
{
	(void)state;
	count(0, 0, 1000 * S);
	assert_false(tally_ripe(t, 1000 * S + 1));
	assert_true(tally_ripe(t, 1001 * S));
	assert_true(tally_ripe(t, 999 * S)); /* the clock was set back */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_all_come, setup, teardown),
		cmocka_unit_test_setup_teardown(test_some_come_late_some_never, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_mistake_evens_out, setup, teardown),
		cmocka_unit_test_setup_teardown(test_counters_begin_anew, setup, teardown),
		cmocka_unit_test_setup_teardown(test_next_process, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unknown_beginning, setup, teardown),
		cmocka_unit_test_setup_teardown(test_files, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ripe, setup, teardown),
	};
	return cmocka_run_group_tests_name("tally", tests, NULL, NULL);
}

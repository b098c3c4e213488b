/* SPDX-License-Identifier: GPL-3.0-or-later */
/* When a session ends and why, over every order of its bounds; and how a step of the clock is told from its drift. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "gateway/clock.h"
#include "gateway/session_plan.h"

#define S INT64_C(1000000)

static const struct line_ref LIFE = {"groups/g.acl", 1, "session"}, IDLE = {"groups/g.acl", 2, "session idle"},
			     BAR = {"groups/g.acl", 3, "hours"};

enum { BEGAN = 1000, AT = 1100 }; /* seconds */

/* Bounds in seconds; 0: none. `life` is that of a file. */
struct bounds {
	int settings, life, bar, device;
	enum policy_bar kind;
};

static struct session_plan plan_of(const struct bounds *b)
{
	struct session_facts facts = {
		.began = BEGAN * S, .device_until = b->device * S, .session_seconds = b->settings - BEGAN, .idle_seconds = 300};
	struct policy_terms terms = {.opens = INT64_MAX,
		.ends = b->bar ? b->bar * S : INT64_MAX,
		.ends_bar = b->bar ? b->kind : BAR_NONE,
		.ends_line = BAR,
		.changes = INT64_MAX,
		.session_seconds = b->life ? b->life - BEGAN : 0,
		.session_line = LIFE};
	return session_plan(&facts, &terms, AT * S);
}

/* The oracle: the bounds in the order in which ties are named, the first smallest wins. */
static void check(const struct bounds *b)
{
	struct session_plan p = plan_of(b);
	struct {
		int at;
		enum session_end reason;
		const char *file;
	} in_order[] =
		{
			{b->device, END_PERIOD, NULL},
			{b->bar, b->kind == BAR_HOURS ? END_HOURS : END_PERIOD, BAR.file},
			{b->settings, END_EXPIRED, NULL},
			{b->life, END_EXPIRED, LIFE.file},
		},
	  *first = NULL;
	for (size_t i = 0; i < sizeof in_order / sizeof *in_order; i++)
		if (in_order[i].at && (!first || in_order[i].at < first->at))
			first = &in_order[i];
	assert_int_equal(p.ends, first->at * S);
	assert_int_equal(p.reason, first->reason);
	if (first->file)
		assert_string_equal(p.line.file, first->file);
	else
		assert_null(p.line.file);
}

/* Each bound absent, or at one of three instants: all orders and all ties of four bounds. */
static void test_every_order(void **state)
{
	static const int instants[] = {0, 2000, 3000, 4000};
	unsigned tried = 0;
	(void)state;
	for (unsigned n = 0; n < 4 * 4 * 4 * 3; n++)
		for (enum policy_bar kind = BAR_PERIOD; kind <= BAR_HOURS; kind++) {
			struct bounds b = {.settings = instants[1 + n % 3],
				.life = instants[n / 3 % 4],
				.bar = instants[n / 12 % 4],
				.device = instants[n / 48],
				.kind = kind};
			check(&b);
			tried++;
		}
	assert_int_equal(tried, 384);
}

static void test_barred_already(void **state)
{
	(void)state;
	static const struct {
		enum policy_bar bar;
		enum session_end reason;
		enum login_reason login;
	} all[] = {{BAR_HOURS, END_HOURS, LOGIN_HOURS}, {BAR_PERIOD, END_PERIOD, LOGIN_PERIOD},
		{BAR_NOT_YET, END_PERIOD, LOGIN_PERIOD}};
	struct session_facts facts = {.began = BEGAN * S, .session_seconds = 600, .idle_seconds = 300};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		struct policy_terms terms = {.bar = all[i].bar, .bar_line = BAR, .ends = AT * S, .changes = INT64_MAX};
		struct session_plan p = session_plan(&facts, &terms, AT * S);
		assert_int_equal(p.ends, AT * S);
		assert_int_equal(p.reason, all[i].reason);
		assert_int_equal(p.line.line, BAR.line);
		assert_int_equal(session_plan_end(all[i].bar), all[i].reason);
		assert_int_equal(session_plan_login(all[i].bar), all[i].login);
		/* Its lifetime was over before: that came first. */
		p = session_plan(&facts, &terms, 2000 * S);
		assert_int_equal(p.reason, END_EXPIRED);
		assert_int_equal(p.ends, 1600 * S);
	}
	assert_int_equal(session_plan_end(BAR_NONE), END_NONE);
	assert_int_equal(session_plan_login(BAR_NONE), LOGIN_OK);
}

static void test_idle(void **state)
{
	(void)state;
	struct session_facts facts = {.began = BEGAN * S, .session_seconds = 3600, .idle_seconds = 300};
	struct policy_terms terms = {.ends = INT64_MAX, .changes = 5 * S, .idle_seconds = 400, .idle_line = IDLE};
	struct session_plan p = session_plan(&facts, &terms, AT * S);
	assert_int_equal(p.idle_seconds, 300);
	assert_null(p.idle_line.file);
	assert_int_equal(p.changes, 5 * S);
	terms.idle_seconds = 200;
	p = session_plan(&facts, &terms, AT * S);
	assert_int_equal(p.idle_seconds, 200);
	assert_int_equal(p.idle_line.line, IDLE.line);
}

static void test_due(void **state)
{
	struct session_plan p = {.ends = 1000 * S, .reason = END_HOURS, .line = BAR, .idle_seconds = 300, .idle_line = IDLE};
	struct line_ref line = {0};
	int64_t when = 0;
	(void)state;
	assert_int_equal(session_plan_due(&p, 100 * S, 400 * S - 1, &when, &line), END_NONE);
	assert_null(line.file);
	assert_int_equal(session_plan_due(&p, 100 * S, 400 * S, &when, &line), END_IDLE);
	assert_int_equal(when, 400 * S);
	assert_int_equal(line.line, IDLE.line);
	assert_int_equal(session_plan_due(&p, 900 * S, 1000 * S - 1, &when, &line), END_NONE);
	assert_int_equal(session_plan_due(&p, 900 * S, 1000 * S, &when, &line), END_HOURS);
	assert_int_equal(when, 1000 * S);
	assert_int_equal(line.line, BAR.line);
	/* Seen late, the reason is still the one whose instant came first. */
	assert_int_equal(session_plan_due(&p, 100 * S, 9000 * S, &when, NULL), END_IDLE);
	assert_int_equal(when, 400 * S);
	assert_int_equal(session_plan_due(&p, 700 * S, 9000 * S, &when, NULL), END_HOURS); /* a tie */
	assert_int_equal(when, 1000 * S);
}

static void test_clock(void **state)
{
	struct clock_watch w;
	int64_t step = 0;
	(void)state;
	clock_watch_start(&w, 1000 * S);
	assert_false(clock_watch_look(&w, 1000 * S + 500, &step)); /* slewed */
	assert_false(clock_watch_look(&w, 1000 * S + 900000, &step));
	assert_true(clock_watch_look(&w, 1060 * S + 900000, &step));
	assert_int_equal(step, 60 * S);
	assert_false(clock_watch_look(&w, 1060 * S + 900000, &step));
	assert_true(clock_watch_look(&w, 1059 * S, &step));
	assert_int_equal(step, -1900000);
	/* The two clocks are read together: what passes between two looks is not a step. */
	clock_watch_start(&w, clock_offset());
	for (unsigned i = 0; i < 1000; i++)
		assert_false(clock_watch_look(&w, clock_offset(), &step));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_order),
		cmocka_unit_test(test_barred_already),
		cmocka_unit_test(test_idle),
		cmocka_unit_test(test_due),
		cmocka_unit_test(test_clock),
	};
	return cmocka_run_group_tests_name("session_plan", tests, NULL, NULL);
}

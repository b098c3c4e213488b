/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the ledger promises about sessions. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/ledger_fixture.h"

static char groups[3][USER_NAME_MAX + 1] = {"soumu", "staff", "vpn.users"};

static struct session_row open_session(uint32_t device)
{
	struct session_row row = {.device = device,
		.user = "t-yamada",
		.opened = 10000 + device,
		.expires = 90000,
		.group_count = 3,
		.groups = groups};
	assert_int_equal(endpoint_parse("[2001:db8::9]:4711", &row.endpoint), 0);
	assert_int_equal(ledger_session_open(ledger, &row), 0);
	return row;
}

struct sessions {
	uint32_t serials[8];
	unsigned count;
	struct session_row first;
	bool end_them;
};

static int walk_sessions(const struct session_row *row, void *arg)
{
	struct sessions *s = arg;
	assert_int_equal(row->group_count, 3);
	for (unsigned i = 0; i < 3; i++)
		assert_string_equal(row->groups[i], groups[i]);
	if (!s->count)
		s->first = *row;
	s->serials[s->count++] = row->serial;
	if (s->end_them) {
		struct session_row end = {.serial = row->serial, .ended = 5, .end_reason = END_IDLE};
		assert_int_equal(ledger_session_end(ledger, &end), 0);
	}
	return 0;
}

struct rows {
	const struct session_row *row[3];
	unsigned next;
};

static const struct session_row *next_row(void *arg)
{
	struct rows *rows = arg;
	return rows->row[rows->next++];
}

static void test_session_life(void **state)
{
	struct device d = add(1);
	struct session_row row = open_session(d.id), last;
	struct sessions live = {0};
	(void)state;
	assert_int_equal(row.serial, 1);
	assert_int_equal(ledger_session_last(ledger, d.id, &last), -ENOENT);
	struct session_row second = row;
	assert_int_equal(ledger_session_open(ledger, &second), -EBUSY);
	row.source_bytes = UINT64_C(5000000000);
	row.source_packets = 11;
	row.destination_bytes = UINT64_C(7000000000);
	row.destination_packets = 13;
	row.connections = 3;
	row.expires += 7;
	/* One that does not live is passed over. */
	struct rows rows = {.row = {&(struct session_row){.serial = 77}, &row}};
	assert_int_equal(ledger_sessions_save(ledger, next_row, &rows), 0);
	reopen();
	assert_int_equal(ledger_sessions_live(ledger, walk_sessions, &live), 0);
	assert_int_equal(live.count, 1);
	assert_int_equal(live.first.serial, 1);
	assert_int_equal(live.first.device, d.id);
	assert_string_equal(live.first.user, "t-yamada");
	assert_int_equal(live.first.opened, row.opened);
	assert_int_equal(live.first.expires, row.expires);
	assert_true(endpoint_equal(&live.first.endpoint, &row.endpoint));
	assert_true(live.first.source_bytes == UINT64_C(5000000000) && live.first.destination_bytes == UINT64_C(7000000000));

	struct session_row end = row;
	assert_int_equal(ledger_session_end(ledger, &end), -EINVAL);
	end.ended = 20000;
	assert_int_equal(ledger_session_end(ledger, &end), -EINVAL);
	end.end_reason = SESSION_ENDS;
	assert_int_equal(ledger_session_end(ledger, &end), -EINVAL);
	end.end_reason = END_LOGOUT;
	end.connections = 4;
	assert_int_equal(ledger_session_end(ledger, &end), 0);
	assert_int_equal(ledger_session_end(ledger, &end), -ENOENT);
	end.connections = 5;
	rows = (struct rows){.row = {&end}};
	assert_int_equal(ledger_sessions_save(ledger, next_row, &rows), 0);
	assert_int_equal(ledger_session_last(ledger, d.id, &last), 0);
	assert_int_equal(last.ended, 20000);
	assert_int_equal(last.end_reason, END_LOGOUT);
	assert_int_equal(last.connections, 4);
	assert_int_equal(last.group_count, 0);
	assert_null(last.groups);
	live.count = 0;
	assert_int_equal(ledger_sessions_live(ledger, walk_sessions, &live), 0);
	assert_int_equal(live.count, 0);
	assert_int_equal(open_session(d.id).serial, 2);
}

static void test_session_refused(void **state)
{
	struct device d = add(1);
	struct session_row row = {.device = 99, .user = "t-yamada", .opened = 1, .expires = 2};
	(void)state;
	assert_int_equal(ledger_session_open(ledger, &row), -ENOENT);
	row.device = d.id;
	snprintf(row.user, sizeof row.user, "-rf");
	assert_int_equal(ledger_session_open(ledger, &row), -EINVAL);
	memset(row.user, 'a', sizeof row.user);
	assert_int_equal(ledger_session_open(ledger, &row), -EINVAL);
	assert_int_equal(row.serial, 0);
	assert_int_equal(open_session(d.id).serial, 1);
}

static void test_session_serials(void **state)
{
	struct sessions live = {.end_them = true};
	(void)state;
	for (uint32_t i = 1; i <= 6; i++)
		add(i);
	assert_int_equal(open_session(1).serial, 1);
	assert_int_equal(open_session(2).serial, 2);
	assert_int_equal(ledger_counter_set(ledger, "next serial", SESSION_SERIAL_MAX), 0);
	assert_int_equal(open_session(3).serial, SESSION_SERIAL_MAX);
	/* Around the corner, past the two that are alive. */
	assert_int_equal(open_session(4).serial, 3);
	struct session_row end = {.serial = 1, .ended = 9, .end_reason = END_IDLE};
	assert_int_equal(ledger_session_end(ledger, &end), 0);
	assert_int_equal(open_session(5).serial, 4);
	assert_int_equal(ledger_counter_set(ledger, "next serial", 1), 0);
	assert_int_equal(open_session(1).serial, 1);
	/* In order of opening, and each may be ended while it is shown. */
	assert_int_equal(ledger_sessions_live(ledger, walk_sessions, &live), 0);
	static const uint32_t order[] = {2, SESSION_SERIAL_MAX, 3, 4, 1};
	assert_int_equal(live.count, 5);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(live.serials[i], order[i]);
	live.count = 0;
	assert_int_equal(ledger_sessions_live(ledger, walk_sessions, &live), 0);
	assert_int_equal(live.count, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_session_life),
		TEST(test_session_refused),
		TEST(test_session_serials),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the ledger promises about users: suspensions, what the directory said of them, and a device's sessions since a time. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "gateway/ledger_user.h"
#include "tests/unit/ledger_fixture.h"

static const struct actor desk = {.uid = 1500, .name = "d-kato", .role = ROLE_DESK};

static struct suspension of(const char *user)
{
	struct suspension s;
	assert_int_equal(ledger_suspension(ledger, user, &s), 0);
	return s;
}

static void test_suspensions(void **state)
{
	(void)state;
	struct suspension s = {.user = "untouched"};
	assert_int_equal(ledger_suspension(ledger, "t-yamada", &s), -ENOENT);
	assert_int_equal(ledger_user_resume(ledger, "t-yamada", 10), -ENOENT);
	assert_string_equal(s.user, "untouched");
	assert_int_equal(ledger_user_suspend(ledger, "t-yamada", 0, &desk, "長期休暇", 10), 0);
	reopen();
	s = of("t-yamada");
	assert_string_equal(s.user, "t-yamada");
	assert_string_equal(s.who, "d-kato");
	assert_string_equal(s.role, "desk");
	assert_string_equal(s.note, "長期休暇");
	assert_int_equal(s.since, 10);
	assert_int_equal(s.until, 0);
	/* the later one stands in place of the earlier */
	assert_int_equal(ledger_user_suspend(ledger, "t-yamada", 99, NULL, NULL, 20), 0);
	s = of("t-yamada");
	assert_int_equal(s.until, 99);
	assert_string_equal(s.who, "");
	assert_string_equal(s.note, "");
	assert_int_equal(ledger_user_resume(ledger, "t-yamada", 30), 0);
	assert_int_equal(ledger_suspension(ledger, "t-yamada", &s), -ENOENT);
	assert_int_equal(ledger_user_resume(ledger, "t-yamada", 31), -ENOENT);
}

static void test_suspensions_refused(void **state)
{
	(void)state;
	static char note[DEVICE_NOTE_MAX + 2];
	struct suspension s;
	memset(note, 'x', DEVICE_NOTE_MAX + 1);
	assert_int_equal(ledger_user_suspend(ledger, "no/name", 0, &desk, NULL, 1), -EINVAL);
	assert_int_equal(ledger_user_suspend(ledger, "u", -1, &desk, NULL, 1), -EINVAL);
	assert_int_equal(ledger_user_suspend(ledger, "u", 0, &desk, NULL, 0), -EINVAL);
	assert_int_equal(ledger_user_suspend(ledger, "u", 0, &desk, note, 1), -EINVAL);
	assert_int_equal(ledger_user_suspend(ledger, "u", 0, &desk, "\xff", 1), -EINVAL);
	assert_int_equal(ledger_suspension(ledger, "u", &s), -ENOENT);
	note[DEVICE_NOTE_MAX] = '\0';
	assert_int_equal(ledger_user_suspend(ledger, "u", 0, &desk, note, 1), 0);
	assert_string_equal(of("u").note, note);
}

static void test_suspensions_in_order(void **state)
{
	(void)state;
	static const struct {
		const char *user;
		int64_t until;
	} all[] = {{"c", 50}, {"a", 0}, {"b", 40}};
	struct suspension s = {0};
	char names[4 * USER_NAME_MAX] = "";
	int r;
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(ledger_user_suspend(ledger, all[i].user, all[i].until, NULL, NULL, 10), 0);
	while (!(r = ledger_suspension_after(ledger, s.user, &s)))
		snprintf(names + strlen(names), sizeof names - strlen(names), "%s ", s.user);
	assert_int_equal(r, -ENOENT);
	assert_string_equal(names, "a b c ");
	/* those whose end has come, the first one first; one without an end never */
	assert_int_equal(ledger_suspension_over(ledger, 39, &s), -ENOENT);
	assert_int_equal(ledger_suspension_over(ledger, 60, &s), 0);
	assert_string_equal(s.user, "b");
	assert_int_equal(ledger_user_resume(ledger, "b", 60), 0);
	assert_int_equal(ledger_suspension_over(ledger, 49, &s), -ENOENT);
	assert_int_equal(ledger_suspension_over(ledger, 50, &s), 0);
	assert_string_equal(s.user, "c");
	assert_int_equal(ledger_user_resume(ledger, "c", 60), 0);
	assert_int_equal(ledger_suspension_over(ledger, INT64_MAX, &s), -ENOENT);
	assert_int_equal(of("a").until, 0);
}

static void assert_account(const char *user, const char *refused)
{
	char text[ACCOUNT_TEXT] = "x";
	assert_int_equal(ledger_account(ledger, user, text), 0);
	assert_string_equal(text, refused);
}

static const char *next_account(int64_t before)
{
	static char name[USER_NAME_MAX + 1];
	int r = ledger_account_next(ledger, before, name);
	return r == -ENOENT ? "nobody" : r ? "error" : name;
}

static unsigned number(int (*count)(struct ledger *, unsigned *))
{
	unsigned n = 99;
	assert_int_equal(count(ledger, &n), 0);
	return n;
}

/* Each user of a device that could come in is looked at in turn, whoever was looked at longest ago first. */
static void test_accounts(void **state)
{
	(void)state;
	assert_int_equal(number(ledger_account_users), 0);
	assert_string_equal(next_account(INT64_MAX), "nobody");
	add(1);
	add(2);
	struct device group = new_device(3);
	group.user_count = 1;
	snprintf(group.users[0], sizeof group.users[0], "@soumu");
	assert_int_equal(ledger_device_add(ledger, &group, &net4, &net6, NULL, 1), 0);
	assert_int_equal(number(ledger_account_users), 3);
	assert_string_equal(next_account(100), "t-yamada");
	assert_int_equal(ledger_account_note(ledger, "t-yamada", "", 50), 0);
	assert_string_equal(next_account(100), "user1@example.go.jp");
	assert_int_equal(ledger_account_note(ledger, "user1@example.go.jp", "account-expired", 60), 0);
	assert_int_equal(ledger_account_note(ledger, "user2@example.go.jp", "", 70), 0);
	assert_string_equal(next_account(50), "nobody");
	assert_string_equal(next_account(51), "t-yamada");
	assert_account("t-yamada", "");
	assert_account("user1@example.go.jp", "account-expired");
	assert_account("never-seen", "");
}

static void test_devices_of_leavers(void **state)
{
	(void)state;
	add(1);
	struct device second = add(2);
	add(3);
	assert_int_equal(number(ledger_leavers_devices), 0);
	assert_int_equal(ledger_account_note(ledger, "user2@example.go.jp", "user-unknown", 10), 0);
	assert_int_equal(number(ledger_leavers_devices), 1);
	assert_int_equal(ledger_account_note(ledger, "t-yamada", "account-expired", 20), 0);
	assert_int_equal(number(ledger_leavers_devices), 3); /* the one with two leavers once */
	assert_int_equal(ledger_device_status(ledger, second.id, DEVICE_SUSPENDED, NULL, NULL, 25), 0);
	assert_int_equal(number(ledger_leavers_devices), 3);
	assert_int_equal(ledger_device_status(ledger, second.id, DEVICE_REVOKED, NULL, NULL, 30), 0);
	assert_int_equal(number(ledger_leavers_devices), 2);
	assert_int_equal(number(ledger_account_users), 3); /* those of devices that could come in */
	assert_int_equal(ledger_account_note(ledger, "t-yamada", "", 40), 0);
	assert_int_equal(number(ledger_leavers_devices), 0);
}

static uint32_t run_session(uint32_t device, int64_t opened, int64_t ended)
{
	struct session_row row = {.device = device, .user = "t-yamada", .opened = opened, .expires = opened + 1000};
	assert_int_equal(endpoint_parse("[2001:db8::9]:4711", &row.endpoint), 0);
	assert_int_equal(ledger_session_open(ledger, &row), 0);
	row.ended = ended;
	row.end_reason = END_LOGOUT;
	row.connections = 7;
	if (ended)
		assert_int_equal(ledger_session_end(ledger, &row), 0);
	return row.serial;
}

struct seen {
	uint32_t serials[4];
	unsigned count, most;
};

static bool note_session(const struct session_row *row, void *arg)
{
	struct seen *seen = arg;
	char endpoint[ENDPOINT_TEXT];
	seen->serials[seen->count++] = row->serial;
	assert_string_equal(row->user, "t-yamada");
	assert_string_equal(endpoint_format(&row->endpoint, endpoint), "[2001:db8::9]:4711");
	assert_int_equal(row->end_reason, row->ended ? END_LOGOUT : END_NONE);
	assert_int_equal(row->connections, row->ended ? 7 : 0);
	return seen->count < seen->most;
}

static struct seen sessions_since(uint32_t device, int64_t since, unsigned most)
{
	struct seen seen = {.most = most};
	assert_int_equal(ledger_sessions_since(ledger, device, since, note_session, &seen), 0);
	return seen;
}

static void test_sessions_since(void **state)
{
	(void)state;
	uint32_t mine = add(1).id, other = add(2).id;
	uint32_t first = run_session(mine, 100, 200);
	run_session(other, 100, 0);
	uint32_t second = run_session(mine, 300, 400), open = run_session(mine, 500, 0);
	struct seen seen = sessions_since(mine, 200, 4);
	assert_int_equal(seen.count, 3);
	assert_int_equal(seen.serials[0], first);
	assert_int_equal(seen.serials[1], second);
	assert_int_equal(seen.serials[2], open);
	assert_int_equal(sessions_since(mine, 201, 4).count, 2);
	assert_int_equal(sessions_since(mine, INT64_MAX, 4).count, 1); /* what is open still lives */
	assert_int_equal(sessions_since(mine, 0, 1).count, 1);
	assert_int_equal(sessions_since(99, 0, 4).count, 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_suspensions),
		TEST(test_suspensions_refused),
		TEST(test_suspensions_in_order),
		TEST(test_accounts),
		TEST(test_devices_of_leavers),
		TEST(test_sessions_since),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

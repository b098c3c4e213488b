/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the ledger keeps to look back: generations of ACLs, users' groups, devices' states, and what was said once. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/message.h"
#include "gateway/ledger_internal.h"
#include "tests/unit/scratch.h"

static char folder[SCRATCH_PATH], path[SCRATCH_PATH], why[1024];
static struct ledger *ledger;
static struct prefix net4;

static int setup(void **state)
{
	(void)state;
	scratch_path(path, scratch_make(folder), "ledger.db");
	prefix_parse("10.64.0.0/16", &net4);
	return ledger_open(path, &ledger, why, sizeof why);
}

static int teardown(void **state)
{
	(void)state;
	ledger_close(ledger);
	ledger = NULL;
	scratch_remove(folder);
	return 0;
}

static void reopen(void)
{
	ledger_close(ledger);
	ledger = NULL;
	assert_int_equal(ledger_open(path, &ledger, why, sizeof why), 0);
}

/* ---- generations ---- */

static struct generation new_generation(unsigned changes)
{
	struct generation g = {.archived = 5, .applied = 99, .uid = 1000, .files = 4, .rules = 7};
	assert_int_equal(ledger_generation_next(ledger, &g.number), 0);
	snprintf(g.who, sizeof g.who, "kanri");
	memset(g.sha256, 'a', sizeof g.sha256 - 1);
	g.bytes = 100;
	snprintf(g.internal, sizeof g.internal, "10.20.0.0/16 fd64::/64");
	snprintf(g.time_zone, sizeof g.time_zone, "Asia/Tokyo");
	g.change_total = g.change_count = changes;
	if (changes)
		g.changes = calloc(changes, sizeof *g.changes);
	for (unsigned i = 0; i < changes; i++)
		snprintf(g.changes[i], sizeof g.changes[i], "users/t-yamada.acl gains 総務課 %u", i);
	return g;
}

static uint64_t add(unsigned changes)
{
	struct generation g = new_generation(changes);
	assert_int_equal(ledger_generation_add(ledger, &g), 0);
	ledger_generation_clear(&g);
	return g.number;
}

static uint64_t number_in_force(void)
{
	struct generation g = {0};
	int r = ledger_generation_in_force(ledger, &g);
	ledger_generation_clear(&g);
	assert_true(r == 0 || r == -ENOENT);
	return r == 0 ? g.number : 0;
}

static void test_numbers_never_twice(void **state)
{
	uint64_t first = 0, second = 0;
	(void)state;
	assert_int_equal(ledger_generation_next(ledger, &first), 0);
	reopen();
	assert_int_equal(ledger_generation_next(ledger, &second), 0);
	assert_true(second > first && first > 0);
}

static void test_generation_round_trip(void **state)
{
	struct generation g = {0};
	(void)state;
	assert_int_equal(ledger_generation_in_force(ledger, &g), -ENOENT);
	assert_int_equal(ledger_generation_before(ledger, UINT64_MAX, &g), -ENOENT);
	uint64_t number = add(3);
	reopen();
	assert_int_equal(ledger_generation_before(ledger, UINT64_MAX, &g), 0);
	assert_int_equal(g.number, number);
	assert_int_equal(g.archived, 5);
	assert_int_equal(g.applied, 0);
	assert_int_equal(g.uid, 1000);
	assert_string_equal(g.who, "kanri");
	assert_int_equal(strlen(g.sha256), 64);
	assert_int_equal(g.files, 4);
	assert_int_equal(g.rules, 7);
	assert_int_equal(g.bytes, 100);
	assert_string_equal(g.internal, "10.20.0.0/16 fd64::/64");
	assert_string_equal(g.time_zone, "Asia/Tokyo");
	assert_int_equal(g.change_total, 3);
	assert_int_equal(g.change_count, 3);
	assert_string_equal(g.changes[2], "users/t-yamada.acl gains 総務課 2");
	ledger_generation_clear(&g);
	assert_int_equal(ledger_generation_before(ledger, number, &g), -ENOENT);
	add(0);
	uint64_t count = 0, bytes = 0;
	assert_int_equal(ledger_generation_totals(ledger, &count, &bytes), 0);
	assert_int_equal(count, 2);
	assert_int_equal(bytes, 200);
}

static void test_generation_in_force(void **state)
{
	(void)state;
	uint64_t one = add(0), two = add(2), three = add(1);
	assert_int_equal(number_in_force(), 0);
	assert_int_equal(ledger_generation_enforce(ledger, one, 10), 0);
	assert_int_equal(number_in_force(), one);
	assert_int_equal(ledger_generation_enforce(ledger, one, 11), -ENOENT);
	assert_int_equal(ledger_generation_enforce(ledger, three, 12), 0);
	reopen();
	assert_int_equal(number_in_force(), three);
	/* Never back: an older one comes into force again only under a new number. */
	assert_int_equal(ledger_generation_enforce(ledger, two, 13), -ENOENT);
	assert_int_equal(number_in_force(), three);
	assert_int_equal(ledger_generation_enforce(ledger, three + 1, 13), -ENOENT);
}

static void test_generation_order(void **state)
{
	struct generation g = {0};
	uint64_t number = UINT64_MAX, expected = 0;
	(void)state;
	for (unsigned i = 0; i < 5; i++)
		expected = add(i);
	assert_int_equal(ledger_generation_drop(ledger, 2), 0);
	for (; !ledger_generation_before(ledger, number, &g); number = g.number, expected -= expected == 3 ? 2 : 1) {
		assert_int_equal(g.number, expected);
		assert_int_equal(g.change_count, g.number - 1);
		ledger_generation_clear(&g);
	}
	assert_int_equal(expected, 0);
}

static void test_generation_drop(void **state)
{
	int64_t left = 0;
	(void)state;
	uint64_t one = add(3), two = add(3);
	assert_int_equal(ledger_generation_enforce(ledger, one, 10), 0);
	assert_int_equal(ledger_generation_drop(ledger, one), -ENOENT);
	assert_int_equal(ledger_generation_drop(ledger, two), 0);
	assert_int_equal(ledger_generation_drop(ledger, two), -ENOENT);
	assert_int_equal(ledger_integer(ledger->db, "SELECT count(*) FROM generation_change", &left), 0);
	assert_int_equal(left, 3);
	assert_true(add(0) > two);
}

static void test_generation_refused(void **state)
{
	(void)state;
	struct generation g = new_generation(1);
	assert_int_equal(ledger_generation_add(ledger, &g), 0);
	assert_int_equal(ledger_generation_add(ledger, &g), -EEXIST);
	assert_int_equal(ledger_generation_next(ledger, &g.number), 0);
	memset(g.changes[0], 'x', sizeof g.changes[0]);
	assert_int_equal(ledger_generation_add(ledger, &g), -EINVAL);
	snprintf(g.changes[0], sizeof g.changes[0], "\xff");
	assert_int_equal(ledger_generation_add(ledger, &g), -EINVAL);
	g.changes[0][0] = '\0';
	g.change_count = GENERATION_CHANGES_MAX + 1;
	assert_int_equal(ledger_generation_add(ledger, &g), -EINVAL);
	g.change_count = 1;
	g.sha256[3] = '\0';
	assert_int_equal(ledger_generation_add(ledger, &g), -EINVAL);
	g.sha256[3] = 'a';
	assert_int_equal(ledger_generation_add(ledger, &g), 0);
	ledger_generation_clear(&g);
}

/* ---- groups ---- */

static int note(const char *user, const char *names, int64_t now)
{
	static char groups[GROUPS_MAX + 1][USER_NAME_MAX + 1];
	uint16_t count = 0;
	for (const char *s = names; *s; s += strspn(s, " ")) {
		size_t n = strcspn(s, " ");
		snprintf(groups[count++], sizeof *groups, "%.*s", (int)n, s);
		s += n;
	}
	return ledger_groups_note(ledger, user, groups, count, now);
}

static void assert_groups(const char *user, int64_t at, int64_t observed, const char *names)
{
	struct user_groups g;
	char text[512] = "";
	assert_int_equal(ledger_groups_at(ledger, user, at, &g), 0);
	assert_int_equal(g.observed, observed);
	for (unsigned i = 0; i < g.count; i++)
		snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", i ? " " : "", g.names[i]);
	assert_string_equal(text, names);
	ledger_groups_clear(&g);
}

static void test_groups(void **state)
{
	struct user_groups g;
	(void)state;
	assert_int_equal(ledger_groups_at(ledger, "t-yamada", INT64_MAX, &g), -ENOENT);
	assert_int_equal(note("t-yamada", "soumu all", 10), 1);
	assert_int_equal(note("t-yamada", "all soumu soumu", 20), 0);
	assert_int_equal(note("h-sato", "zaimu", 15), 1);
	assert_int_equal(note("t-yamada", "", 30), 1);
	assert_int_equal(note("t-yamada", "", 31), 0);
	reopen();
	assert_int_equal(note("t-yamada", "all soumu", 40), 1);
	assert_int_equal(ledger_groups_at(ledger, "t-yamada", 9, &g), -ENOENT);
	assert_groups("t-yamada", 10, 10, "all soumu");
	assert_groups("t-yamada", 29, 10, "all soumu");
	assert_groups("t-yamada", 30, 30, "");
	assert_groups("t-yamada", INT64_MAX, 40, "all soumu");
	assert_groups("h-sato", 29, 15, "zaimu");
}

/* The last word counts, also when the clock was set back meanwhile. */
static void test_groups_and_a_clock_set_back(void **state)
{
	(void)state;
	assert_int_equal(note("u", "a", 50), 1);
	assert_int_equal(note("u", "b", 20), 1);
	assert_int_equal(note("u", "b", 20), 0);
	assert_int_equal(note("u", "a", 20), 1);
	assert_groups("u", 30, 20, "a");
}

static void test_groups_refused_and_many(void **state)
{
	static char many[GROUPS_MAX + 1][USER_NAME_MAX + 1];
	struct user_groups g;
	(void)state;
	assert_int_equal(note("../etc", "a", 1), -EINVAL);
	assert_int_equal(note("u", "a -b", 1), -EINVAL);
	for (unsigned i = 0; i <= GROUPS_MAX; i++)
		snprintf(many[i], sizeof *many, "g%063u", GROUPS_MAX - i);
	assert_int_equal(ledger_groups_note(ledger, "u", many, GROUPS_MAX + 1, 1), -EINVAL);
	assert_int_equal(ledger_groups_note(ledger, "u", many, GROUPS_MAX, 1), 1);
	assert_int_equal(ledger_groups_at(ledger, "u", 1, &g), 0);
	assert_int_equal(g.count, GROUPS_MAX);
	assert_string_equal(g.names[0], many[GROUPS_MAX - 1]);
	assert_string_equal(g.names[GROUPS_MAX - 1], many[0]);
	ledger_groups_clear(&g);
}

/* ---- users and devices as they were ---- */

static uint32_t add_device(uint8_t number, int64_t now, const char *first, const char *second)
{
	struct device d = {.user_count = second ? 2 : 1, .public_key = {{number}}, .valid_until = number == 3 ? 500 : 0};
	snprintf(d.users[0], sizeof d.users[0], "%s", first);
	snprintf(d.users[1], sizeof d.users[1], "%s", second ? second : "");
	assert_int_equal(ledger_device_add(ledger, &d, &net4, NULL, NULL, now), 0);
	return d.id;
}

static int list(const struct device *d, void *arg)
{
	char *text = arg;
	snprintf(text + strlen(text), 8, "%u ", d->id);
	return 0;
}

static void assert_devices(const char *user, int64_t at, const char *ids)
{
	char text[64] = "";
	assert_int_equal(ledger_devices_of(ledger, user, at, list, text), 0);
	assert_string_equal(text, ids);
}

static void assert_users(int64_t at, const char *names)
{
	char name[USER_NAME_MAX + 1] = "", text[256] = "";
	int r;
	while (!(r = ledger_user_after(ledger, name, at, name)))
		snprintf(text + strlen(text), sizeof text - strlen(text), "%s ", name);
	assert_int_equal(r, -ENOENT);
	assert_string_equal(text, names);
}

static void test_devices_as_they_were(void **state)
{
	(void)state;
	add_device(1, 100, "t-yamada", NULL);
	add_device(2, 200, "h-sato", "t-yamada");
	add_device(3, 300, "t-yamada", NULL);
	assert_int_equal(ledger_device_status(ledger, 1, DEVICE_SUSPENDED, NULL, NULL, 310), 0);
	assert_int_equal(ledger_device_status(ledger, 1, DEVICE_ACTIVE, NULL, NULL, 320), 0);
	assert_int_equal(ledger_device_status(ledger, 1, DEVICE_LOST, NULL, NULL, 330), 0);
	assert_int_equal(ledger_device_status(ledger, 1, DEVICE_REVOKED, NULL, NULL, 340), 0);
	reopen();
	assert_users(99, "");
	assert_users(199, "t-yamada ");
	assert_users(INT64_MAX, "h-sato t-yamada ");
	/* members of a group that has a device: once somebody has looked at their groups */
	add_device(4, 600, "@kikaku", NULL);
	char groups[][USER_NAME_MAX + 1] = {"kikaku"};
	assert_int_equal(ledger_groups_note(ledger, "k-mori", groups, 1, 700), 1);
	assert_int_equal(ledger_groups_note(ledger, "t-yamada", groups, 1, 700), 1);
	assert_users(699, "@kikaku h-sato t-yamada ");
	assert_users(700, "@kikaku h-sato k-mori t-yamada ");
	assert_devices("@kikaku", 700, "4 ");
	assert_devices("t-yamada", 99, "");
	assert_devices("t-yamada", 100, "1 ");
	assert_devices("t-yamada", 309, "1 2 3 ");
	assert_devices("t-yamada", 310, "2 3 ");
	assert_devices("t-yamada", 320, "1 2 3 ");
	assert_devices("t-yamada", 335, "2 3 ");
	assert_devices("t-yamada", 499, "2 3 ");
	assert_devices("t-yamada", 500, "2 ");
	assert_devices("h-sato", 500, "2 ");
	assert_devices("nobody", 500, "");
}

/* ---- a session's groups ---- */

static void session_names(char *text, const struct session_row *row)
{
	for (unsigned i = 0; i < row->group_count; i++)
		snprintf(text + strlen(text), 16, "%s ", row->groups[i]);
}

static int show_groups(const struct session_row *row, void *arg)
{
	session_names(arg, row);
	return 0;
}

static void test_session_regroup(void **state)
{
	char two[2][USER_NAME_MAX + 1] = {"zaimu", "all"}, text[64] = "";
	(void)state;
	struct session_row row = {.device = add_device(1, 1, "u", NULL), .user = "u", .group_count = 1, .groups = two};
	assert_int_equal(ledger_session_open(ledger, &row), 0);
	row.group_count = 2;
	assert_int_equal(ledger_session_regroup(ledger, &row), 0);
	row.groups = NULL;
	reopen();
	assert_int_equal(ledger_sessions_live(ledger, show_groups, text), 0);
	assert_string_equal(text, "zaimu all ");
	row.group_count = 0;
	assert_int_equal(ledger_session_regroup(ledger, &row), 0);
	*text = '\0';
	assert_int_equal(ledger_sessions_live(ledger, show_groups, text), 0);
	assert_string_equal(text, "");
	row.ended = 5;
	row.end_reason = END_KICKED;
	assert_int_equal(ledger_session_end(ledger, &row), 0);
	assert_int_equal(ledger_session_regroup(ledger, &row), -ENOENT);
}

/* ---- notices ---- */

static void test_notice_once(void **state)
{
	char key[NOTICE_KEY_MAX + 2] = "";
	(void)state;
	assert_int_equal(ledger_notice_once(ledger, "users/t-yamada.acl:3 2027-03-31", 1), 1);
	assert_int_equal(ledger_notice_once(ledger, "users/t-yamada.acl:3 2027-03-31", 2), 0);
	reopen();
	assert_int_equal(ledger_notice_once(ledger, "users/t-yamada.acl:3 2027-03-31", 3), 0);
	assert_int_equal(ledger_notice_once(ledger, "users/t-yamada.acl:3 2027-04-30", 3), 1);
	assert_int_equal(ledger_notice_once(ledger, "", 3), -EINVAL);
	memset(key, 'k', NOTICE_KEY_MAX);
	assert_int_equal(ledger_notice_once(ledger, key, 3), 1);
	key[NOTICE_KEY_MAX] = 'k';
	assert_int_equal(ledger_notice_once(ledger, key, 3), -EINVAL);
}

/* ---- files that earlier schemas made ---- */

static void make_version(size_t version, const char *filled)
{
	ledger_close(ledger);
	ledger = NULL;
	scratch_remove(folder);
	scratch_path(path, scratch_make(folder), "ledger.db");
	assert_int_equal(ledger_open_steps(path, ledger_steps, version, &ledger, why, sizeof why), 0);
	assert_int_equal(sqlite3_exec(ledger->db, filled, NULL, NULL, NULL), SQLITE_OK);
}

static void test_from_version_1(void **state)
{
	static const char filled[] =
		"INSERT INTO device VALUES (1, zeroblob(32), zeroblob(32), 'ministry', 'active', 'one', NULL, NULL, 0, 0, 100, "
		"100, 0, zeroblob(12));"
		"INSERT INTO device VALUES (2, randomblob(32), zeroblob(32), 'private', 'lost', 'two', NULL, NULL, 0, 0, 100, "
		"200, 0, zeroblob(12));"
		"INSERT INTO device_user VALUES (1, 0, 't-yamada'), (2, 0, 't-yamada'), (2, 1, 'h-sato');"
		"INSERT INTO session VALUES (1, 7, 1, 't-yamada', 150, 900, 0, 0, NULL, 0, 11, 12, 13, 14, 15);"
		"INSERT INTO session_group VALUES (1, 0, 'soumu');"
		"INSERT INTO counter VALUES ('acl-generation', 31)";
	char groups[64] = "";
	int64_t value = 0;
	uint64_t next = 0;
	struct device d;
	(void)state;
	make_version(1, filled);
	reopen();
	assert_int_equal(ledger_integer(ledger->db, "PRAGMA user_version", &value), 0);
	assert_int_equal(value, (int64_t)ledger_step_count);
	assert_int_equal(ledger_device_by_id(ledger, 2, &d), 0);
	assert_string_equal(d.label, "two");
	assert_int_equal(d.status, DEVICE_LOST);
	assert_int_equal(d.user_count, 2);
	assert_int_equal(ledger_sessions_live(ledger, show_groups, groups), 0);
	assert_string_equal(groups, "soumu ");
	assert_int_equal(ledger_integer(ledger->db, "SELECT source_bytes + connections FROM session", &value), 0);
	assert_int_equal(value, 26);
	assert_devices("t-yamada", 199, "1 2 ");
	assert_devices("t-yamada", 200, "1 ");
	assert_int_equal(number_in_force(), 0);
	assert_int_equal(ledger_generation_next(ledger, &next), 0);
	assert_int_equal(next, 32);
	assert_int_equal(note("t-yamada", "soumu", 10), 1);
	assert_int_equal(ledger_notice_once(ledger, "k", 1), 1);
}

/* What the second schema kept is as it was; who had changed a device then is not known, and nobody has resumed rights by it. */
static void test_from_version_2(void **state)
{
	static const char filled[] =
		"INSERT INTO device VALUES (1, randomblob(32), zeroblob(32), 'shared', 'suspended', 'one', x'0a400002', NULL, 5, "
		"9, "
		"100, 300, 250, zeroblob(12));"
		"INSERT INTO device_user VALUES (1, 0, 't-yamada'), (1, 1, 'h-sato');"
		"INSERT INTO device_history (device, since, status) VALUES (1, 100, 'active'), (1, 300, 'suspended');"
		"INSERT INTO generation VALUES (4, 1, 2, 0, 'kanri', "
		"'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 1, 1, 1, '', '', 0);"
		"INSERT INTO user_groups (user, observed, names) VALUES ('t-yamada', 20, 'soumu');";
	static const uint8_t timestamp[TAI64N_SIZE] = {1};
	struct status_change last;
	struct user_groups groups;
	struct device d;
	(void)state;
	make_version(2, filled);
	reopen();
	assert_int_equal(ledger_device_by_id(ledger, 1, &d), 0);
	assert_int_equal(d.status, DEVICE_SUSPENDED);
	assert_int_equal(d.device_class, CLASS_SHARED);
	assert_int_equal(d.last_seen, 250);
	assert_int_equal(d.endpoint.addr.family, 0);
	assert_int_equal(d.replaces, 0);
	assert_int_equal(d.key_since, d.created);
	assert_true(key_is_zero(&d.next_key));
	assert_int_equal(ledger_device_last_change(ledger, 1, &last), 0);
	assert_int_equal(last.since, 300);
	assert_int_equal(last.uid, -1);
	assert_string_equal(last.role, "");
	assert_int_equal(ledger_groups_at(ledger, "t-yamada", 30, &groups), 0);
	ledger_groups_clear(&groups);
	struct endpoint from = {.port = 1};
	assert_int_equal(addr_parse("192.0.2.1", &from.addr), 0);
	assert_int_equal(ledger_device_seen(ledger, 1, &d.public_key, timestamp, &from, 400), 0);
	assert_int_equal(ledger_device_status(ledger, 1, DEVICE_ACTIVE, NULL, NULL, 500), 0);
	reopen();
	assert_int_equal(ledger_device_by_id(ledger, 1, &d), 0);
	assert_true(endpoint_equal(&d.endpoint, &from));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_numbers_never_twice),
		TEST(test_generation_round_trip),
		TEST(test_generation_in_force),
		TEST(test_generation_order),
		TEST(test_generation_drop),
		TEST(test_generation_refused),
		TEST(test_groups),
		TEST(test_groups_and_a_clock_set_back),
		TEST(test_groups_refused_and_many),
		TEST(test_devices_as_they_were),
		TEST(test_session_regroup),
		TEST(test_notice_once),
		TEST(test_from_version_1),
		TEST(test_from_version_2),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the ledger promises about devices with their forms: all registered or none, and every change noted. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "gateway/ledger_record.h"
#include "tests/unit/ledger_fixture.h"

static const struct actor admin = {.uid = 0, .name = "root", .role = ROLE_ADMIN};

static struct ledger_entry entry(uint32_t number, const char *applicant)
{
	struct ledger_entry e = {.record.device = new_device(number), .result = 77};
	snprintf(e.record.form.text[FORM_APPLICANT], FORM_TEXT, "%s", applicant);
	return e;
}

static int register_all(struct ledger_entry *list, size_t count, bool rehearse)
{
	return ledger_devices_add(ledger, list, count, &net4, &net6, &admin, rehearse, 1000);
}

static int count_one(const struct device *d, void *arg)
{
	(void)d;
	++*(unsigned *)arg;
	return 0;
}

static unsigned devices(void)
{
	unsigned n = 0;
	assert_int_equal(ledger_devices(ledger, count_one, &n), 0);
	return n;
}

static void assert_form(uint32_t id, enum form_field field, const char *text)
{
	struct device_form form;
	assert_int_equal(ledger_form(ledger, id, &form), 0);
	assert_string_equal(form.text[field], text);
}

static void test_several_at_once(void **state)
{
	(void)state;
	struct ledger_entry list[] = {entry(1, "山田"), entry(2, ""), entry(3, "鈴木")};
	assert_int_equal(register_all(list, 3, false), 0);
	reopen();
	assert_int_equal(devices(), 3);
	for (unsigned i = 0; i < 3; i++) {
		struct device d;
		assert_int_equal(list[i].result, 0);
		assert_int_equal(ledger_device_by_id(ledger, list[i].record.device.id, &d), 0);
		assert_true(addr_equal(&d.v4, &list[i].record.device.v4) && addr_equal(&d.v6, &list[i].record.device.v6));
		assert_true(i == 0 || !addr_equal(&d.v4, &list[i - 1].record.device.v4));
	}
	assert_form(list[0].record.device.id, FORM_APPLICANT, "山田");
	assert_form(list[1].record.device.id, FORM_APPLICANT, "");
	assert_form(list[2].record.device.id, FORM_APPLICANT, "鈴木");
	assert_form(list[2].record.device.id, FORM_SERIAL, "");
	assert_form(4711, FORM_APPLICANT, "");
}

/* Every entry whose key is taken is named, and nothing of the others is kept. */
static void test_all_or_none(void **state)
{
	(void)state;
	add(1);
	struct ledger_entry list[] = {entry(2, "a"), entry(1, "b"), entry(3, "c"), entry(2, "d")};
	assert_int_equal(register_all(list, 4, false), -EEXIST);
	assert_int_equal(list[0].result, 0);
	assert_int_equal(list[1].result, -EEXIST);
	assert_int_equal(list[2].result, 0);
	assert_int_equal(list[3].result, -EEXIST);
	assert_int_equal(devices(), 1);
	/* a mistake that is no device's own ends it at once */
	struct ledger_entry bad[] = {entry(4, "a"), entry(5, "b")};
	bad[1].record.device.label[0] = '\xff';
	assert_int_equal(register_all(bad, 2, false), -EINVAL);
	assert_int_equal(devices(), 1);
}

static void test_a_rehearsal_keeps_nothing(void **state)
{
	(void)state;
	struct ledger_entry list[] = {entry(1, "a"), entry(2, "b")};
	assert_int_equal(register_all(list, 2, true), 0);
	assert_int_equal(devices(), 0);
	assert_int_equal(register_all(list, 2, false), 0);
	struct ledger_entry again[] = {entry(1, "a")};
	assert_int_equal(register_all(again, 1, true), -EEXIST);
	assert_int_equal(devices(), 2);
}

/* The history as the ledger keeps it: "field: before > after by who". */
static void assert_history(const char *expected)
{
	char text[1024] = "";
	sqlite3_stmt *s;
	assert_int_equal(
		sqlite3_prepare_v2(ledger->db,
			"SELECT field || ': ' || before || ' > ' || after || ' by ' || who FROM device_change ORDER BY rowid", -1,
			&s, NULL),
		SQLITE_OK);
	while (sqlite3_step(s) == SQLITE_ROW)
		snprintf(text + strlen(text), sizeof text - strlen(text), "%s\n", (const char *)sqlite3_column_text(s, 0));
	sqlite3_finalize(s);
	assert_string_equal(text, expected);
}

static void test_a_change_notes_each_field(void **state)
{
	(void)state;
	struct ledger_entry e = entry(1, "山田");
	assert_int_equal(register_all(&e, 1, false), 0);
	struct device_record after = e.record;
	snprintf(after.device.label, sizeof after.device.label, "予備機");
	after.device.device_class = CLASS_SHARED;
	after.device.user_count = 1;
	snprintf(after.device.users[0], sizeof after.device.users[0], "@soumu");
	snprintf(after.form.text[FORM_APPLICANT], FORM_TEXT, "鈴木");
	snprintf(after.form.text[FORM_SERIAL], FORM_TEXT, "A-77");
	assert_int_equal(ledger_record_change(ledger, &e.record, &after, &admin, 2000), 0);
	assert_history("label: 総務課 1 > 予備機 by root\n"
		       "users: t-yamada user1@example.go.jp > @soumu by root\n"
		       "class: private > shared by root\n"
		       "applicant: 山田 > 鈴木 by root\n"
		       "serial:  > A-77 by root\n");
	reopen();
	struct device d;
	assert_int_equal(ledger_device_by_id(ledger, e.record.device.id, &d), 0);
	assert_string_equal(d.label, "予備機");
	assert_int_equal(d.device_class, CLASS_SHARED);
	assert_int_equal(d.user_count, 1);
	assert_string_equal(d.users[0], "@soumu");
	assert_form(d.id, FORM_APPLICANT, "鈴木");
	assert_form(d.id, FORM_SERIAL, "A-77");
	/* emptied again */
	struct device_record emptied = after;
	emptied.form.text[FORM_SERIAL][0] = '\0';
	assert_int_equal(ledger_record_change(ledger, &after, &emptied, NULL, 3000), 0);
	assert_form(d.id, FORM_SERIAL, "");
	assert_form(d.id, FORM_APPLICANT, "鈴木");
}

static void test_no_change_writes_nothing(void **state)
{
	(void)state;
	struct ledger_entry e = entry(1, "山田");
	assert_int_equal(register_all(&e, 1, false), 0);
	assert_int_equal(ledger_record_change(ledger, &e.record, &e.record, &admin, 2000), 0);
	assert_history("");
}

static void test_changes_refused(void **state)
{
	(void)state;
	struct ledger_entry e = entry(1, "山田");
	assert_int_equal(register_all(&e, 1, false), 0);
	struct device_record after = e.record, gone = e.record, renamed;
	after.device.label[0] = '\xff';
	assert_int_equal(ledger_record_change(ledger, &e.record, &after, &admin, 2000), -EINVAL);
	after = e.record;
	after.device.id++;
	assert_int_equal(ledger_record_change(ledger, &e.record, &after, &admin, 2000), -EINVAL);
	gone.device.id = 4711;
	renamed = gone;
	snprintf(renamed.device.label, sizeof renamed.device.label, "x");
	assert_int_equal(ledger_record_change(ledger, &gone, &renamed, &admin, 2000), -ENOENT);
	assert_history(""); /* nor is anything left of what came before the mistake was found */
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_several_at_once),
		TEST(test_all_or_none),
		TEST(test_a_rehearsal_keeps_nothing),
		TEST(test_a_change_notes_each_field),
		TEST(test_no_change_writes_nothing),
		TEST(test_changes_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the ledger promises about devices; sessions are the matter of test_ledger_session.c, its file that of test_ledger_file.c.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/ledger_fixture.h"

static void assert_same(const struct device *a, const struct device *b)
{
	char one[ADDR_TEXT], two[ADDR_TEXT];
	assert_int_equal(a->id, b->id);
	assert_memory_equal(&a->public_key, &b->public_key, sizeof a->public_key);
	assert_memory_equal(&a->preshared, &b->preshared, sizeof a->preshared);
	assert_int_equal(a->device_class, b->device_class);
	assert_int_equal(a->status, b->status);
	assert_string_equal(a->label, b->label);
	assert_string_equal(addr_format(&a->v4, one), addr_format(&b->v4, two));
	assert_string_equal(addr_format(&a->v6, one), addr_format(&b->v6, two));
	assert_int_equal(a->valid_from, b->valid_from);
	assert_int_equal(a->valid_until, b->valid_until);
	assert_int_equal(a->created, b->created);
	assert_int_equal(a->changed, b->changed);
	assert_int_equal(a->last_seen, b->last_seen);
	assert_memory_equal(a->last_timestamp, b->last_timestamp, TAI64N_SIZE);
	assert_int_equal(a->user_count, b->user_count);
	for (unsigned i = 0; i < a->user_count; i++)
		assert_string_equal(a->users[i], b->users[i]);
}

static void test_device_round_trip(void **state)
{
	char text[ADDR_TEXT];
	(void)state;
	struct device d = add(1), found = {0};
	assert_int_equal(d.id, 1);
	assert_int_equal(d.created, 1001);
	assert_int_equal(d.changed, 1001);
	assert_string_equal(addr_format(&d.v4, text), "10.64.0.2");
	assert_string_equal(addr_format(&d.v6, text), "fd64::2");
	for (int again = 0; again < 2; again++) {
		assert_int_equal(ledger_device_by_id(ledger, 1, &found), 0);
		assert_same(&found, &d);
		assert_int_equal(ledger_device_by_key(ledger, &d.public_key, &found), 0);
		assert_same(&found, &d);
		assert_int_equal(ledger_device_by_address(ledger, &d.v4, &found), 0);
		assert_same(&found, &d);
		assert_int_equal(ledger_device_by_address(ledger, &d.v6, &found), 0);
		assert_same(&found, &d);
		reopen();
	}
}

static void test_device_not_found(void **state)
{
	(void)state;
	struct device found, before;
	struct key k = {{1}};
	struct addr none = {0}, a = {.family = 4, .bytes = {10, 64, 0, 2}};
	memset(&found, 0x77, sizeof found);
	memcpy(&before, &found, sizeof found);
	assert_int_equal(ledger_device_by_id(ledger, 1, &found), -ENOENT);
	assert_int_equal(ledger_device_by_key(ledger, &k, &found), -ENOENT);
	assert_int_equal(ledger_device_by_address(ledger, &a, &found), -ENOENT);
	assert_int_equal(ledger_device_by_address(ledger, &none, &found), -ENOENT);
	assert_memory_equal(&found, &before, sizeof found);
	assert_int_equal(ledger_device_status(ledger, 9, DEVICE_LOST, NULL, NULL, 1), -ENOENT);
	assert_int_equal(ledger_device_seen(ledger, 9, &before.public_key, before.last_timestamp, &nowhere, 1), -ENOENT);
}

static void test_device_refused(void **state)
{
	(void)state;
	struct device good = add(1), d = new_device(1), before = d;
	assert_int_equal(ledger_device_add(ledger, &d, &net4, &net6, NULL, 1), -EEXIST);
	assert_memory_equal(&d, &before, sizeof d);
	assert_int_equal(ledger_device_status(ledger, good.id, DEVICE_REVOKED, NULL, NULL, 2), 0);
	assert_int_equal(ledger_device_add(ledger, &d, &net4, &net6, NULL, 1), -EEXIST);
	d = new_device(2);
	memset(&d.public_key, 0, sizeof d.public_key);
	assert_int_equal(ledger_device_add(ledger, &d, &net4, &net6, NULL, 1), -EINVAL);
	d = new_device(2);
	snprintf(d.users[1], sizeof d.users[1], "../etc");
	assert_int_equal(ledger_device_add(ledger, &d, &net4, &net6, NULL, 1), -EINVAL);
	d = new_device(2);
	memcpy(d.users[1], d.users[0], sizeof d.users[1]);
	assert_int_equal(ledger_device_add(ledger, &d, &net4, &net6, NULL, 1), -EINVAL);
	d = new_device(2);
	d.user_count = DEVICE_USERS_MAX + 1;
	assert_int_equal(ledger_device_add(ledger, &d, &net4, &net6, NULL, 1), -EINVAL);
	d = new_device(2);
	memset(d.label, 'x', sizeof d.label);
	assert_int_equal(ledger_device_add(ledger, &d, &net4, &net6, NULL, 1), -EINVAL);
	d = new_device(2);
	snprintf(d.label, sizeof d.label, "\xff");
	assert_int_equal(ledger_device_add(ledger, &d, &net4, &net6, NULL, 1), -EINVAL);
	d = new_device(2);
	d.device_class = DEVICE_CLASSES;
	assert_int_equal(ledger_device_add(ledger, &d, &net4, &net6, NULL, 1), -EINVAL);
	/* No refusal has used up an id or an address. */
	d = add(2);
	assert_int_equal(d.id, 2);
	assert_int_equal(d.v4.bytes[3], 3);
}

static void test_many_users(void **state)
{
	(void)state;
	struct device d = new_device(1), found;
	d.user_count = DEVICE_USERS_MAX;
	for (unsigned i = 0; i < DEVICE_USERS_MAX; i++) {
		memset(d.users[i], 'a', USER_NAME_MAX);
		d.users[i][USER_NAME_MAX] = '\0';
		d.users[i][0] = (char)('A' + i % 26);
		d.users[i][1] = (char)('a' + i / 26);
	}
	assert_int_equal(ledger_device_add(ledger, &d, &net4, NULL, NULL, 1), 0);
	assert_int_equal(d.v6.family, 0);
	assert_int_equal(ledger_device_by_id(ledger, d.id, &found), 0);
	assert_same(&found, &d);
	struct device nobody = new_device(2);
	nobody.user_count = 0;
	assert_int_equal(ledger_device_add(ledger, &nobody, &net4, NULL, NULL, 1), 0);
	assert_int_equal(ledger_device_by_id(ledger, nobody.id, &found), 0);
	assert_int_equal(found.user_count, 0);
}

/* A /28 has 16 addresses; without its own, the gateway's and the broadcast address 13 devices fit. */
static void test_network_used_up(void **state)
{
	(void)state;
	struct device d;
	char text[ADDR_TEXT];
	prefix_parse("10.9.0.16/28", &net4);
	for (uint32_t i = 0; i < 13; i++) {
		d = add(i + 1);
		assert_int_equal(d.v4.bytes[3], 18 + i);
	}
	assert_string_equal(addr_format(&d.v4, text), "10.9.0.30");
	for (int again = 0; again < 2; again++) {
		struct device one_more = new_device(14);
		assert_int_equal(ledger_device_add(ledger, &one_more, &net4, &net6, NULL, 1), -EADDRNOTAVAIL);
		assert_int_equal(one_more.id, 0);
		/* Revoked or not, an address that somebody had is never given to somebody else. */
		assert_int_equal(ledger_device_status(ledger, 3, DEVICE_REVOKED, NULL, NULL, 2), 0);
		reopen();
	}
	/* Another network goes on, and one that overlaps an old one passes over what was given. */
	prefix_parse("10.9.0.0/24", &net4);
	for (uint32_t i = 14; i < 14 + 14; i++)
		assert_int_equal(add(i).v4.bytes[3], i - 14 + 2);
	assert_int_equal(add(28).v4.bytes[3], 16);
	assert_int_equal(add(29).v4.bytes[3], 17);
	assert_int_equal(add(30).v4.bytes[3], 31);
}

static void test_small_networks(void **state)
{
	(void)state;
	struct device d = new_device(1);
	prefix_parse("10.9.0.0/31", &net4);
	assert_int_equal(ledger_device_add(ledger, &d, &net4, NULL, NULL, 1), -EADDRNOTAVAIL);
	prefix_parse("10.9.0.0/30", &net4);
	assert_int_equal(ledger_device_add(ledger, &d, &net4, NULL, NULL, 1), 0);
	assert_int_equal(d.v4.bytes[3], 2);
	d = new_device(2);
	assert_int_equal(ledger_device_add(ledger, &d, &net4, NULL, NULL, 1), -EADDRNOTAVAIL);
	/* IPv6 has no broadcast address. */
	prefix_parse("fd64::/126", &net6);
	for (uint32_t i = 2; i < 4; i++) {
		d = new_device(i);
		assert_int_equal(ledger_device_add(ledger, &d, NULL, &net6, NULL, 1), 0);
		assert_int_equal(d.v6.bytes[15], i);
	}
	d = new_device(4);
	assert_int_equal(ledger_device_add(ledger, &d, NULL, &net6, NULL, 1), -EADDRNOTAVAIL);
	prefix_parse("fd65::/32", &net6);
	assert_int_equal(ledger_device_add(ledger, &d, NULL, &net6, NULL, 1), 0);
}

static void test_status_matrix(void **state)
{
	static const bool allowed[DEVICE_STATUSES][DEVICE_STATUSES] = {
		/* to: active, suspended, lost, revoked */
		[DEVICE_ACTIVE] = {false, true, true, true},
		[DEVICE_SUSPENDED] = {true, false, true, true},
		[DEVICE_LOST] = {false, false, true, true},
		[DEVICE_REVOKED] = {false, false, false, true},
	};
	uint32_t number = 0;
	(void)state;
	for (enum device_status from = 0; from < DEVICE_STATUSES; from++)
		for (enum device_status to = 0; to < DEVICE_STATUSES; to++) {
			struct device d = add(++number), found;
			if (from != DEVICE_ACTIVE)
				assert_int_equal(ledger_device_status(ledger, d.id, from, NULL, NULL, 7000), 0);
			assert_int_equal(
				ledger_device_status(ledger, d.id, to, NULL, NULL, 8000), allowed[from][to] ? 0 : -EPERM);
			assert_int_equal(ledger_device_by_id(ledger, d.id, &found), 0);
			assert_int_equal(found.status, allowed[from][to] ? to : from);
			/* `changed` moves with a change, not with what was so before. */
			int64_t first = from == DEVICE_ACTIVE ? d.created : 7000;
			assert_int_equal(found.changed, allowed[from][to] && from != to ? 8000 : first);
		}
	assert_int_equal(ledger_device_status(ledger, 1, DEVICE_STATUSES, NULL, NULL, 1), -EPERM);
	assert_string_equal(device_status_name(DEVICE_ACTIVE), "active");
	assert_string_equal(device_status_name(DEVICE_SUSPENDED), "suspended");
	assert_string_equal(device_status_name(DEVICE_LOST), "lost");
	assert_string_equal(device_status_name(DEVICE_REVOKED), "revoked");
}

static void test_seen(void **state)
{
	uint8_t older[TAI64N_SIZE] = {0x40, 1}, newer[TAI64N_SIZE] = {0x40, 2};
	struct device d = add(1), found;
	(void)state;
	assert_int_equal(ledger_device_seen(ledger, d.id, &d.public_key, newer, &nowhere, 111), 0);
	assert_int_equal(ledger_device_seen(ledger, d.id, &d.public_key, older, &nowhere, 222), 0);
	assert_int_equal(ledger_device_by_id(ledger, d.id, &found), 0);
	assert_int_equal(found.last_seen, 222);
	assert_memory_equal(found.last_timestamp, newer, TAI64N_SIZE);
	assert_int_equal(found.changed, d.changed);
	assert_int_equal(found.endpoint.addr.family, 0);
}

static void test_seen_where(void **state)
{
	uint8_t timestamp[TAI64N_SIZE] = {0x40, 1};
	struct endpoint hotel = {.port = 40001}, street = {.port = 51000};
	struct device d = add(1), found;
	(void)state;
	assert_int_equal(addr_parse("203.0.113.77", &hotel.addr), 0);
	assert_int_equal(addr_parse("2001:db8::88", &street.addr), 0);
	for (int i = 0; i < 2; i++) {
		const struct endpoint *at = i ? &street : &hotel;
		assert_int_equal(ledger_device_seen(ledger, d.id, &d.public_key, timestamp, at, 111), 0);
		/* Where it is not known, the last place stays. */
		assert_int_equal(ledger_device_seen(ledger, d.id, &d.public_key, timestamp, &nowhere, 112), 0);
		assert_int_equal(ledger_device_by_id(ledger, d.id, &found), 0);
		assert_true(endpoint_equal(&found.endpoint, at));
	}
}

/* Who brought a device to the status that it has, and why. */
static void test_last_change(void **state)
{
	const struct actor desk = {.uid = 1001, .role = ROLE_DESK, .name = "d-desk"};
	char long_note[DEVICE_NOTE_MAX + 2] = "";
	struct status_change c;
	struct device d = add(1);
	(void)state;
	assert_int_equal(ledger_device_last_change(ledger, 9, &c), -ENOENT);
	assert_int_equal(ledger_device_last_change(ledger, d.id, &c), 0);
	assert_int_equal(c.uid, -1);
	assert_string_equal(c.role, "");
	assert_int_equal(ledger_device_status(ledger, d.id, DEVICE_SUSPENDED, &desk, "タクシー", 5000), 0);
	assert_int_equal(ledger_device_last_change(ledger, d.id, &c), 0);
	assert_int_equal(c.status, DEVICE_SUSPENDED);
	assert_int_equal(c.since, 5000);
	assert_int_equal(c.uid, 1001);
	assert_string_equal(c.who, "d-desk");
	assert_string_equal(c.role, "desk");
	assert_string_equal(c.note, "タクシー");
	memset(long_note, 'x', sizeof long_note - 1);
	assert_int_equal(ledger_device_status(ledger, d.id, DEVICE_LOST, &desk, long_note, 6000), -EINVAL);
	assert_int_equal(ledger_device_last_change(ledger, d.id, &c), 0);
	assert_int_equal(c.status, DEVICE_SUSPENDED);
}

struct walk {
	uint32_t ids[16];
	unsigned count, stop_at;
};

static int walk_devices(const struct device *d, void *arg)
{
	struct walk *w = arg;
	struct device again;
	w->ids[w->count++] = d->id;
	/* Calling back into the ledger, with a change even, is allowed. */
	assert_int_equal(ledger_device_by_id(ledger, d->id, &again), 0);
	assert_int_equal(ledger_device_status(ledger, d->id, DEVICE_LOST, NULL, NULL, 3), 0);
	return w->count == w->stop_at ? -EINTR : 0;
}

static void test_walk(void **state)
{
	struct walk all = {0}, some = {.stop_at = 2};
	(void)state;
	assert_int_equal(ledger_devices(ledger, walk_devices, &all), 0);
	assert_int_equal(all.count, 0);
	for (uint32_t i = 1; i <= 5; i++)
		add(i);
	assert_int_equal(ledger_devices(ledger, walk_devices, &all), 0);
	assert_int_equal(all.count, 5);
	for (uint32_t i = 0; i < 5; i++)
		assert_int_equal(all.ids[i], i + 1);
	assert_int_equal(ledger_devices(ledger, walk_devices, &some), -EINTR);
	assert_int_equal(some.count, 2);
}

static void test_device_ids(void **state)
{
	static const char *const bad[] = {
		"", "d", "d0", "d01", "7", "x7", "d-1", "d 1", "d1 ", "d4294967296", "d99999999999999999999999", "D7"};
	char text[DEVICE_ID_TEXT];
	uint32_t id = 42;
	(void)state;
	assert_string_equal(device_id_format(7, text), "d7");
	assert_string_equal(device_id_format(UINT32_MAX, text), "d4294967295");
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(device_id_parse(bad[i], &id), -EINVAL);
	assert_int_equal(id, 42);
	assert_int_equal(device_id_parse("d4294967295", &id), 0);
	assert_int_equal(id, UINT32_MAX);
}

/* ---- sessions ---- */

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_device_round_trip),
		TEST(test_device_not_found),
		TEST(test_device_refused),
		TEST(test_many_users),
		TEST(test_network_used_up),
		TEST(test_small_networks),
		TEST(test_status_matrix),
		TEST(test_seen),
		TEST(test_seen_where),
		TEST(test_last_change),
		TEST(test_walk),
		TEST(test_device_ids),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

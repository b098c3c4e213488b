/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A device's keys: one takes another's place, or comes to nothing; none comes back. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "gateway/device.h"
#include "tests/unit/ledger_fixture.h"

enum { UNTIL = 9000 };

static struct key_pair pair(uint8_t number)
{
	struct key_pair p;
	memset(&p.public_key, number, sizeof p.public_key);
	memset(&p.preshared, number + 1, sizeof p.preshared);
	return p;
}

static struct device by_key(const struct key *k)
{
	struct device d;
	assert_int_equal(ledger_device_by_key(ledger, k, &d), 0);
	assert_true(key_equal(&d.public_key, k));
	return d;
}

static struct device by_id(uint32_t id)
{
	struct device d;
	assert_int_equal(ledger_device_by_id(ledger, id, &d), 0);
	return d;
}

static bool is_zero(struct key k)
{
	return key_is_zero(&k);
}

static void rotate(const struct device *d, const struct key_pair *p)
{
	assert_int_equal(ledger_device_rotate(ledger, d->id, p, UNTIL, false, 2000), 0);
}

static void test_both_are_the_device(void **state)
{
	struct device d = add(1);
	struct key_pair next = pair(7);
	(void)state;
	assert_int_equal(d.key_since, d.created);
	assert_true(key_is_zero(&d.next_key));
	rotate(&d, &next);
	for (int again = 0; again < 2; again++) {
		struct device now = by_id(d.id), old = by_key(&d.public_key), new = by_key(&next.public_key);
		assert_true(key_equal(&now.public_key, &d.public_key));
		assert_true(key_equal(&now.next_key, &next.public_key));
		assert_int_equal(now.next_made, 2000);
		assert_int_equal(now.next_until, UNTIL);
		assert_int_equal(old.key_use, KEY_CURRENT);
		assert_true(key_equal(&old.preshared, &d.preshared));
		assert_int_equal(new.key_use, KEY_NEXT);
		assert_int_equal(new.id, d.id);
		assert_true(key_equal(&new.preshared, &next.preshared));
		assert_true(addr_equal(&new.v4, &d.v4));
		assert_string_equal(new.label, d.label);
		reopen();
	}
}

/* Each key has its own mark, since each may be on a phone with a clock of its own. */
static void test_marks(void **state)
{
	const uint8_t early[TAI64N_SIZE] = {0x40, 1}, late[TAI64N_SIZE] = {0x40, 9}, zero[TAI64N_SIZE] = {0};
	struct device d = add(1);
	struct key_pair next = pair(7), other = pair(9);
	(void)state;
	rotate(&d, &next);
	assert_int_equal(ledger_device_seen(ledger, d.id, &d.public_key, late, &nowhere, 3000), 0);
	assert_memory_equal(by_key(&next.public_key).last_timestamp, zero, TAI64N_SIZE);
	assert_int_equal(ledger_device_seen(ledger, d.id, &next.public_key, early, &nowhere, 3001), 0);
	assert_memory_equal(by_key(&next.public_key).last_timestamp, early, TAI64N_SIZE);
	assert_memory_equal(by_key(&d.public_key).last_timestamp, late, TAI64N_SIZE);
	assert_int_equal(by_id(d.id).last_seen, 3001);
	assert_int_equal(ledger_device_seen(ledger, d.id, &other.public_key, late, &nowhere, 3002), -ENOENT);

	assert_int_equal(ledger_key_promote(ledger, d.id, &next.public_key, 4000), 0);
	assert_memory_equal(by_id(d.id).last_timestamp, early, TAI64N_SIZE);
	/* Whoever has the old key need not have the device. */
	assert_int_equal(ledger_device_seen(ledger, d.id, &d.public_key, late, &nowhere, 5000), 0);
	assert_int_equal(by_id(d.id).last_seen, 3001);
	assert_memory_equal(by_key(&d.public_key).last_timestamp, late, TAI64N_SIZE);
}

static void test_promoted(void **state)
{
	struct device d = add(1), now;
	struct key_pair next = pair(7), other = pair(9);
	(void)state;
	rotate(&d, &next);
	assert_int_equal(ledger_key_promote(ledger, d.id, &other.public_key, 4000), -ENOENT);
	assert_int_equal(ledger_key_promote(ledger, d.id, &next.public_key, 4000), 0);
	assert_int_equal(ledger_key_promote(ledger, d.id, &next.public_key, 4001), -ENOENT);
	now = by_id(d.id);
	assert_true(key_equal(&now.public_key, &next.public_key));
	assert_true(key_equal(&now.preshared, &next.preshared));
	assert_true(key_is_zero(&now.next_key));
	assert_int_equal(now.key_since, 4000);
	assert_int_equal(now.created, d.created);
	assert_int_equal(by_key(&next.public_key).key_use, KEY_CURRENT);
	assert_int_equal(by_key(&d.public_key).key_use, KEY_RETIRED);
	assert_true(is_zero(by_key(&d.public_key).preshared));
	assert_int_equal(ledger_key_lapse(ledger, d.id, 4002), -ENOENT);
}

static void test_at_once(void **state)
{
	struct device d = add(1);
	struct key_pair next = pair(7);
	(void)state;
	assert_int_equal(ledger_device_rotate(ledger, d.id, &next, UNTIL, true, 2000), 0);
	assert_int_equal(by_key(&next.public_key).key_use, KEY_CURRENT);
	assert_int_equal(by_key(&d.public_key).key_use, KEY_RETIRED);
}

static void test_lapsed(void **state)
{
	struct device d = add(1), now;
	struct key_pair next = pair(7), other = pair(9);
	uint32_t id = 0;
	(void)state;
	assert_int_equal(ledger_key_overdue(ledger, INT64_MAX, &id), -ENOENT);
	rotate(&d, &next);
	rotate(&d, &other); /* in the place of the first */
	assert_int_equal(by_key(&next.public_key).key_use, KEY_LAPSED);
	assert_int_equal(by_key(&other.public_key).key_use, KEY_NEXT);
	assert_int_equal(ledger_key_overdue(ledger, UNTIL - 1, &id), -ENOENT);
	assert_int_equal(ledger_key_overdue(ledger, UNTIL, &id), 0);
	assert_int_equal(id, d.id);
	assert_int_equal(ledger_key_lapse(ledger, d.id, UNTIL), 0);
	assert_int_equal(ledger_key_overdue(ledger, UNTIL, &id), -ENOENT);
	now = by_id(d.id);
	assert_true(key_equal(&now.public_key, &d.public_key));
	assert_int_equal(now.key_since, d.key_since);
	assert_int_equal(by_key(&other.public_key).key_use, KEY_LAPSED);
}

static void test_never_twice(void **state)
{
	struct device one = add(1), two = add(2), three = new_device(3);
	struct key_pair first = pair(7), second = pair(9), own = {.public_key = one.public_key};
	(void)state;
	rotate(&one, &first);
	assert_int_equal(ledger_device_rotate(ledger, two.id, &first, UNTIL, false, 1), -EEXIST);
	assert_int_equal(ledger_device_rotate(ledger, two.id, &own, UNTIL, false, 1), -EEXIST);
	assert_int_equal(ledger_device_rotate(ledger, one.id, &own, UNTIL, true, 1), -EEXIST);
	assert_int_equal(ledger_device_rotate(ledger, one.id, &first, UNTIL, false, 1), -EEXIST);
	three.public_key = first.public_key;
	assert_int_equal(ledger_device_add(ledger, &three, &net4, &net6, NULL, 1), -EEXIST);
	rotate(&one, &second); /* the first lapses, */
	assert_int_equal(ledger_key_promote(ledger, one.id, &second.public_key, 1), 0); /* and the device's own is retired */
	assert_int_equal(ledger_device_rotate(ledger, two.id, &first, UNTIL, false, 1), -EEXIST);
	assert_int_equal(ledger_device_rotate(ledger, one.id, &own, UNTIL, false, 1), -EEXIST);
	assert_int_equal(ledger_device_add(ledger, &three, &net4, &net6, NULL, 1), -EEXIST);
	assert_true(is_zero(by_id(one.id).next_key));
	assert_true(is_zero(by_id(two.id).next_key));
}

static void test_only_who_may_come_in(void **state)
{
	static const int result[DEVICE_STATUSES] = {
		[DEVICE_ACTIVE] = 0, [DEVICE_SUSPENDED] = 0, [DEVICE_LOST] = -EPERM, [DEVICE_REVOKED] = -EPERM};
	struct key_pair none = {0}, unknown = pair(99);
	uint32_t id;
	(void)state;
	for (enum device_status s = DEVICE_ACTIVE; s < DEVICE_STATUSES; s++) {
		struct device d = add(10 + s);
		struct key_pair next = pair((uint8_t)(100 + 2 * s));
		if (s != DEVICE_ACTIVE)
			assert_int_equal(ledger_device_status(ledger, d.id, s, NULL, NULL, 1), 0);
		assert_int_equal(ledger_device_rotate(ledger, d.id, &next, UNTIL, false, 1), result[s]);
		assert_int_equal(ledger_device_rotate(ledger, d.id, &none, UNTIL, false, 1), -EINVAL);
		assert_int_equal(ledger_device_status(ledger, d.id, DEVICE_REVOKED, NULL, NULL, 1), 0);
	}
	assert_int_equal(ledger_device_rotate(ledger, 99, &unknown, UNTIL, false, 1), -ENOENT);
	/* Of devices that never come back nothing is due. */
	assert_int_equal(ledger_key_overdue(ledger, INT64_MAX, &id), -ENOENT);
}

static void test_what_admission_says(void **state)
{
	struct device d = add(1);
	struct key_pair next = pair(7), other = pair(9);
	struct device current, coming, lapsed, retired;
	(void)state;
	d.valid_from = d.valid_until = 0;
	rotate(&d, &next);
	coming = by_key(&next.public_key);
	coming.valid_from = coming.valid_until = 0;
	assert_null(device_judge(&coming, UNTIL - 1));
	assert_string_equal(device_judge(&coming, UNTIL), "key-lapsed");
	rotate(&d, &other);
	lapsed = by_key(&next.public_key);
	assert_string_equal(device_judge(&lapsed, 10), "key-lapsed");
	assert_int_equal(ledger_key_promote(ledger, d.id, &other.public_key, 3000), 0);
	retired = by_key(&d.public_key);
	assert_string_equal(device_judge(&retired, 10), "key-retired");
	current = by_key(&other.public_key);
	assert_null(device_judge(&current, 10));
	/* A lost phone is lost whatever it comes with. */
	assert_int_equal(ledger_device_status(ledger, d.id, DEVICE_LOST, NULL, NULL, 1), 0);
	retired = by_key(&d.public_key);
	assert_string_equal(device_judge(&retired, 10), "lost");
}

static int refuse(void *arg)
{
	(void)arg;
	return -ENOSPC;
}

static void test_unrecorded_is_undone(void **state)
{
	struct device d = add(1), found;
	struct key_pair next = pair(7), other = pair(9);
	(void)state;
	rotate(&d, &next);
	ledger_record_first(ledger, refuse, NULL);
	assert_int_equal(ledger_device_rotate(ledger, d.id, &other, UNTIL, true, 3000), -ENOSPC);
	ledger_record_first(ledger, NULL, NULL);
	assert_int_equal(by_key(&d.public_key).key_use, KEY_CURRENT);
	assert_int_equal(by_key(&next.public_key).key_use, KEY_NEXT);
	assert_int_equal(ledger_device_by_key(ledger, &other.public_key, &found), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_both_are_the_device, setup, teardown),
		cmocka_unit_test_setup_teardown(test_marks, setup, teardown),
		cmocka_unit_test_setup_teardown(test_promoted, setup, teardown),
		cmocka_unit_test_setup_teardown(test_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lapsed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_never_twice, setup, teardown),
		cmocka_unit_test_setup_teardown(test_only_who_may_come_in, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_admission_says, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unrecorded_is_undone, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The pure parts of sessions and admission: when a session ends and why, whether a change narrows it, who may come in. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "gateway/device.h"
#include "gateway/session_internal.h"

#define S INT64_C(1000000)

static void test_due_order(void **state)
{
	(void)state;
	struct session_times t = {.expires = 1000 * S, .active = 100 * S, .idle_seconds = 300};
	assert_int_equal(session_due(&t, 399 * S + 999999), END_NONE);
	assert_int_equal(session_due(&t, 400 * S), END_IDLE);
	t.active = 900 * S;
	assert_int_equal(session_due(&t, 1000 * S - 1), END_NONE);
	assert_int_equal(session_due(&t, 1000 * S), END_EXPIRED);
	t.device_until = 950 * S;
	assert_int_equal(session_due(&t, 949 * S), END_NONE);
	assert_int_equal(session_due(&t, 950 * S), END_PERIOD);
	t.device_until = 1000 * S;
	assert_int_equal(session_due(&t, 1000 * S), END_PERIOD);
}

/* Seen late, the reason is still the one whose instant came first. */
static void test_due_late(void **state)
{
	(void)state;
	struct session_times t = {.expires = 1000 * S, .device_until = 700 * S, .active = 100 * S, .idle_seconds = 300};
	assert_int_equal(session_due(&t, 5000 * S), END_IDLE);
	t.idle_seconds = 650;
	assert_int_equal(session_due(&t, 5000 * S), END_PERIOD);
	t.device_until = 0;
	t.idle_seconds = 2000;
	assert_int_equal(session_due(&t, 5000 * S), END_EXPIRED);
}

static struct profile_box box(
	const char *first, const char *last, uint8_t proto_first, uint8_t proto_last, uint16_t port_first, uint16_t port_last)
{
	struct profile_box b = {
		.proto_first = proto_first, .proto_last = proto_last, .port_first = port_first, .port_last = port_last};
	assert_int_equal(addr_parse(first, &b.first), 0);
	assert_int_equal(addr_parse(last, &b.last), 0);
	return b;
}

static void test_covers(void **state)
{
	(void)state;
	struct profile_box whole[] = {box("10.0.0.0", "10.0.0.255", 0, 255, 0, 65535)};
	struct profile_box split[] = {box("10.0.0.0", "10.0.0.9", 0, 255, 0, 65535),
		box("10.0.0.10", "10.0.0.255", 0, 5, 0, 65535), box("10.0.0.10", "10.0.0.255", 6, 6, 0, 444),
		box("10.0.0.10", "10.0.0.255", 6, 6, 446, 65535), box("10.0.0.10", "10.0.0.255", 7, 255, 0, 65535)};
	struct profile_box six[] = {box("2001:db8::", "2001:db8::ffff", 6, 6, 443, 443)};
	struct profile a = {.count = 1, .boxes = whole}, b = {.count = 5, .boxes = split}, c = {.count = 1, .boxes = six};
	assert_true(session_still_covers(&a, &a));
	assert_true(session_still_covers(&a, &b));
	assert_false(session_still_covers(&b, &a)); /* tcp 445 is missing */
	split[3].port_first = 445;
	assert_true(session_still_covers(&b, &a));
	assert_true(session_still_covers(&a, NULL));
	assert_false(session_still_covers(NULL, &a));
	assert_true(session_still_covers(NULL, NULL));
	assert_false(session_still_covers(&a, &c));
	assert_false(session_still_covers(&c, &a));
	split[0].last.bytes[3] = 8;
	assert_false(session_still_covers(&b, &a)); /* 10.0.0.9 is missing */
}

static void test_judge(void **state)
{
	(void)state;
	struct device d = {.status = DEVICE_ACTIVE};
	assert_null(device_judge(&d, 100 * S));
	d.valid_from = 101 * S;
	assert_string_equal(device_judge(&d, 100 * S), "not-yet-valid");
	assert_null(device_judge(&d, 101 * S));
	d.valid_until = 200 * S;
	assert_null(device_judge(&d, 200 * S - 1));
	assert_string_equal(device_judge(&d, 200 * S), "expired");
	d.status = DEVICE_SUSPENDED;
	assert_string_equal(device_judge(&d, 150 * S), "suspended");
	d.status = DEVICE_LOST;
	assert_string_equal(device_judge(&d, 150 * S), "lost");
	d.status = DEVICE_REVOKED;
	assert_string_equal(device_judge(&d, 150 * S), "revoked");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_due_order),
		cmocka_unit_test(test_due_late),
		cmocka_unit_test(test_covers),
		cmocka_unit_test(test_judge),
	};
	return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}

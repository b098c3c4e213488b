/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The second lock: policy rules for an interface, in a network namespace of its own. */
#include "tests/unit/tunnel_fixture.h"

static void test_lock(void **state)
{
	(void)state;
	assert_int_equal(RUN("ip", "link", "add", "ska0", "type", "veth", "peer", "name", "ska0b"), 0);
	assert_int_equal(netif_up("ska0", 1280), 0);
	assert_int_equal(netif_up("ska0b", 1280), 0);
	assert_int_equal(RUN("ip", "route", "replace", "default", "dev", "va"), 0);
	assert_int_equal(RUN("ip", "-6", "route", "replace", "default", "dev", "va"), 0);
	assert_int_equal(RUN("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"), 0);
	assert_int_equal(netif_lock_check("ska0"), 0);
	assert_int_equal(netif_unlock("ska0"), 0);
#define GET4 RUN_QUIET("ip", "route", "get", "198.51.100.1", "from", "10.99.0.5", "iif", "ska0")
#define GET4_MARKED RUN_QUIET("ip", "route", "get", "198.51.100.1", "from", "10.99.0.5", "iif", "ska0", "mark", "0x1001")
#define GET6 RUN_QUIET("ip", "-6", "route", "get", "2001:db8::1", "from", "fd99::5", "iif", "ska0")
#define GET6_MARKED RUN_QUIET("ip", "-6", "route", "get", "2001:db8::1", "from", "fd99::5", "iif", "ska0", "mark", "0x1001")
	assert_int_equal(GET4, 0);
	assert_int_equal(GET6, 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(netif_lock("ska0"), 0);
		assert_int_equal(netif_lock_check("ska0"), 1);
	}
	assert_int_equal(netif_lock_check("ska1"), 0);
	assert_int_not_equal(GET4, 0);
	assert_int_equal(GET4_MARKED, 0);
	assert_int_not_equal(GET6, 0);
	assert_int_equal(GET6_MARKED, 0);
	/* One rule of each family, although it was asked for twice. */
	assert_int_equal(RUN_QUIET("ip", "rule", "del", "pref", "90"), 0);
	assert_int_not_equal(RUN_QUIET("ip", "rule", "del", "pref", "90"), 0);
	assert_int_equal(netif_lock_check("ska0"), 0);
	assert_int_equal(RUN_QUIET("ip", "-6", "rule", "del", "pref", "90"), 0);
	assert_int_not_equal(RUN_QUIET("ip", "-6", "rule", "del", "pref", "90"), 0);
	/* A narrower rule at the same place is not taken for the lock. */
	assert_int_equal(
		RUN("ip", "rule", "add", "pref", "90", "iif", "ska0", "fwmark", "0/0xffffffff", "to", "10.1.0.0/16", "prohibit"),
		0);
	assert_int_equal(netif_lock_check("ska0"), 0);
	assert_int_equal(netif_lock("ska0"), 0);
	assert_int_equal(netif_lock_check("ska0"), 1);
	assert_int_not_equal(GET4, 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(netif_unlock("ska0"), 0);
		assert_int_equal(netif_lock_check("ska0"), 0);
	}
	assert_int_equal(GET4, 0);
	assert_int_equal(netif_lock(""), -EINVAL);
	assert_int_equal(netif_lock("a-name-that-is-too-long"), -EINVAL);
}

static int body(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lock),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}

int main(void)
{
	return namespace_main(body);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The firewall's profiles, what unfinished work and other people leave in the table, and who notices. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <poll.h>
#include <sys/socket.h>

#include "tests/unit/firewall_table.h"

/* As if the events had been lost: what the table holds must tell. */
static void discard_events(const struct firewall *f)
{
	static char waste[65536];

	while (recv(firewall_monitor_fd(f), waste, sizeof(waste), MSG_DONTWAIT) > 0)
		;
}

static bool readable(const struct firewall *f)
{
	struct pollfd p = {.fd = firewall_monitor_fd(f), .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

static void test_profiles(void **state)
{
	assert_int_equal(set_profile(*state, 7, 443), 0);
	assert_int_equal(set_profile(*state, PROFILE_ID_MAX, 443), 0);
	assert_int_equal(set_profile(*state, 7, 444), 0);
	assert_int_equal(profiles(*state).count, 2);
	assert_int_equal(firewall_whole(*state), 1);
	assert_int_equal(SH("nft list map inet sekisho profiles | grep -q 'jump profile_7_3'"), 0);
	assert_int_equal(SH("nft list map inet sekisho profiles_reply | grep -q 'jump profile_7_3_reply'"), 0);
	assert_int_equal(SH("nft list set inet sekisho profile_7_3_v6 | grep -q 'fd20::10/124 . tcp . 444'"), 0);
	assert_int_not_equal(SH("nft list table inet sekisho | grep -q profile_7_1"), 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(firewall_profile_remove(*state, 7), 0);
	assert_int_not_equal(SH("nft list table inet sekisho | grep -q profile_7"), 0);
	assert_int_equal(profiles(*state).count, 1);
	assert_int_equal(firewall_whole(*state), 1);
	assert_int_equal(set_profile(*state, 0, 443), -EINVAL);
	assert_int_equal(set_profile(*state, PROFILE_ID_MAX + 1, 443), -EINVAL);
}

static void test_empty_profile(void **state)
{
	struct profile p = {0};

	assert_int_equal(firewall_profile_set(*state, 7, &p), 0);
	assert_int_equal(firewall_whole(*state), 1);
}

static void test_large_profile(void **state)
{
	struct profile p = many_boxes(MANY_BOXES);

	assert_int_equal(firewall_profile_set(*state, 7, &p), 0);
	assert_int_equal(firewall_whole(*state), 1);
	assert_int_equal(SH("test $(nft list set inet sekisho profile_7_1_v4 | grep -o tcp | wc -l) = 10000"), 0);
	assert_int_equal(SH("test $(nft list set inet sekisho profile_7_1_v6 | grep -o tcp | wc -l) = 10000"), 0);
	assert_int_equal(firewall_monitor_drain(*state), 0); /* 20,000 events, all our own */
	free(p.boxes);
}

/* Boxes that overlap are refused by the kernel: in the last of many transactions. */
static void test_profile_that_cannot_be_built(void **state)
{
	struct profile p = many_boxes(FAILING_BOXES);

	p.boxes[p.count - 1].first = p.boxes[p.count - 2].last;
	assert_int_equal(set_profile(*state, 7, 443), 0);
	assert_true(firewall_profile_set(*state, 7, &p) < 0);
	assert_int_equal(firewall_whole(*state), 1);
	assert_int_equal(SH("nft list map inet sekisho profiles | grep -q 'jump profile_7_1 '"), 0);
	assert_int_not_equal(SH("nft list table inet sekisho | grep -q profile_7_2"), 0);
	assert_int_equal(set_profile(*state, 7, 444), 0);
	assert_int_equal(firewall_whole(*state), 1);
	free(p.boxes);
}

static void test_leftovers(void **state)
{
	struct firewall *again;

	assert_int_equal(set_profile(*state, 7, 443), 0);
	assert_int_equal(
		SH("nft add set inet sekisho profile_7_9_v4 '{ type ipv4_addr . inet_proto . inet_service; flags interval; }'; "
		   "nft add chain inet sekisho profile_7_9; nft add chain inet sekisho profile_8_2_reply; "
		   "nft add rule inet sekisho profile_7_9 ip daddr . ip protocol . th dport @profile_7_9_v4 accept; "
		   "nft add chain inet sekisho profile_5_4; nft add element inet sekisho profiles '{ 5 : jump profile_5_4 }'; "
		   "nft add chain inet sekisho profile_7; nft add element inet sekisho profiles_reply '{ 6 : accept, 9999 : "
		   "accept }'"),
		0);
	again = opened(true);
	assert_int_equal(SH("nft list table inet sekisho | grep -q 'jump profile_7_1_reply'"), 0);
	assert_int_not_equal(SH("nft list table inet sekisho | grep -Eq 'profile_7_9|profile_8|profile_5'"), 0);
	assert_int_not_equal(SH("nft list map inet sekisho profiles_reply | grep -q accept"), 0);
	assert_int_equal(SH("nft list chain inet sekisho profile_7"), 0); /* not a name of ours */
	assert_int_equal(profiles(again).count, 1);
	assert_int_equal(set_profile(again, 7, 443), 0); /* generations go on where leftovers stood */
	assert_int_equal(SH("nft list chain inet sekisho profile_7_10"), 0);
	firewall_close(again);
}

/* A profile whose chains somebody emptied is taken out, so that the gateway builds it anew. */
static void test_damaged_profile(void **state)
{
	struct firewall *again;

	assert_int_equal(set_profile(*state, 7, 443), 0);
	assert_int_equal(SH("nft flush chain inet sekisho profile_7_1_reply"), 0);
	discard_events(*state);
	assert_int_equal(firewall_whole(*state), 0);
	again = opened(true);
	assert_int_equal(profiles(again).count, 0);
	assert_int_not_equal(SH("nft list table inet sekisho | grep -q profile_7"), 0);
	firewall_close(again);
}

static void test_monitor(void **state)
{
	struct firewall_session s = session(5, 7);

	assert_int_equal(firewall_monitor_drain(*state), 0);
	assert_int_equal(set_profile(*state, 7, 443), 0);
	assert_int_equal(firewall_session_set(*state, &s), 0);
	assert_int_equal(firewall_alive(*state, 60), 0);
	assert_true(readable(*state));
	assert_int_equal(firewall_monitor_drain(*state), 0);
	assert_false(readable(*state));
	assert_int_equal(
		SH("nft add table inet other; nft add chain inet other x; nft add table ip sekisho; nft delete table ip sekisho"),
		0);
	assert_int_equal(firewall_monitor_drain(*state), 0);
	assert_int_equal(SH("nft add element inet sekisho resolver4 '{ 192.0.2.1 }'"), 0);
	assert_true(readable(*state));
	assert_int_equal(firewall_whole(*state), 0);
	assert_int_equal(firewall_monitor_drain(*state), 1);
	assert_int_equal(firewall_monitor_drain(*state), 0);
	assert_int_equal(firewall_whole(*state), 0); /* until it is opened again */
	/* Seen in passing while a profile is built, it is remembered. */
	assert_int_equal(SH("nft add element inet sekisho resolver4 '{ 192.0.2.2 }'"), 0);
	assert_int_equal(set_profile(*state, 7, 444), 0);
	assert_int_equal(firewall_monitor_drain(*state), 1);
}

static void test_whole(void **state)
{
	/* Replacing keeps a rule's handle. */
	static const char replace[] = "h=$(nft -a list chain inet sekisho forward | sed -n 's/.*goto to_tunnel # handle //p');"
				      " nft replace rule inet sekisho forward handle $h accept";
	static const char *const damage[] = {
		"nft flush ruleset",
		"nft flush table inet sekisho",
		"nft flush chain inet sekisho forward",
		"nft insert rule inet sekisho forward accept",
		"nft add table inet sekisho '{ flags dormant; }'",
		replace,
		"nft add set inet sekisho more '{ type ipv4_addr; }'",
		"nft add chain inet sekisho more '{ type filter hook forward priority -200; policy accept; }'",
		"nft chain inet sekisho forward '{ policy drop; }'",
	};
	struct firewall *again;

	for (size_t i = 0; i < sizeof(damage) / sizeof(damage[0]); i++) {
		firewall_close(*state);
		RUN_QUIET("nft", "flush", "ruleset");
		*state = opened(false);
		assert_int_equal(set_profile(*state, 7, 443), 0);
		assert_int_equal(firewall_whole(*state), 1);
		if (SH(damage[i]) != 0)
			fail_msg("%s", damage[i]);
		assert_true(readable(*state));
		discard_events(*state);
		if (firewall_whole(*state) != 0)
			fail_msg("unnoticed: %s", damage[i]);
		again = opened(i != 0);
		assert_int_equal(firewall_whole(again), 1);
		firewall_close(again);
	}
}

static int all(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_profiles),
		TEST(test_empty_profile),
		TEST(test_large_profile),
		TEST(test_profile_that_cannot_be_built),
		TEST(test_leftovers),
		TEST(test_damaged_profile),
		TEST(test_monitor),
		TEST(test_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
	return namespace_main(all);
}

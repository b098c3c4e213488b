/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The firewall's table in a network namespace of its own; packets through it: tests/system/test_firewall_packets.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <cap-ng.h>
#include <time.h>

#include "tests/unit/firewall_table.h"

enum { NOBODY = 65534, DEADLINE_MS = 10000 };

static int stop_at_once(const struct firewall_session *s, void *arg)
{
	(void)s;
	(void)arg;
	return 42;
}

/* Waits until the kernel has ended all sessions. */
static void wait_for_no_session(struct firewall *f)
{
	struct timespec begin, now;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	do {
		clock_gettime(CLOCK_MONOTONIC, &now);
		if ((now.tv_sec - begin.tv_sec) * 1000 > DEADLINE_MS)
			fail_msg("the session does not end");
	} while (sessions(f).count);
}

static void test_taken_over(void **state)
{
	struct firewall_session s = session(5, 7);
	struct firewall *again;
	struct seen seen;

	assert_int_equal(set_profile(*state, 7, 443), 0);
	assert_int_equal(firewall_session_set(*state, &s), 0);
	assert_int_equal(firewall_alive(*state, 60), 0);
	again = opened(true);
	seen = sessions(again);
	assert_int_equal(seen.count, 1);
	seen = profiles(again);
	assert_int_equal(seen.count, 1);
	assert_int_equal(seen.profiles[0], 7);
	assert_int_equal(SH("nft list set inet sekisho alive | grep -q in0"), 0);
	assert_int_equal(set_profile(again, 7, 444), 0);
	assert_int_equal(firewall_whole(again), 1);
	firewall_close(again);
}

static void test_created_closed(void **state)
{
	(void)state;
	assert_int_not_equal(SH("nft list set inet sekisho alive | grep -q in0"), 0);
	/* Base chains let alone what is not the tunnel's. */
	assert_int_not_equal(SH("nft list table inet sekisho | grep -q 'policy drop'"), 0);
}

static void test_alive(void **state)
{
	for (int i = 0; i < 3; i++)
		assert_int_equal(firewall_alive(*state, 60), 0);
	assert_int_equal(SH("nft list set inet sekisho alive | grep -q 'timeout 1m'"), 0);
	assert_int_equal(firewall_alive(*state, 900), 0);
	assert_int_equal(SH("nft list set inet sekisho alive | grep -q 'timeout 15m'"), 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(firewall_alive(*state, 0), 0);
	assert_int_not_equal(SH("nft list set inet sekisho alive | grep -q in0"), 0);
}

static void test_sessions(void **state)
{
	struct firewall_session s = session(5, 7), other = session(SESSION_SERIAL_MAX, 0);
	struct seen seen;

	other.v4 = address("10.64.0.10");
	other.v6 = (struct addr){0};
	assert_int_equal(firewall_session_set(*state, &other), 0);
	assert_int_equal(firewall_session_set(*state, &s), 0);
	s.profile = PROFILE_ID_MAX;
	s.timeout_ms = 5 * TIMEOUT_MS;
	assert_int_equal(firewall_session_set(*state, &s), 0);
	seen = sessions(*state);
	assert_int_equal(seen.count, 2);
	assert_int_equal(seen.sessions[0].serial, 5);
	assert_int_equal(seen.sessions[0].profile, PROFILE_ID_MAX);
	assert_true(addr_equal(&seen.sessions[0].v4, &s.v4) && addr_equal(&seen.sessions[0].v6, &s.v6));
	assert_in_range(seen.sessions[0].timeout_ms, TIMEOUT_MS + 1, 5 * TIMEOUT_MS);
	assert_int_equal(seen.sessions[1].serial, SESSION_SERIAL_MAX);
	assert_int_equal(seen.sessions[1].profile, 0);
	assert_int_equal(seen.sessions[1].v6.family, 0);
	assert_int_equal(firewall_sessions(*state, stop_at_once, NULL), 42);
	for (int i = 0; i < 2; i++)
		assert_int_equal(firewall_session_remove(*state, &s), 0);
	seen = sessions(*state);
	assert_int_equal(seen.count, 1);
	assert_int_equal(seen.sessions[0].serial, SESSION_SERIAL_MAX);
}

static void test_session_limits(void **state)
{
	struct firewall_session s = session(0, 1);

	assert_int_equal(firewall_session_set(*state, &s), -EINVAL);
	s = session(SESSION_SERIAL_MAX + 1, 1);
	assert_int_equal(firewall_session_set(*state, &s), -EINVAL);
	s = session(1, PROFILE_ID_MAX + 1);
	assert_int_equal(firewall_session_set(*state, &s), -EINVAL);
	s = session(1, 1);
	s.timeout_ms = 0;
	assert_int_equal(firewall_session_set(*state, &s), -EINVAL);
	s = session(1, 1);
	s.v4.family = s.v6.family = 0;
	assert_int_equal(firewall_session_set(*state, &s), -EINVAL);
	assert_int_equal(sessions(*state).count, 0);
}

static void test_session_ended_by_the_kernel(void **state)
{
	struct firewall_session s = session(5, 7);

	s.timeout_ms = 20;
	assert_int_equal(firewall_session_set(*state, &s), 0);
	wait_for_no_session(*state);
	assert_int_equal(firewall_session_remove(*state, &s), 0);
	assert_int_equal(firewall_session_set(*state, &s), 0);
	wait_for_no_session(*state);
	s.timeout_ms = TIMEOUT_MS;
	assert_int_equal(firewall_session_set(*state, &s), 0);
	assert_int_equal(sessions(*state).count, 1);
}

/* Elements that expire between the look and the change must not make either fail. */
static void test_session_expiring_under_our_hands(void **state)
{
	for (int i = 0; i < 3000; i++) {
		struct firewall_session s = session(5, (uint16_t)(i % 2));

		s.timeout_ms = 1 + i % 5;
		assert_int_equal(firewall_session_set(*state, &s), 0);
		if (i % 3 == 0)
			assert_int_equal(firewall_session_remove(*state, &s), 0);
	}
}

/* What is not whole is reported as without time left, so that whoever takes over sets it anew or removes it. */
static void test_damaged_session(void **state)
{
	struct firewall_session s = session(5, 7);
	struct seen seen;

	assert_int_equal(firewall_session_set(*state, &s), 0);
	assert_int_equal(SH("nft delete element inet sekisho live '{ 0x5000 }'"), 0);
	seen = sessions(*state);
	assert_int_equal(seen.count, 1);
	assert_int_equal(seen.sessions[0].timeout_ms, 0);
	assert_int_equal(firewall_session_set(*state, &s), 0);
	assert_true(sessions(*state).sessions[0].timeout_ms > 0);
	assert_int_equal(SH("nft delete element inet sekisho sess6 '{ fd64::9 }'; "
			    "nft add element inet sekisho sess6 '{ fd64::9 timeout 1m : 0x5003 }'"),
		0);
	assert_int_equal(sessions(*state).sessions[0].timeout_ms, 0);
	assert_int_equal(firewall_session_remove(*state, &s), 0);
	assert_int_equal(sessions(*state).count, 0);
}

static void test_respec(void **state)
{
	struct firewall_spec spec = usual_spec();

	spec.portal_port = 8443;
	spec.resolvers[0] = address("10.20.0.54");
	spec.resolver_count = 1;
	assert_int_equal(firewall_respec(*state, &spec), 0);
	assert_int_equal(firewall_whole(*state), 1);
	assert_int_equal(firewall_monitor_drain(*state), 0);
	assert_int_equal(SH("nft list table inet sekisho | grep -q 'tcp dport 8443 accept'"), 0);
	assert_int_equal(SH("nft list set inet sekisho resolver4 | grep -q 'elements = { 10.20.0.54 }'"), 0);
	assert_int_not_equal(SH("nft list set inet sekisho resolver6 | grep -q elements"), 0);
	assert_int_not_equal(SH("nft list table inet sekisho | grep -q 'tcp dport 443 accept'"), 0);
	spec.portal_port = 0;
	assert_int_equal(firewall_respec(*state, &spec), -EINVAL);
	assert_int_equal(firewall_whole(*state), 1);
	assert_int_equal(SH("nft list table inet sekisho | grep -q 'tcp dport 8443 accept'"), 0);
}

static void test_portal_dns_comes_and_goes(void **state)
{
	struct firewall_spec spec = usual_spec();

	for (int i = 0; i < 2; i++) {
		spec.portal_dns = true;
		assert_int_equal(firewall_respec(*state, &spec), 0);
		assert_int_equal(firewall_whole(*state), 1);
		assert_int_equal(SH("nft list chain inet sekisho portal_dns | grep -q 'hook prerouting'"), 0);
		assert_int_not_equal(SH("nft list chain inet sekisho query | grep -q 'mark set'"), 0);
		spec.portal_dns = false;
		assert_int_equal(firewall_respec(*state, &spec), 0);
		assert_int_not_equal(SH("nft list chain inet sekisho portal_dns"), 0);
		assert_int_equal(SH("nft list chain inet sekisho query | grep -q 'mark set'"), 0);
		assert_int_equal(firewall_whole(*state), 1);
	}
}

static void test_respec_that_fails(void **state)
{
	struct firewall_spec spec = usual_spec();

	RUN_QUIET("nft", "flush", "ruleset");
	assert_int_equal(SH("nft add table inet sekisho; nft add set inet sekisho sess4 '{ type mark; }'"), 0);
	spec.portal_port = 8443;
	assert_int_equal(firewall_respec(*state, &spec), -EEXIST);
	RUN_QUIET("nft", "flush", "ruleset");
	assert_int_equal(firewall_session_set(*state,
				 &(struct firewall_session){.serial = 1, .v4 = address("10.64.0.9"), .timeout_ms = TIMEOUT_MS}),
		-ENOENT);
}

static void test_without_ipv6(void **state)
{
	struct firewall_spec spec = usual_spec();
	struct firewall *f;
	bool taken_over;
	char why[512];

	(void)state;
	spec.network6 = (struct prefix){0};
	spec.gateway6 = (struct addr){0};
	assert_int_equal(firewall_open(&spec, &f, &taken_over, why, sizeof(why)), 0);
	assert_int_equal(firewall_whole(f), 1);
	assert_int_equal(SH("nft list chain inet sekisho enter | grep -q 'meta nfproto ipv6 goto spoofed'"), 0);
	firewall_close(f);
}

static void test_bad_specs(void **state)
{
	struct firewall_spec specs[] = {usual_spec(), usual_spec(), usual_spec(), usual_spec(), usual_spec()};
	struct firewall *f = NULL;
	bool taken_over;
	char why[512];

	(void)state;
	specs[0].interface = "sixteen-letters-";
	specs[1].listen_port = 0;
	specs[2].network4.addr.family = 0;
	specs[3].gateway6.family = 0;
	specs[4].resolver_count = RESOLVERS_MAX + 1;
	for (size_t i = 0; i < sizeof(specs) / sizeof(specs[0]); i++) {
		*why = '\0';
		assert_int_equal(firewall_open(&specs[i], &f, &taken_over, why, sizeof(why)), -EINVAL);
		assert_non_null(strstr(why, "sekisho.conf"));
		assert_null(f);
	}
}

static void test_table_of_another_shape(void **state)
{
	struct firewall_spec spec = usual_spec();
	struct firewall *f = NULL;
	bool taken_over;
	char why[512];

	(void)state;
	RUN_QUIET("nft", "flush", "ruleset");
	assert_int_equal(SH("nft add table inet sekisho; nft add set inet sekisho sess4 '{ type mark; }'"), 0);
	assert_int_equal(firewall_open(&spec, &f, &taken_over, why, sizeof(why)), -EEXIST);
	assert_non_null(strstr(why, "another shape"));
	assert_int_not_equal(SH("nft list chain inet sekisho forward"), 0); /* nothing was half made */
}

static void test_destroy(void **state)
{
	for (int i = 0; i < 2; i++)
		assert_int_equal(firewall_destroy(*state), 0);
	assert_int_not_equal(SH("nft list table inet sekisho"), 0);
	assert_int_equal(firewall_whole(*state), 0);
	assert_int_equal(firewall_alive(*state, 60), -ENOENT);
}

static void test_counters(void **state)
{
	struct firewall_counters c = {.stale = 1}, none = {0};

	assert_int_equal(firewall_counters(*state, &c), 0);
	assert_memory_equal(&c, &none, sizeof(c));
}

/* Runs `body` as nobody with CAP_NET_ADMIN or with nothing; its result. */
static int as_nobody(bool net_admin, int (*body)(void))
{
	int status = 0;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (!pid) {
		capng_clear(CAPNG_SELECT_BOTH);
		if (net_admin)
			capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_NET_ADMIN);
		if (capng_change_id(NOBODY, NOBODY, CAPNG_DROP_SUPP_GRP | CAPNG_CLEAR_BOUNDING) != 0)
			_exit(99);
		_exit(body());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 98;
}

static int open_for_nothing(void)
{
	struct firewall_spec spec = usual_spec();
	struct firewall *f;
	bool taken_over;
	char why[512] = "";

	return firewall_open(&spec, &f, &taken_over, why, sizeof(why)) == -EPERM && strstr(why, "CAP_NET_ADMIN") ? 0 : 1;
}

static int everything(void)
{
	struct firewall_spec spec = usual_spec();
	struct firewall_session s = session(5, 7);
	struct profile p = many_boxes(MANY_BOXES);
	struct firewall *f;
	bool taken_over;
	char why[512];
	int rc = firewall_open(&spec, &f, &taken_over, why, sizeof(why));

	if (rc < 0)
		return 1;
	rc = firewall_alive(f, 60) || firewall_profile_set(f, 7, &p) || firewall_session_set(f, &s) || firewall_whole(f) != 1 ||
	     firewall_monitor_drain(f) || firewall_session_remove(f, &s) || firewall_profile_remove(f, 7) || firewall_destroy(f);
	firewall_close(f);
	free(p.boxes);
	return rc;
}

static void test_capabilities(void **state)
{
	(void)state;
	assert_int_equal(as_nobody(false, open_for_nothing), 0);
	assert_int_equal(as_nobody(true, everything), 0);
}

static int all(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_taken_over),
		TEST(test_created_closed),
		TEST(test_alive),
		TEST(test_sessions),
		TEST(test_session_limits),
		TEST(test_session_ended_by_the_kernel),
		TEST(test_session_expiring_under_our_hands),
		TEST(test_damaged_session),
		TEST(test_respec),
		TEST(test_portal_dns_comes_and_goes),
		TEST(test_respec_that_fails),
		TEST(test_without_ipv6),
		TEST(test_bad_specs),
		TEST(test_table_of_another_shape),
		TEST(test_destroy),
		TEST(test_counters),
		TEST(test_capabilities),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
	return namespace_main(all);
}

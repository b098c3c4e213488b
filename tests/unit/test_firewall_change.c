/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Changes of several profiles and sessions at once: whole or not at all, wherever they are cut off. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <sys/socket.h>

#include "gateway/firewall_internal.h"
#include "tests/unit/firewall_table.h"
#include "tests/unit/step.h"

enum { PROFILES = 200, RULES = 20, SESSIONS = 10000, POINTS_MAX = 2000 };

/* What the table says, without times, counts and generations: lines in a file of this name, sorted. */
static void take_down(const char *name)
{
	char script[512];

	snprintf(script, sizeof(script),
		"nft list table inet sekisho | tr ',' '\\n' | sed -E 's/ expires [0-9a-z]+//; s/timeout [0-9a-z]+//; s/packets "
		".*//; "
		"s/(profile_[0-9]+)_[0-9]+/\\1/g; s/^[ \\t]*(elements = )?[{ ]*//; s/[ }]*$//' | sort >/run/wireguard/%s",
		name);
	assert_int_equal(SH(script), 0);
}

static bool same(const char *a, const char *b)
{
	char script[128];

	snprintf(script, sizeof(script), "cmp -s /run/wireguard/%s /run/wireguard/%s", a, b);
	return SH(script) == 0;
}

static void assert_table(const char *expected, const char *what, unsigned at)
{
	take_down("now");
	if (same("now", expected))
		return;
	RUN("diff", "/run/wireguard/now", expected[0] == 'a' ? "/run/wireguard/a" : "/run/wireguard/b");
	fail_msg("%s at call %u: not the state %s", what, at, expected);
}

static struct firewall_change *change_of(struct firewall *f)
{
	struct firewall_change *c;

	assert_int_equal(firewall_change_new(f, &c), 0);
	return c;
}

static void add_profile(struct firewall_change *c, uint16_t id, uint16_t port)
{
	struct profile_box boxes[] = {box("10.20.0.10", "10.20.0.10", 6, port), box("fd20::10", "fd20::1f", 6, port)};
	struct profile p = {.count = 2, .boxes = boxes};

	assert_int_equal(firewall_change_profile(c, id, &p), 0);
}

static struct firewall_session numbered(uint32_t serial, uint16_t profile, uint32_t host)
{
	struct firewall_session s = {.serial = serial, .profile = profile, .timeout_ms = 600000};
	uint32_t v4 = htonl(0x0a400000 + host), v6[] = {htonl(0xfd640000), 0, 0, htonl(host)};

	s.v4.family = 4;
	memcpy(s.v4.bytes, &v4, sizeof(v4));
	s.v6.family = 6;
	memcpy(s.v6.bytes, v6, sizeof(v6));
	return s;
}

static void add_session(struct firewall_change *c, uint32_t serial, uint16_t profile, uint32_t host, bool gone)
{
	struct firewall_session s = numbered(serial, profile, host);

	assert_int_equal(gone ? firewall_change_drop(c, &s) : firewall_change_session(c, &s), 0);
}

static void commit(struct firewall_change *c)
{
	assert_int_equal(firewall_change_commit(c), 0);
	firewall_change_free(c);
}

/* State a, and what leads from it to state b: contents changed, a new profile, a session moved, one gone, one in its place. */
static struct firewall *state_a(void)
{
	struct firewall *f;
	struct firewall_change *c;

	RUN_QUIET("nft", "flush", "ruleset");
	f = opened(false);
	c = change_of(f);
	add_profile(c, 7, 443);
	add_profile(c, 8, 80);
	add_session(c, 5, 7, 9, false);
	add_session(c, 6, 7, 10, false);
	commit(c);
	return f;
}

static struct firewall_change *to_b(struct firewall *f)
{
	struct firewall_change *c = change_of(f);

	add_profile(c, 7, 444);
	add_profile(c, 9, 22);
	add_session(c, 5, 9, 9, false);
	add_session(c, 11, 7, 10, false);
	add_session(c, 6, 7, 10, true); /* the address stays with the new one */
	return c;
}

static void take_down_both(void)
{
	struct firewall *f = state_a();

	take_down("a");
	commit(to_b(f));
	take_down("b");
	assert_false(same("a", "b"));
	assert_int_equal(firewall_whole(f), 1);
	assert_int_equal(firewall_monitor_drain(f), 0);
	firewall_close(f);
}

static int commit_in_child(void *arg)
{
	return firewall_change_commit(arg) == 0 ? 0 : 1;
}

static void test_everything_at_once(void **state)
{
	struct firewall *f;
	struct seen seen;

	(void)state;
	take_down_both();
	f = opened(true);
	seen = sessions(f);
	assert_int_equal(seen.count, 2);
	assert_int_equal(seen.sessions[0].serial, 5);
	assert_int_equal(seen.sessions[0].profile, 9);
	assert_int_equal(seen.sessions[1].serial, 11);
	assert_int_equal(seen.sessions[1].v4.bytes[3], 10);
	assert_int_equal(profiles(f).count, 3);
	firewall_close(f);
}

static void test_killed_anywhere(void **state)
{
	struct firewall *f, *again;
	struct firewall_change *c;
	unsigned at, in_a = 0, in_b = 0;
	bool reached = true;
	int ended;

	(void)state;
	take_down_both();
	for (at = 1; reached && at < POINTS_MAX; at++) {
		f = state_a();
		c = to_b(f);
		ended = step_run(commit_in_child, c, at, false, &reached);
		assert_int_equal(ended, reached ? STEP_KILLED : 0);
		again = opened(true);
		take_down("now");
		assert_true(same("now", "a") || same("now", "b"));
		in_a += same("now", "a");
		in_b += same("now", "b");
		firewall_change_free(c);
		firewall_close(f);
		firewall_close(again);
	}
	print_message("killed at %u points: %u before the switch, %u after it\n", at - 2, in_a, in_b);
	assert_true(!reached && in_a > 10 && in_b > 2);
}

static void test_failing_anywhere(void **state)
{
	struct firewall *f;
	struct firewall_change *c;
	unsigned at, failed = 0, done = 0;
	bool reached = true;
	int ended;

#ifndef __x86_64__
	skip();
#endif
	(void)state;
	take_down_both();
	for (at = 1; reached && at < POINTS_MAX; at++) {
		f = state_a();
		c = to_b(f);
		ended = step_run(commit_in_child, c, at, true, &reached);
		assert_true(ended == 0 || ended == 1);
		assert_table(ended ? "a" : "b", "a failing call", at);
		*(ended ? &failed : &done) += 1;
		firewall_change_free(c);
		firewall_close(f);
	}
	print_message("failed at %u points: %u changes refused, %u made\n", at - 2, failed, done);
	assert_true(!reached && failed > 4 && done > 4);
}

static void test_contents_that_cannot_be_built(void **state)
{
	struct firewall *f = state_a();
	struct firewall_change *c = to_b(f);
	struct profile p = many_boxes(FAILING_BOXES);

	(void)state;
	take_down("a");
	p.boxes[p.count - 1].first = p.boxes[p.count - 2].last;
	assert_int_equal(firewall_change_profile(c, 3, &p), 0);
	for (int i = 0; i < 2; i++) {
		assert_true(firewall_change_commit(c) < 0);
		assert_table("a", "overlapping boxes", 0);
		assert_int_equal(firewall_whole(f), 1);
	}
	add_profile(c, 3, 25); /* the mistake mended, the same change goes through */
	commit(c);
	assert_int_equal(firewall_whole(f), 1);
	assert_int_equal(profiles(f).count, 4);
	free(p.boxes);
	firewall_close(f);
}

static void test_switch_too_large_for_the_socket(void **state)
{
	struct firewall *f = state_a();
	struct firewall_change *c = to_b(f);
	int little = 0;

	(void)state;
	take_down("a");
	for (unsigned i = 0; i < 1000; i++)
		add_session(c, 100 + i, 7, 100 + i, false);
	/* As with SO_SNDBUFFORCE refused: the parts aside fit, the switch does not. */
	f->nft.send_size = SIZE_MAX;
	assert_int_equal(setsockopt(mnl_socket_get_fd(f->nft.socket), SOL_SOCKET, SO_SNDBUF, &little, sizeof(little)), 0);
	assert_int_equal(firewall_change_commit(c), -EMSGSIZE);
	assert_table("a", "a small socket buffer", 0);
	f->nft.send_size = 0;
	commit(c);
	assert_int_equal(SH("test $(nft list map inet sekisho sess6 | grep -o fd64: | wc -l) = 1002"), 0);
	firewall_close(f);
}

static void test_table_deleted(void **state)
{
	struct firewall *f = state_a(), *again;
	struct firewall_change *c = to_b(f);

	(void)state;
	RUN_QUIET("nft", "delete", "table", "inet", "sekisho");
	assert_true(firewall_change_commit(c) < 0);
	assert_int_equal(firewall_monitor_drain(f), 1);
	assert_int_equal(firewall_whole(f), 0);
	assert_int_not_equal(SH("nft list table inet sekisho"), 0);
	firewall_close(f);
	again = opened(false);
	assert_int_equal(sessions(again).count, 0);
	firewall_change_free(c);
	firewall_close(again);
}

static void test_bad_input(void **state)
{
	struct firewall_change *c = change_of(*state);
	struct profile p = {0}, huge = {.count = PROFILE_BOXES_MAX + 1};
	struct firewall_session s = numbered(5, 7, 9), none = {.serial = 5, .timeout_ms = 1000};

	assert_int_equal(firewall_change_profile(c, 0, &p), -EINVAL);
	assert_int_equal(firewall_change_profile(c, PROFILE_ID_MAX + 1, &p), -EINVAL);
	assert_int_equal(firewall_change_profile(c, 7, &huge), -EINVAL);
	assert_int_equal(firewall_change_session(c, &none), -EINVAL);
	s.timeout_ms = 0;
	assert_int_equal(firewall_change_session(c, &s), -EINVAL);
	s.timeout_ms = 1000;
	s.profile = PROFILE_ID_MAX + 1;
	assert_int_equal(firewall_change_session(c, &s), -EINVAL);
	commit(c); /* nothing */
	assert_int_equal(firewall_whole(*state), 1);
	firewall_change_free(NULL);
}

static void add_many(struct firewall_change *c, uint16_t port)
{
	static struct profile_box boxes[RULES];
	struct profile p = {.count = RULES, .boxes = boxes};
	char text[32];

	for (unsigned id = 1; id <= PROFILES; id++) {
		for (unsigned i = 0; i < RULES; i++) {
			snprintf(text, sizeof(text), "10.%u.%u.%u", 20 + i, id, i);
			boxes[i] = box(text, text, 6, port);
		}
		assert_int_equal(firewall_change_profile(c, (uint16_t)id, &p), 0);
	}
	for (unsigned i = 1; i <= SESSIONS; i++)
		add_session(c, i, (uint16_t)(1 + (i + port) % PROFILES), i, false);
}

static int count_session(const struct firewall_session *s, void *arg)
{
	*(unsigned *)arg += s->timeout_ms > 0 && s->profile == 1 + (s->serial + 444) % PROFILES;
	return 0;
}

static void test_large(void **state)
{
	struct firewall_change *c;
	unsigned count = 0;

	for (uint16_t port = 443; port <= 444; port++) {
		c = change_of(*state);
		add_many(c, port);
		commit(c);
	}
	assert_int_equal(firewall_monitor_drain(*state), 0); /* none of so many events was lost */
	assert_int_equal(firewall_whole(*state), 1);
	assert_int_equal(firewall_sessions(*state, count_session, &count), 0);
	assert_int_equal(count, SESSIONS);
	assert_int_equal(SH("nft list sets | grep -q '10.39.200.19 . tcp . 444'"), 0);
	assert_int_equal(SH("test $(nft list table inet sekisho | grep -c 'set profile_') = 400"), 0);
}

static int all(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_everything_at_once),
		cmocka_unit_test(test_killed_anywhere),
		cmocka_unit_test(test_failing_anywhere),
		cmocka_unit_test(test_contents_that_cannot_be_built),
		cmocka_unit_test(test_switch_too_large_for_the_socket),
		cmocka_unit_test(test_table_deleted),
		TEST(test_bad_input),
		TEST(test_large),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
	return namespace_main(all);
}

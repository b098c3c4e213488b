/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shared by the tests of gateway/firewall.h: the usual table, profiles, sessions, and what a dump saw. Include cmocka first. */
#ifndef SEKISHO_TESTS_FIREWALL_TABLE_H
#define SEKISHO_TESTS_FIREWALL_TABLE_H

#include "gateway/firewall.h"
#include "tests/unit/namespace.h"

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
#define SH(script) RUN_QUIET("sh", "-c", script)

enum {
	MANY_BOXES = 20000,
	FAILING_BOXES = 9900, /* a little more than one transaction: kernel 6.1 takes back in a time that is quadratic */
	TIMEOUT_MS = 60000,
};

static inline struct addr address(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

static inline struct prefix prefix(const char *text)
{
	struct prefix p;

	assert_int_equal(prefix_parse(text, &p), 0);
	return p;
}

static inline struct firewall_spec usual_spec(void)
{
	return (struct firewall_spec){.interface = "in0",
		.listen_port = 51820,
		.portal_port = 443,
		.network4 = prefix("10.64.0.0/10"),
		.network6 = prefix("fd64::/32"),
		.gateway4 = address("10.64.0.1"),
		.gateway6 = address("fd64::1"),
		.resolvers = {address("10.20.0.53"), address("fd20::53"), address("10.20.0.53")},
		.resolver_count = 3};
}

static inline struct firewall *opened(bool expect_taken_over)
{
	struct firewall_spec spec = usual_spec();
	struct firewall *f;
	char why[512] = "";
	bool taken_over;

	if (firewall_open(&spec, &f, &taken_over, why, sizeof(why)) < 0)
		fail_msg("%s", why);
	assert_int_equal(taken_over, expect_taken_over);
	assert_int_equal(firewall_whole(f), 1);
	return f;
}

static inline int start(void **state)
{
	RUN_QUIET("nft", "flush", "ruleset");
	*state = opened(false);
	return 0;
}

static inline int stop(void **state)
{
	firewall_close(*state);
	return 0;
}

static inline struct profile_box box(const char *first, const char *last, uint8_t proto, uint16_t port)
{
	return (struct profile_box){.first = address(first),
		.last = address(last),
		.proto_first = proto,
		.proto_last = proto,
		.port_first = port,
		.port_last = port};
}

static inline int set_profile(struct firewall *f, uint16_t id, uint16_t port)
{
	struct profile_box boxes[] = {box("10.20.0.10", "10.20.0.10", 6, port), box("fd20::10", "fd20::1f", 6, port)};
	struct profile p = {.count = 2, .boxes = boxes};

	return firewall_profile_set(f, id, &p);
}

static inline struct firewall_session session(uint32_t serial, uint16_t profile)
{
	return (struct firewall_session){.serial = serial,
		.profile = profile,
		.v4 = address("10.64.0.9"),
		.v6 = address("fd64::9"),
		.timeout_ms = TIMEOUT_MS};
}

/* ---- dumps ---- */

struct seen {
	struct firewall_session sessions[8];
	uint16_t profiles[8];
	unsigned count;
};

static inline int see_session(const struct firewall_session *s, void *arg)
{
	struct seen *seen = arg;

	assert_true(seen->count < 8);
	seen->sessions[seen->count++] = *s;
	return 0;
}

static inline int see_profile(uint16_t id, void *arg)
{
	struct seen *seen = arg;

	assert_true(seen->count < 8);
	seen->profiles[seen->count++] = id;
	return 0;
}

static inline struct seen sessions(struct firewall *f)
{
	struct seen seen = {0};

	assert_int_equal(firewall_sessions(f, see_session, &seen), 0);
	return seen;
}

static inline struct seen profiles(struct firewall *f)
{
	struct seen seen = {0};

	assert_int_equal(firewall_profiles(f, see_profile, &seen), 0);
	return seen;
}

static inline struct profile many_boxes(size_t count)
{
	struct profile p = {.count = count, .boxes = calloc(count, sizeof(*p.boxes))};
	struct addr v4 = address("10.0.0.0"), v6 = address("fd20::");

	assert_non_null(p.boxes);
	for (size_t i = 0; i < p.count; i++) {
		struct profile_box *b = &p.boxes[i];

		*b = box("0.0.0.0", "0.0.0.0", 6, 443);
		assert_int_equal(addr_add(i < count / 2 ? &v4 : &v6, 8 * (uint64_t)i, &b->first), 0);
		assert_int_equal(addr_add(&b->first, 5, &b->last), 0);
	}
	return p;
}

#endif

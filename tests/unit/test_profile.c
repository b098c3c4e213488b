/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "tests/unit/policy_text.h"

static const struct subject anybody = {.user = "u", .device_class = CLASS_PRIVATE};

static struct profile *compile(const char *text)
{
	struct profile *p = NULL;
	struct policy *const policy = policy_right(&(struct policy_text){"users/u.acl", text}, 1);

	assert_non_null(policy);
	assert_int_equal(profile_compile(policy, &anybody, 0, &p), 0);
	policy_unref(policy);
	return p;
}

/* The boxes, one a line: "10.0.0.0-10.0.0.255 6 443-443". */
static char *show(const struct profile *p)
{
	char *text = NULL, first[ADDR_TEXT], last[ADDR_TEXT];
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	assert_non_null(f);
	for (size_t i = 0; i < p->count; i++) {
		const struct profile_box *const b = &p->boxes[i];
		fprintf(f, "%s-%s %u-%u %u-%u\n", addr_format(&b->first, first), addr_format(&b->last, last), b->proto_first,
			b->proto_last, b->port_first, b->port_last);
	}
	fclose(f);
	return text;
}

static void check(const char *rules, const char *boxes)
{
	struct profile *const p = compile(rules);
	char *const shown = show(p);

	assert_string_equal(shown, boxes);
	free(shown);
	profile_free(p);
}

static void test_forms(void **state)
{
	(void)state;
	check("", "");
	check("deny any 0.0.0.0/0", "");
	check("allow tcp 443 10.0.0.1", "10.0.0.1-10.0.0.1 6-6 443-443\n");
	check("allow udp * 10.0.0.0/8", "10.0.0.0-10.255.255.255 17-17 0-65535\n");
	check("allow any 0.0.0.0/0 ::/0", "0.0.0.0-255.255.255.255 0-255 0-65535\n"
					  "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 0-255 0-65535\n");
	check("allow icmp 10.0.0.1 2001:db8::1", "10.0.0.1-10.0.0.1 1-1 0-65535\n2001:db8::1-2001:db8::1 58-58 0-65535\n");
	/* IPv4 before IPv6 whatever the order in the file. */
	check("allow tcp 1 ::1 0.0.0.1", "0.0.0.1-0.0.0.1 6-6 1-1\n::1-::1 6-6 1-1\n");
	/* An IPv4-mapped destination is an IPv4 one. */
	check("allow tcp 1 ::ffff:10.0.0.1", "10.0.0.1-10.0.0.1 6-6 1-1\n");
}

static void test_joins(void **state)
{
	(void)state;
	/* Neighbours in each direction become one. */
	check("allow tcp 1 10.0.0.0/25\nallow tcp 1 10.0.0.128/25", "10.0.0.0-10.0.0.255 6-6 1-1\n");
	check("allow tcp 1 10.0.0.1\nallow tcp 2-5 10.0.0.1", "10.0.0.1-10.0.0.1 6-6 1-5\n");
	check("allow any 10.0.0.1\nallow tcp 22 10.0.0.1", "10.0.0.1-10.0.0.1 0-255 0-65535\n");
	check("allow tcp * 10.0.0.1\nallow udp * 10.0.0.1", "10.0.0.1-10.0.0.1 6-6 0-65535\n10.0.0.1-10.0.0.1 17-17 0-65535\n");
	/* Long runs of addresses come first: the host inside the network does not cut it. */
	check("allow tcp 443 10.0.0.0/24\nallow tcp 443,3389 10.0.0.7",
		"10.0.0.0-10.0.0.255 6-6 443-443\n10.0.0.7-10.0.0.7 6-6 3389-3389\n");
	/* One ends where the other begins. */
	check("allow tcp 1-9 10.0.0.0-10.0.0.4\nallow tcp 5-20 10.0.0.5-10.0.0.9",
		"10.0.0.0-10.0.0.4 6-6 1-4\n10.0.0.0-10.0.0.9 6-6 5-9\n10.0.0.5-10.0.0.9 6-6 10-20\n");
}

static void test_denies(void **state)
{
	(void)state;
	check("allow any 10.0.0.0/24\ndeny tcp 445 10.0.0.0/24", "10.0.0.0-10.0.0.255 0-5 0-65535\n"
								 "10.0.0.0-10.0.0.255 6-6 0-444\n"
								 "10.0.0.0-10.0.0.255 6-6 446-65535\n"
								 "10.0.0.0-10.0.0.255 7-255 0-65535\n");
	check("allow any 10.0.0.0/24\ndeny tcp 445 10.0.0.9", "10.0.0.0-10.0.0.255 0-5 0-65535\n"
							      "10.0.0.0-10.0.0.255 6-6 0-444\n"
							      "10.0.0.0-10.0.0.8 6-6 445-445\n"
							      "10.0.0.0-10.0.0.255 6-6 446-65535\n"
							      "10.0.0.0-10.0.0.255 7-255 0-65535\n"
							      "10.0.0.10-10.0.0.255 6-6 445-445\n");
	check("allow tcp 443 0.0.0.0/0\ndeny any 255.255.255.255", "0.0.0.0-255.255.255.254 6-6 443-443\n");
	check("allow tcp 443 0.0.0.0/0\ndeny any 0.0.0.0", "0.0.0.1-255.255.255.255 6-6 443-443\n");
	check("allow tcp 443 10.0.0.1\ndeny icmp 10.0.0.1\ndeny udp 443 10.0.0.1", "10.0.0.1-10.0.0.1 6-6 443-443\n");
	check("allow any 2001:db8::/64\ndeny icmp 2001:db8::/64", "2001:db8::-2001:db8::ffff:ffff:ffff:ffff 0-57 0-65535\n"
								  "2001:db8::-2001:db8::ffff:ffff:ffff:ffff 59-255 0-65535\n");
	/* Beginning, middle and end of a denied run stay open for others. */
	check("allow tcp 5 10.0.0.0/28\ndeny tcp 5 10.0.0.4-10.0.0.7\ndeny tcp 5 10.0.0.6-10.0.0.9",
		"10.0.0.0-10.0.0.3 6-6 5-5\n10.0.0.10-10.0.0.15 6-6 5-5\n");
}

static void test_equality(void **state)
{
	struct profile *const a = compile("allow tcp 80,443 10.0.0.0/24\nallow icmp 10.0.0.1");
	struct profile *const b = compile("allow icmp 10.0.0.1\nallow tcp 443 10.0.0.128/25\nallow tcp 443 10.0.0.0-10.0.0.127\n"
					  "allow tcp 80 10.0.0.0/24\ndeny tcp 81 10.0.0.3");
	struct profile *const c = compile("allow tcp 80,443 10.0.0.0/24");
	struct profile *const none = compile(""), *const nothing = compile("deny tcp 1 10.0.0.0/8");

	(void)state;
	assert_true(profile_equal(a, b));
	assert_int_equal(a->hash, b->hash);
	assert_false(profile_equal(a, c));
	assert_true(profile_equal(none, nothing));
	assert_false(profile_equal(none, c));
	profile_free(a);
	profile_free(b);
	profile_free(c);
	profile_free(none);
	profile_free(nothing);
	profile_free(NULL);
}

static void check_minus(const char *a, const char *b, const char *boxes)
{
	struct profile *const x = compile(a), *const y = compile(b);
	struct profile *rest = NULL;

	assert_int_equal(profile_minus(x, y, &rest), 0);
	char *const shown = show(rest);
	assert_string_equal(shown, boxes);
	free(shown);
	profile_free(rest);
	profile_free(x);
	profile_free(y);
}

static void test_minus(void **state)
{
	(void)state;
	check_minus("", "", "");
	check_minus("", "allow any 10.0.0.0/8", "");
	check_minus("allow tcp 443 10.0.0.1", "", "10.0.0.1-10.0.0.1 6-6 443-443\n");
	check_minus("allow tcp 443 10.0.0.1 ::1", "allow tcp 443 10.0.0.1 ::1", "");
	check_minus("allow tcp 443 10.0.0.1 ::1", "allow tcp 443 10.0.0.1", "::1-::1 6-6 443-443\n");
	check_minus("allow tcp 80-90 10.0.0.0/30", "allow tcp 85 10.0.0.1\nallow udp 81 10.0.0.0",
		"10.0.0.0-10.0.0.3 6-6 80-84\n10.0.0.0-10.0.0.0 6-6 85-85\n10.0.0.0-10.0.0.3 6-6 86-90\n"
		"10.0.0.2-10.0.0.3 6-6 85-85\n");
}

/* --- random policies --------------------------------------------------------------------------------------------- */

enum { POLICIES = 3000, TARGETS = 150, RULES = 12, TEXT = 16384 };

static uint64_t random_state;

/* xorshift64* (Vigna 2016): the same numbers on every machine. */
static unsigned pick(unsigned n)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (unsigned)((random_state * UINT64_C(0x2545f4914f6cdd1d)) >> 33) % n;
}

struct random_rule {
	unsigned proto; /* tcp, udp, icmp, any */
	uint32_t port_first, port_last;
	unsigned base; /* beginning, middle or end of the address space */
	uint32_t first, last; /* offsets */
	uint8_t family;
	bool deny;
};

static const char *const protocol_words[] = {"tcp", "udp", "icmp", "any"};

/* Few addresses and ports, so that rules meet; and both ends of what there is. */
static struct addr address_at(uint8_t family, unsigned base, uint32_t offset)
{
	static const char *const bases[2][3] = {{"0.0.0.0", "10.0.0.240", "255.255.255.224"},
		{"::", "2001:db8::ffff:ffff:ffff:fff0", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffe0"}};
	struct addr a;

	assert_int_equal(addr_parse(bases[family == 6][base], &a), 0);
	assert_int_equal(addr_add(&a, offset, &a), 0);
	return a;
}

static struct random_rule random_rule(void)
{
	static const uint16_t ports[] = {1, 2, 3, 442, 443, 444, 445, 65534, 65535};
	struct random_rule r = {.deny = pick(3) == 0, .proto = pick(4), .family = pick(2) ? 6 : 4, .base = pick(3)};
	const unsigned a = pick(9), b = pick(9);

	r.port_first = ports[a < b ? a : b];
	r.port_last = ports[a < b ? b : a];
	r.first = pick(32);
	r.last = r.first + pick(32 - r.first);
	return r;
}

static size_t write_rule(char *to, size_t size, const struct random_rule *r)
{
	char first[ADDR_TEXT], last[ADDR_TEXT], ports[24] = "";
	const struct addr x = address_at(r->family, r->base, r->first), y = address_at(r->family, r->base, r->last);

	if (r->proto < 2)
		snprintf(ports, sizeof ports, " %u-%u", r->port_first, r->port_last);
	const int n = snprintf(to, size, "%s %s%s %s-%s\n", r->deny ? "deny" : "allow", protocol_words[r->proto], ports,
		addr_format(&x, first), addr_format(&y, last));
	assert_true(n > 0 && (size_t)n < size);
	return (size_t)n;
}

/* The same rules in pieces and backwards: the set of packets is the same. */
static void write_pieces(char *to, size_t size, const struct random_rule *rules, size_t count)
{
	size_t used = 0;

	to[0] = '\0';
	for (size_t i = count; i-- > 0;)
		for (unsigned piece = 0; piece < 4; piece++) {
			struct random_rule r = rules[i];
			const uint32_t middle = (r.first + r.last) / 2, port = (r.port_first + r.port_last) / 2;
			if ((piece & 1 && middle == r.last) || (piece & 2 && (port == r.port_last || r.proto >= 2)))
				continue;
			r.first = piece & 1 ? middle + 1 : r.first;
			r.last = piece & 1 ? r.last : middle;
			if (r.proto < 2) {
				r.port_first = piece & 2 ? port + 1 : r.port_first;
				r.port_last = piece & 2 ? r.port_last : port;
			}
			/* A statement may not stand twice; pieces of different rules can be the same. */
			char line[160];
			const size_t n = write_rule(line, sizeof line, &r);
			if (strstr(to, line))
				continue;
			assert_true(used + n < size);
			memcpy(to + used, line, n + 1);
			used += n;
		}
}

static bool share_a_packet(const struct profile_box *a, const struct profile_box *b)
{
	return addr_compare(&a->first, &b->last) <= 0 && addr_compare(&b->first, &a->last) <= 0 &&
	       a->proto_first <= b->proto_last && b->proto_first <= a->proto_last && a->port_first <= b->port_last &&
	       b->port_first <= a->port_last;
}

static void check_order(const struct profile *p)
{
	for (size_t i = 0; i < p->count; i++) {
		assert_true(addr_compare(&p->boxes[i].first, &p->boxes[i].last) <= 0);
		assert_int_equal(p->boxes[i].first.family, p->boxes[i].last.family);
		for (size_t j = i + 1; j < p->count; j++) {
			const int c = addr_compare(&p->boxes[i].first, &p->boxes[j].first);
			assert_true(c <= 0);
			assert_false(share_a_packet(&p->boxes[i], &p->boxes[j]));
		}
	}
}

/* A target at the edge of some rule, or just beside. */
static struct target random_target(const struct random_rule *rules, size_t count)
{
	static const uint8_t protocols[] = {6, 6, 6, 17, 17, 1, 58, 0, 5, 7, 255};
	const struct random_rule *const r = &rules[pick((unsigned)count)], *const q = &rules[pick((unsigned)count)];
	uint32_t offset = (pick(2) ? r->first : r->last) + pick(3), port = (pick(2) ? q->port_first : q->port_last) + pick(3);

	offset = offset ? offset - 1 : 0;
	offset = offset > 31 ? 31 : offset;
	port = port - 1 > UINT16_MAX ? UINT16_MAX : port - 1;
	struct target t = {.addr = address_at(r->family, r->base, offset), .proto = protocols[pick(11)]};
	if (t.proto == 6 || t.proto == 17)
		t.port = (uint16_t)port;
	return t;
}

/* What the rules say, said once more in the shortest way. */
static bool judged_by_hand(const struct random_rule *rules, size_t count, const struct target *t)
{
	bool allowed = false;

	for (size_t i = 0; i < count; i++) {
		const struct random_rule *const r = &rules[i];
		const struct addr first = address_at(r->family, r->base, r->first),
				  last = address_at(r->family, r->base, r->last);
		if (t->addr.family != r->family || addr_compare(&t->addr, &first) < 0 || addr_compare(&t->addr, &last) > 0)
			continue;
		if ((r->proto == 0 && t->proto != 6) || (r->proto == 1 && t->proto != 17))
			continue;
		if (r->proto == 2 && t->proto != (r->family == 6 ? 58 : 1))
			continue;
		if (r->proto < 2 && (t->port < r->port_first || t->port > r->port_last))
			continue;
		if (r->deny)
			return false;
		allowed = true;
	}
	return allowed;
}

static struct profile *last_profile; /* of the policy before */

/* What one policy allows more than the other, packet by packet. */
static void check_difference(const struct profile *a, const struct profile *before, const struct random_rule *rules, size_t count)
{
	struct profile *more;

	assert_int_equal(profile_minus(a, before, &more), 0);
	check_order(more);
	for (unsigned i = 0; i < TARGETS / 5; i++) {
		const struct target t = random_target(rules, count);
		assert_int_equal(profile_allows(more, &t), profile_allows(a, &t) && !profile_allows(before, &t));
	}
	profile_free(more);
}

static void check_random(unsigned seed, unsigned *allowed)
{
	static char whole[TEXT], pieces[TEXT];
	struct random_rule rules[RULES];
	const size_t count = 1 + pick(RULES);
	struct profile *a, *b;
	size_t used = 0;

	for (size_t i = 0; i < count; i++) {
		char line[160];
		do {
			rules[i] = random_rule();
			whole[used] = '\0';
			write_rule(line, sizeof line, &rules[i]);
		} while (strstr(whole, line));
		used += write_rule(whole + used, sizeof whole - used, &rules[i]);
	}
	write_pieces(pieces, sizeof pieces, rules, count);
	struct policy *const p = policy_right(&(struct policy_text){"users/u.acl", whole}, 1);
	struct policy *const q = policy_right(&(struct policy_text){"users/u.acl", pieces}, 1);
	assert_non_null(p);
	assert_non_null(q);
	assert_int_equal(profile_compile(p, &anybody, 0, &a), 0);
	assert_int_equal(profile_compile(q, &anybody, 0, &b), 0);
	check_order(a);
	if (!profile_equal(a, b))
		fail_msg("policy %u: not canonical\n%s--- in pieces\n%s", seed, whole, pieces);
	for (unsigned i = 0; i < TARGETS; i++) {
		const struct target t = random_target(rules, count);
		char text[ADDR_TEXT];
		size_t n;
		const bool decided = policy_decide(p, &anybody, &t, 0, NULL, 0, &n);
		if (decided != profile_allows(a, &t) || decided != judged_by_hand(rules, count, &t))
			fail_msg("policy %u: decided %d, profile %d for proto %u port %u %s\n%s", seed, decided,
				profile_allows(a, &t), t.proto, t.port, addr_format(&t.addr, text), whole);
		*allowed += decided;
	}
	if (last_profile)
		check_difference(a, last_profile, rules, count);
	profile_free(last_profile);
	last_profile = a;
	profile_free(b);
	policy_unref(p);
	policy_unref(q);
}

static void test_random(void **state)
{
	unsigned allowed = 0;

	(void)state;
	for (unsigned seed = 1; seed <= POLICIES; seed++) {
		random_state = seed * UINT64_C(0x9e3779b97f4a7c15);
		check_random(seed, &allowed);
	}
	profile_free(last_profile);
	last_profile = NULL;
	/* Targets that are all refused, or none, would prove little. */
	assert_in_range(allowed, POLICIES * TARGETS / 10, POLICIES * TARGETS * 9 / 10);
}

/* --- many rules --------------------------------------------------------------------------------------------------- */

static char *many_rules(unsigned count, const char *end, unsigned step)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	assert_non_null(f);
	for (unsigned i = 0; i < count; i++)
		fprintf(f, "allow tcp %u 10.%u.%u.%u\n", i % 60000 + 1, i * step >> 16 & 255, i * step >> 8 & 255,
			i * step & 255);
	fputs(end, f);
	fclose(f);
	return text;
}

static void test_many(void **state)
{
	char *const text = many_rules(10000, "deny tcp 5000 10.0.0.0/8\n", 2);
	struct profile *const p = compile(text);

	(void)state;
	assert_int_equal(p->count, 9999);
	profile_free(p);
	free(text);
}

/* Networks inside networks, and a wide rule over thousands of ports: the boxes must not multiply. */
static void test_nested(void **state)
{
	char *const text = many_rules(5000, "allow any 10.0.0.0/8\n", 1);
	struct profile *const p = compile(text);

	(void)state;
	assert_int_equal(p->count, 1);
	profile_free(p);
	free(text);
}

static void test_too_big(void **state)
{
	/* 300 x 300 holes in one network: more than PROFILE_BOXES_MAX. */
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);
	struct profile *out = NULL;

	(void)state;
	assert_non_null(f);
	for (unsigned i = 0; i < 300; i++)
		for (unsigned j = 0; j < 5; j++) {
			fprintf(f, "allow tcp ");
			for (unsigned k = 0; k < 60; k++)
				fprintf(f, "%s%u", k ? "," : "", 1 + 2 * (60 * j + k) + i % 2);
			fprintf(f, " 10.%u.0.%u\n", i / 100, i % 100 * 2);
		}
	fclose(f);
	struct policy *const p = policy_right(&(struct policy_text){"users/u.acl", text}, 1);
	assert_non_null(p);
	assert_int_equal(profile_compile(p, &anybody, 0, &out), -E2BIG);
	assert_null(out);
	policy_unref(p);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_joins),
		cmocka_unit_test(test_denies),
		cmocka_unit_test(test_equality),
		cmocka_unit_test(test_minus),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_nested),
		cmocka_unit_test(test_too_big),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

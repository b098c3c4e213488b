/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "config/profile_words.h"
#include "tests/unit/policy_text.h"

static struct profile *compile(const char *text)
{
	static const struct subject anybody = {.user = "u", .device_class = CLASS_PRIVATE};
	struct profile *p = NULL;
	struct policy *const policy = policy_right(&(struct policy_text){"users/u.acl", text}, 1);

	assert_non_null(policy);
	assert_int_equal(profile_compile(policy, &anybody, 0, &p), 0);
	policy_unref(policy);
	return p;
}

static void check(const char *rules, const char *sentence)
{
	struct arena arena = {0};
	struct profile *const p = compile(rules);
	const char *text = NULL;

	assert_int_equal(profile_sentence(&arena, p, 3, &text), 0);
	assert_string_equal(text, sentence);
	profile_free(p);
	arena_free(&arena);
}

static void test_forms(void **state)
{
	(void)state;
	check("", "");
	check("allow tcp 443 10.0.0.1", "tcp 443 10.0.0.1");
	check("allow udp * 10.0.0.0/8", "udp * 10.0.0.0/8");
	check("allow any 0.0.0.0/0 ::/0", "any 0.0.0.0/0 ::/0");
	check("allow icmp 10.0.0.1 2001:db8::1", "icmp 10.0.0.1 2001:db8::1");
	check("allow tcp 1 10.0.0.5-10.0.0.7", "tcp 1 10.0.0.5-10.0.0.7");
	check("allow tcp 1 10.0.0.4-10.0.0.8", "tcp 1 10.0.0.4-10.0.0.8");
	check("allow tcp 1 10.0.0.4-10.0.0.7", "tcp 1 10.0.0.4/30");
	check("allow tcp 1 2001:db8::-2001:db8::ffff", "tcp 1 2001:db8::/112");
	check("allow tcp 1 2001:db8::1-2001:db8::ffff", "tcp 1 2001:db8::1-2001:db8::ffff");
}

static void test_few(void **state)
{
	(void)state;
	/* Ports of one destination, then destinations of equal ports. */
	check("allow tcp 80 10.0.0.1\nallow tcp 443 10.0.0.1\nallow tcp 80,443 10.0.0.9", "tcp 80,443 10.0.0.1 10.0.0.9");
	check("allow tcp 443 10.0.0.0/24\nallow tcp 443,3389 10.0.0.7", "tcp 443 10.0.0.0/24; tcp 3389 10.0.0.7");
	check("allow tcp 1-9,11 10.0.0.1\nallow udp 5 10.0.0.1", "tcp 1-9,11 10.0.0.1; udp 5 10.0.0.1");
}

static void test_beyond_the_language(void **state)
{
	(void)state;
	check("allow any 10.0.0.0/24\ndeny tcp 445 10.0.0.0/24",
		"protocols 0-5,7-255 10.0.0.0/24; tcp 0-444,446-65535 10.0.0.0/24");
	check("allow any 10.0.0.1\ndeny icmp 10.0.0.1", "protocols 0,2-255 10.0.0.1");
	check("allow any ::1\ndeny icmp ::1", "protocols 0-57,59-255 ::1");
}

static void test_bounds(void **state)
{
	char rules[4096];
	size_t used = 0;

	(void)state;
	check("allow tcp 1 10.0.0.1\nallow tcp 2 10.0.0.2\nallow tcp 3 10.0.0.3\nallow tcp 4 10.0.0.4\nallow tcp 5 10.0.0.5",
		"tcp 1 10.0.0.1; tcp 2 10.0.0.2; tcp 3 10.0.0.3; and 2 more");
	for (unsigned i = 0; i < WORDS_DESTS_MAX + 1; i++)
		used += (size_t)snprintf(rules + used, sizeof rules - used, "allow tcp 1 10.0.0.%u\n", 2 * i);
	check(rules, "tcp 1 10.0.0.0 10.0.0.2 10.0.0.4 10.0.0.6 10.0.0.8 10.0.0.10 10.0.0.12 10.0.0.14; tcp 1 10.0.0.16");
	used = 0;
	for (unsigned i = 0; i < WORDS_PORTS_MAX + 1; i++)
		used += (size_t)snprintf(rules + used, sizeof rules - used, "allow tcp %u 10.0.0.1\n", 60000 + 2 * i);
	check(rules,
		"tcp 60000,60002,60004,60006,60008,60010,60012,60014,60016,60018,60020,60022,60024,60026,60028,60030 10.0.0.1; "
		"tcp 60032 10.0.0.1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_few),
		cmocka_unit_test(test_beyond_the_language),
		cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

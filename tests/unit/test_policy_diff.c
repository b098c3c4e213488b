/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/text.h"
#include "config/policy_diff.h"
#include "tests/unit/policy_text.h"

enum { FILES = 8 };

static const struct subject yamada = {
	.user = "t-yamada", .groups = (const char *const[]){"soumu", "jinji"}, .group_count = 2, .device_class = CLASS_SHARED};

static struct policy *load(const struct policy_text *files)
{
	size_t count = 0;

	while (count < FILES && files[count].path)
		count++;
	struct policy *const p = policy_right(files, count);
	assert_non_null(p);
	return p;
}

/* All sentences, one a line; "!" before those that take something away. */
static char *show(const struct policy_changes *c)
{
	char *text = NULL;
	size_t size = 0;
	FILE *const f = open_memstream(&text, &size);

	assert_non_null(f);
	for (size_t i = 0; i < c->count; i++) {
		char *const sentence = policy_change_sentence(&c->change[i]);
		assert_non_null(sentence);
		fprintf(f, "%s%s\n", c->change[i].loss ? "!" : "", sentence);
		free(sentence);
	}
	fclose(f);
	return text;
}

static void check_at(const char *date, const struct policy_text *before, const struct policy_text *after, bool of_subject,
	const char *expected)
{
	struct policy *const a = load(before), *const b = load(after);
	struct policy_changes c = {0};
	int64_t at;

	assert_int_equal(time_parse(date, &at), 0);
	assert_int_equal(of_subject ? policy_diff_subject(a, b, &yamada, at, &c) : policy_diff(a, b, at, &c), 0);
	policy_unref(a);
	policy_unref(b);
	char *const text = show(&c);
	assert_string_equal(text, expected);
	assert_int_equal(c.loss, strchr(text, '!') != NULL);
	free(text);
	policy_changes_free(&c);
	assert_int_equal(c.count, 0);
}

#define SET(...) ((const struct policy_text[FILES]){__VA_ARGS__})

static void check(const struct policy_text *before, const struct policy_text *after, const char *expected)
{
	check_at("2026-11-23", before, after, false, expected);
}

static void check_subject(const struct policy_text *before, const struct policy_text *after, const char *expected)
{
	check_at("2026-11-23", before, after, true, expected);
}

#define SYSTEMS                                                                                                                  \
	{                                                                                                                        \
		"systems.acl", "system webmail tcp 443 10.20.0.10 2001:db8::10\nsystem webmail tcp 993 10.20.0.10\n"             \
			       "system files tcp 445 10.20.2.0/24\n"                                                             \
	}

static void test_nothing(void **state)
{
	(void)state;
	check(SET({0}), SET({0}), "");
	check(SET({"users/a.acl", "allow tcp 1 10.0.0.1"}), SET({"users/a.acl", "allow tcp 1 10.0.0.1"}), "");
	check(SET({"users/a.acl", "allow tcp 1 10.0.0.1\nallow tcp 2 10.0.0.1"}),
		SET({"users/a.acl", "# better\nallow tcp 1-2 10.0.0.1 reason \"R8\""}),
		"users/a.acl is reworded (comments, reasons or order)\n");
}

static void test_opens(void **state)
{
	(void)state;
	check(SET(SYSTEMS, {"groups/soumu.acl", "allow webmail"}),
		SET(SYSTEMS, {"groups/soumu.acl", "allow tcp 3389 10.30.5.77\nallow files"}),
		"groups/soumu.acl gains tcp 3389 10.30.5.77\n"
		"groups/soumu.acl gains files (tcp 445 10.20.2.0/24)\n"
		"!groups/soumu.acl loses webmail (tcp 443,993 10.20.0.10; tcp 443 2001:db8::10)\n");
	check(SET({0}), SET(SYSTEMS, {"users/a.acl", "allow any 10.9.0.0/16"}),
		"systems.acl is new\n"
		"systems.acl adds: system files (tcp 445 10.20.2.0/24)\n"
		"systems.acl adds: system webmail (tcp 443,993 10.20.0.10; tcp 443 2001:db8::10)\n"
		"users/a.acl is new\n"
		"users/a.acl gains any 10.9.0.0/16\n");
	check(SET({"users/a.acl", "allow tcp 22 10.0.0.1"}, {"devices/shared.acl", ""}), SET({0}),
		"users/a.acl is removed\n"
		"!users/a.acl loses tcp 22 10.0.0.1\n"
		"devices/shared.acl is removed\n");
}

static void test_systems(void **state)
{
	(void)state;
	/* A part of a system; a rule in numbers that is a system. */
	check(SET(SYSTEMS, {"users/a.acl", "allow files"}),
		SET(SYSTEMS, {"users/a.acl", "allow files\ndeny tcp * 10.20.2.128/25\nallow tcp 993 10.20.0.10"}),
		"users/a.acl gains part of webmail (tcp 993 10.20.0.10)\n"
		"!users/a.acl loses part of files (tcp 445 10.20.2.128/25)\n"
		"!users/a.acl denies tcp * 10.20.2.128/25\n");
	check(SET(SYSTEMS, {"users/a.acl", "allow tcp 445 10.20.2.0/24"}), SET(SYSTEMS, {"users/a.acl", ""}),
		"!users/a.acl loses files (tcp 445 10.20.2.0/24)\n");
	/* No rule says it in these words: what a denial leaves open in something wide. */
	check(SET(SYSTEMS, {"users/a.acl", "allow any 10.20.0.0/16\ndeny any 10.20.2.0/24"}),
		SET(SYSTEMS, {"users/a.acl", "allow any 10.20.0.0/16\ndeny tcp 1-444,446-65535 10.20.2.0/24\n"
					     "deny udp * 10.20.2.0/24\ndeny icmp 10.20.2.0/24"}),
		"users/a.acl gains files (tcp 445 10.20.2.0/24)\n"
		"users/a.acl gains protocols 0,2-5,7-16,18-255 10.20.2.0/24\n"
		"users/a.acl gains tcp 0 10.20.2.0/24\n"
		"users/a.acl denies no more files (tcp 445 10.20.2.0/24)\n"
		"users/a.acl denies no more protocols 0,2-5,7-16,18-255 10.20.2.0/24\n"
		"users/a.acl denies no more tcp 0 10.20.2.0/24\n");
}

static void test_owner(void **state)
{
	(void)state;
	check(SET({"users/a.acl", "owner \"総務課\""}), SET({"users/a.acl", "owner \"人事課\""}),
		"users/a.acl removes: owner \"総務課\"\nusers/a.acl adds: owner \"人事課\"\n");
}

/* Each line: what it says, and whether it takes something away. */
static void test_terms(void **state)
{
	(void)state;
	check(SET({"groups/a.acl", ""}), SET({"groups/a.acl", "hours mon-fri 07:00-22:00\nsession 4h\nfrom 203.0.113.0/24"}),
		"!groups/a.acl adds: hours mon-fri 07:00-22:00\n!groups/a.acl adds: from 203.0.113.0/24\n"
		"!groups/a.acl adds: session 4h\n");
	check(SET({"groups/a.acl", "hours mon-fri 07:00-22:00\nfrom 203.0.113.0/24"}),
		SET({"groups/a.acl", "hours sat 09:00-12:00\nhours mon-fri 07:00-22:00\nfrom 203.0.113.0/24\nfrom 192.0.2.1"}),
		"groups/a.acl adds: hours sat 09:00-12:00\ngroups/a.acl adds: from 192.0.2.1\n");
	check(SET({"groups/a.acl", "hours sat 09:00-12:00\nhours mon 07:00-22:00"}),
		SET({"groups/a.acl", "hours sat 09:00-12:00"}), "!groups/a.acl removes: hours mon 07:00-22:00\n");
	check(SET({"groups/a.acl", "hours sat 09:00-12:00"}), SET({"groups/a.acl", ""}),
		"groups/a.acl removes: hours sat 09:00-12:00\n");
	check(SET({"users/a.acl", "session 4h idle 10m\nvalid until 2027-03-31"}),
		SET({"users/a.acl", "session 8h\nvalid until 2027-04-30"}),
		"users/a.acl removes: valid until 2027-03-31\nusers/a.acl adds: valid until 2027-04-30\n"
		"users/a.acl removes: session 4h idle 10m\nusers/a.acl adds: session 8h\n");
	check(SET({"users/a.acl", "session 8h\nvalid until 2027-03-31"}),
		SET({"users/a.acl", "session 8h idle 10m\nvalid from 2026-01-01 until 2027-03-31"}),
		"!users/a.acl adds: valid from 2026-01-01 until 2027-03-31\n!users/a.acl removes: valid until 2027-03-31\n"
		"!users/a.acl removes: session 8h\n!users/a.acl adds: session 8h idle 10m\n");
}

static void test_lists(void **state)
{
	(void)state;
	check(SET({"lists/jp.acl", "203.0.113.0/24\n"}, {"users/a.acl", "from list jp"}),
		SET({"lists/jp.acl", "203.0.113.0/25\n2001:db8::/32\n"}, {"users/a.acl", "from list jp"}),
		"!lists/jp.acl removes: 203.0.113.128/25\nlists/jp.acl adds: 2001:db8::/32\n"
		"!users/a.acl adds: from list jp (with other networks)\n");
	check(SET({"lists/jp.acl", "203.0.113.0/25\n"}, {"users/a.acl", "from list jp"}),
		SET({"lists/jp.acl", "203.0.113.0/24\n"}, {"users/a.acl", "from list jp"}),
		"lists/jp.acl adds: 203.0.113.128/25\nusers/a.acl adds: from list jp (with other networks)\n");
	check(SET({"lists/jp.acl", "203.0.113.0/24\n"}, {"users/a.acl", "from list jp"}),
		SET({"lists/jp.acl", "203.0.113.0/25\n203.0.113.128/25\n"}, {"users/a.acl", "from list jp"}),
		"lists/jp.acl is reworded (comments, reasons or order)\n");
}

static void test_until(void **state)
{
	const struct policy_text *const none = SET({"users/a.acl", ""});
	const struct policy_text *const may = SET({"users/a.acl", "allow tcp 1 10.0.0.1"});
	const struct policy_text *const march = SET({"users/a.acl", "allow tcp 1 10.0.0.1 until 2027-03-31 reason \"R8\""});

	(void)state;
	check(may, march,
		"!users/a.acl removes: allow tcp 1 10.0.0.1\n!users/a.acl adds: allow tcp 1 10.0.0.1 until 2027-03-31 reason "
		"\"R8\"\n");
	check(march, may,
		"users/a.acl removes: allow tcp 1 10.0.0.1 until 2027-03-31 reason \"R8\"\nusers/a.acl adds: allow tcp 1 "
		"10.0.0.1\n");
	check(none, march,
		"users/a.acl gains tcp 1 10.0.0.1\nusers/a.acl adds: allow tcp 1 10.0.0.1 until 2027-03-31 reason \"R8\"\n");
	check_at("2027-04-01", none, march, false, "users/a.acl adds: allow tcp 1 10.0.0.1 until 2027-03-31 reason \"R8\"\n");
	check_at("2027-04-01", march, may, false,
		"users/a.acl gains tcp 1 10.0.0.1\nusers/a.acl removes: allow tcp 1 10.0.0.1 until 2027-03-31 reason \"R8\"\n"
		"users/a.acl adds: allow tcp 1 10.0.0.1\n");
	check(SET({"users/a.acl", "deny tcp 1 10.0.0.1 until 2027-03-31"}), SET({"users/a.acl", "deny tcp 1 10.0.0.1"}),
		"!users/a.acl removes: deny tcp 1 10.0.0.1 until 2027-03-31\n!users/a.acl adds: deny tcp 1 10.0.0.1\n");
}

/* The Internet is hundreds of ranges; it is called by its name, whole or in part. */
static void test_internet(void **state)
{
	(void)state;
	check(SET({"users/a.acl", ""}), SET({"users/a.acl", "allow tcp 443 internet"}), "users/a.acl gains tcp 443 internet\n");
	check(SET({"users/a.acl", "allow tcp 443 internet"}), SET({"users/a.acl", "allow tcp 443 internet\ndeny any 8.8.8.8"}),
		"!users/a.acl loses part of tcp 443 internet (tcp 443 8.8.8.8)\n!users/a.acl denies any 8.8.8.8\n");
}

static void test_subject(void **state)
{
	(void)state;
	/* What another file allows as well is no loss, what it denies no gain. */
	check_subject(
		SET(SYSTEMS, {"groups/soumu.acl", "allow webmail"}, {"groups/jinji.acl", "allow webmail"}, {"users/x.acl", ""}),
		SET(SYSTEMS, {"groups/soumu.acl", "allow files"}, {"groups/jinji.acl", "allow webmail\nowner \"a\""},
			{"users/x.acl", "allow files"}, {"devices/shared.acl", "deny any 10.20.2.128/25"}),
		"gains part of files (tcp 445 10.20.2.0/25)\ngroups/jinji.acl adds: owner \"a\"\n");
	check_subject(SET(SYSTEMS, {"groups/jinji.acl", "allow webmail"}),
		SET(SYSTEMS, {"groups/jinji.acl", "allow webmail"}, {"users/t-yamada.acl", "deny webmail"}),
		"!loses webmail (tcp 443,993 10.20.0.10; tcp 443 2001:db8::10)\n");
	check_subject(SET({"groups/soumu.acl", ""}, {"users/t-yamada.acl", ""}), SET({"groups/soumu.acl", ""}), "");
	check_subject(SET({"groups/soumu.acl", ""}), SET({"devices/shared.acl", ""}),
		"!loses the last ACL file, without which `default-access` decides about logins\n");
	check_subject(SET({"groups/other.acl", "allow tcp 1 10.0.0.1"}), SET({0}), "");
}

static void test_equal(void **state)
{
	struct policy *const none = load(SET({0})), *const a = load(SET({"groups/soumu.acl", "allow tcp 1 10.0.0.1"}));
	const struct subject other = {.user = "other", .groups = yamada.groups, .group_count = 1};
	struct policy_changes x, y, z;

	(void)state;
	assert_int_equal(policy_diff_subject(none, a, &yamada, 0, &x), 0);
	assert_int_equal(policy_diff_subject(none, a, &other, 0, &y), 0);
	assert_int_equal(policy_diff_subject(a, none, &other, 0, &z), 0);
	assert_true(policy_changes_equal(&x, &y));
	assert_false(policy_changes_equal(&x, &z));
	policy_changes_free(&x);
	policy_changes_free(&y);
	policy_changes_free(&z);
	policy_unref(none);
	policy_unref(a);
}

/* More than can be read: the rest is counted. */
static void test_bounds(void **state)
{
	char *text = NULL;
	size_t size = 0, gains = 0;
	FILE *const f = open_memstream(&text, &size);
	struct policy_changes c;

	(void)state;
	assert_non_null(f);
	for (unsigned i = 0; i < 20000; i++)
		fprintf(f, "allow tcp %u 10.%u.%u.1\n", 1 + i, i >> 8, i & 255);
	fclose(f);
	struct policy *const none = load(SET({0})), *const many = load(SET({"users/a.acl", text}));
	assert_int_equal(policy_diff(none, many, 0, &c), 0);
	for (size_t i = 0; i < c.count; i++)
		gains += c.change[i].kind == CHANGE_GAINS;
	assert_int_equal(gains, POLICY_DIFF_TEXTS + 1);
	assert_string_equal(c.change[c.count - 1].text, "19936 more");
	policy_changes_free(&c);
	policy_unref(none);
	policy_unref(many);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_opens),
		cmocka_unit_test(test_systems),
		cmocka_unit_test(test_owner),
		cmocka_unit_test(test_terms),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_until),
		cmocka_unit_test(test_internet),
		cmocka_unit_test(test_subject),
		cmocka_unit_test(test_equal),
		cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

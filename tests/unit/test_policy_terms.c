/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "common/text.h"
#include "config/settings.h"
#include "tests/unit/policy_text.h"

#define HOUR (INT64_C(3600) * 1000000)

static const struct policy_text set[] = {
	{"systems.acl", "owner \"IT\"\nsystem web tcp 443 internet\nsystem mail tcp 443 10.20.0.10\n"},
	{"lists/hotels.acl", "owner \"travel desk\"\n203.0.113.0/25 203.0.113.128/25\n2001:db8:5::/48\n"},
	{"groups/soumu.acl", "allow mail until 2027-03-31 reason \"R8\"\n"
			     "allow web\n"
			     "deny tcp 443 198.41.0.4 until 2026-12-31\n"
			     "hours mon-fri 07:00-22:00\n"
			     "hours sat 09:00-12:00\n"
			     "from 198.51.100.0/24\n"
			     "from list hotels\n"
			     "session 8h idle 30m\n"},
	{"groups/jinji.acl", "allow mail until 2026-11-30\nhours daily 08:00-20:00\nsession 10h idle 20m\n"},
	{"groups/free.acl", "allow mail\n"},
	{"users/t-yamada.acl", "valid from 2026-04-01 until 2027-03-31\nsession 9h\nfrom 203.0.113.64/26 192.0.2.1\n"},
	{"devices/private.acl", "session 4h\nhours daily 06:00-24:00\n"},
	{"devices/shared.acl", "hours sun 00:00-24:00\n"},
};
enum { SET = sizeof set / sizeof *set };

static const char *const soumu[] = {"soumu"}, *const both[] = {"soumu", "jinji"}, *const free_group[] = {"free"};

static int64_t local(const char *text)
{
	int64_t at = 0;

	assert_int_equal(time_parse(text, &at), 0);
	return at;
}

static struct policy_terms terms(const struct policy *p, struct subject s, const char *at)
{
	struct policy_terms t;

	policy_terms(p, &s, local(at), &t);
	return t;
}

static void assert_line(const struct line_ref *l, const char *file, unsigned line)
{
	if (!file) {
		assert_null(l->file);
		return;
	}
	assert_non_null(l->file);
	assert_string_equal(l->file, file);
	assert_int_equal(l->line, line);
}

static const struct subject soumu_ministry = {.user = "x", .groups = soumu, .group_count = 1, .device_class = CLASS_MINISTRY};

static void test_hours(void **state)
{
	struct policy *const p = policy_right(set, SET);
	struct subject s = soumu_ministry;
	struct policy_terms t;

	(void)state;
	assert_non_null(p);
	t = terms(p, s, "2026-11-23T12:00"); /* a Monday */
	assert_int_equal(t.bar, BAR_NONE);
	assert_int_equal(t.ends, local("2026-11-23T22:00"));
	assert_int_equal(t.ends_bar, BAR_HOURS);
	assert_line(&t.ends_line, "groups/soumu.acl", 4);
	assert_string_equal(t.ends_line.text, "hours mon-fri 07:00-22:00");
	assert_line(&t.bar_line, NULL, 0);
	t = terms(p, s, "2026-11-28T10:00"); /* Saturday: the other line */
	assert_int_equal(t.ends, local("2026-11-28T12:00"));
	assert_line(&t.ends_line, "groups/soumu.acl", 5);
	t = terms(p, s, "2026-11-28T12:00");
	assert_int_equal(t.bar, BAR_HOURS);
	assert_int_equal(t.opens, local("2026-11-30T07:00"));
	assert_line(&t.bar_line, "groups/soumu.acl", 5);
	/* Files that have hours must agree. */
	s.groups = both;
	s.group_count = 2;
	t = terms(p, s, "2026-11-23T12:00");
	assert_int_equal(t.ends, local("2026-11-23T20:00"));
	assert_line(&t.ends_line, "groups/jinji.acl", 2);
	t = terms(p, s, "2026-11-23T21:00");
	assert_int_equal(t.opens, local("2026-11-24T08:00"));
	assert_line(&t.bar_line, "groups/jinji.acl", 2);
	/* No minute of the week suits all. */
	s.device_class = CLASS_SHARED;
	t = terms(p, s, "2026-11-23T12:00");
	assert_int_equal(t.bar, BAR_HOURS);
	assert_int_equal(t.opens, INT64_MAX);
	assert_line(&t.bar_line, "devices/shared.acl", 1);
	/* Without hours, always. */
	t = terms(p, (struct subject){.user = "x", .groups = free_group, .group_count = 1}, "2026-11-23T03:00");
	assert_int_equal(t.bar, BAR_NONE);
	assert_int_equal(t.ends, INT64_MAX);
	assert_int_equal(t.ends_bar, BAR_NONE);
	assert_int_equal(t.changes, INT64_MAX);
	policy_unref(p);
}

static void test_valid(void **state)
{
	struct policy *const p = policy_right(set, SET);
	struct subject s = {.user = "t-yamada", .groups = soumu, .group_count = 1};
	struct policy_terms t;

	(void)state;
	assert_non_null(p);
	t = terms(p, s, "2026-03-31T12:00");
	assert_int_equal(t.bar, BAR_NOT_YET);
	assert_line(&t.bar_line, "users/t-yamada.acl", 1);
	assert_int_equal(t.opens, local("2026-04-01T07:00")); /* a Wednesday */
	t = terms(p, s, "2027-04-01");
	assert_int_equal(t.bar, BAR_PERIOD);
	assert_int_equal(t.opens, INT64_MAX);
	assert_line(&t.bar_line, "users/t-yamada.acl", 1);
	/* Nothing opens between the last hours and the end of the period. */
	t = terms(p, s, "2027-03-31T22:30");
	assert_int_equal(t.bar, BAR_HOURS);
	assert_int_equal(t.opens, INT64_MAX);
	s.group_count = 0;
	t = terms(p, s, "2027-03-31T22:30");
	assert_int_equal(t.bar, BAR_NONE);
	assert_int_equal(t.ends, local("2027-04-01"));
	assert_int_equal(t.ends_bar, BAR_PERIOD);
	assert_line(&t.ends_line, "users/t-yamada.acl", 1);
	t = terms(p, s, "2026-03-31T12:00");
	assert_int_equal(t.opens, local("2026-04-01"));
	policy_unref(p);
}

static void test_session(void **state)
{
	struct policy *const p = policy_right(set, SET);
	struct subject s = {.user = "t-yamada", .groups = both, .group_count = 2, .device_class = CLASS_PRIVATE};
	struct policy_terms t;

	(void)state;
	assert_non_null(p);
	t = terms(p, s, "2026-11-23T12:00");
	assert_int_equal(t.session_seconds, 4 * 3600);
	assert_line(&t.session_line, "devices/private.acl", 1);
	assert_int_equal(t.idle_seconds, 20 * 60);
	assert_line(&t.idle_line, "groups/jinji.acl", 3);
	t = terms(p, (struct subject){.user = "x", .groups = free_group, .group_count = 1}, "2026-11-23T12:00");
	assert_int_equal(t.session_seconds, 0);
	assert_int_equal(t.idle_seconds, 0);
	assert_line(&t.session_line, NULL, 0);
	policy_unref(p);
}

static bool from(const struct policy *p, const struct subject *s, const char *address, struct line_ref *line)
{
	struct addr a;

	assert_int_equal(addr_parse(address, &a), 0);
	return policy_from(p, s, &a, line);
}

static void test_from(void **state)
{
	struct policy *const p = policy_right(set, SET);
	const struct subject yamada = {.user = "t-yamada", .groups = soumu, .group_count = 1};
	const struct subject anywhere = {.user = "x", .groups = free_group, .group_count = 1};
	struct line_ref line = {0};

	(void)state;
	assert_non_null(p);
	assert_true(from(p, &soumu_ministry, "198.51.100.255", &line));
	assert_true(from(p, &soumu_ministry, "203.0.113.127", &line));
	assert_true(from(p, &soumu_ministry, "203.0.113.128", &line));
	assert_true(from(p, &soumu_ministry, "2001:db8:5:ffff::1", NULL));
	assert_line(&line, NULL, 0);
	assert_false(from(p, &soumu_ministry, "198.51.101.0", &line));
	assert_line(&line, "groups/soumu.acl", 6);
	assert_false(from(p, &soumu_ministry, "203.0.112.255", NULL));
	assert_false(from(p, &soumu_ministry, "203.0.114.0", NULL));
	assert_false(from(p, &soumu_ministry, "2001:db8:6::", NULL));
	/* Both files must agree; the user's is asked first. */
	assert_true(from(p, &yamada, "203.0.113.64", NULL));
	assert_false(from(p, &yamada, "203.0.113.1", &line));
	assert_line(&line, "users/t-yamada.acl", 3);
	assert_false(from(p, &yamada, "192.0.2.1", &line));
	assert_line(&line, "groups/soumu.acl", 6);
	assert_true(from(p, &anywhere, "2001:db8:6::", NULL));
	policy_unref(p);
}

static bool list_rule(const struct rule_ref *r, void *arg)
{
	char *const text = arg;

	snprintf(text + strlen(text), 512 - strlen(text), "%s:%u ", r->file, r->line);
	return true;
}

static void test_lapsing(void **state)
{
	struct policy *const p = policy_right(set, SET);
	const struct subject s = {.user = "x", .groups = both, .group_count = 2};
	const struct target mail = {.addr = {.family = 4, .bytes = {10, 20, 0, 10}}, .proto = 6, .port = 443};
	const struct target root = {.addr = {.family = 4, .bytes = {198, 41, 0, 4}}, .proto = 6, .port = 443};
	const int64_t april = local("2027-04-01"), new_year = local("2027-01-01");
	char text[512] = "";
	struct profile *profile;
	size_t n;

	(void)state;
	assert_non_null(p);
	assert_int_equal(terms(p, s, "2026-11-23T12:00").changes, local("2026-12-01"));
	assert_int_equal(terms(p, s, "2026-12-01").changes, new_year);
	assert_int_equal(terms(p, s, "2027-01-01").changes, april);
	assert_int_equal(terms(p, s, "2027-04-01").changes, INT64_MAX);
	/* At the instant itself a rule is over. */
	assert_true(policy_decide(p, &s, &mail, april - 1, NULL, 0, &n));
	assert_false(policy_decide(p, &s, &mail, april, NULL, 0, &n));
	assert_int_equal(n, 0);
	assert_false(policy_decide(p, &s, &root, new_year - 1, NULL, 0, &n));
	assert_true(policy_decide(p, &s, &root, new_year, NULL, 0, &n));
	assert_int_equal(profile_compile(p, &s, new_year, &profile), 0);
	assert_true(profile_allows(profile, &root));
	assert_true(profile_allows(profile, &mail));
	profile_free(profile);
	assert_int_equal(profile_compile(p, &s, april, &profile), 0);
	assert_false(profile_allows(profile, &mail));
	profile_free(profile);
	/* Half-open: from is in it, to is not. */
	policy_lapsing(p, new_year, april, list_rule, text);
	assert_string_equal(text, "groups/soumu.acl:3 ");
	*text = '\0';
	policy_lapsing(p, INT64_MIN, INT64_MAX, list_rule, text);
	assert_string_equal(text, "groups/jinji.acl:1 groups/soumu.acl:1 groups/soumu.acl:3 ");
	*text = '\0';
	policy_lapsing_of(p, &s, local("2026-12-01"), april + 1, list_rule, text);
	assert_string_equal(text, "groups/soumu.acl:1 groups/jinji.acl:1 groups/soumu.acl:3 ");
	*text = '\0';
	policy_lapsing_of(p, &(struct subject){.user = "x"}, INT64_MIN, INT64_MAX, list_rule, text);
	policy_lapsing(p, april, april, list_rule, text);
	assert_string_equal(text, "");
	policy_rules(p, &s, new_year, list_rule, text);
	assert_string_equal(text, "groups/soumu.acl:1 groups/soumu.acl:2 ");
	policy_unref(p);
}

/* The midnight after a date, where clocks skip midnight or the whole day. */
static void test_dates(void **state)
{
	static const struct {
		const char *zone, *text;
		int64_t until; /* seconds, by date(1) */
	} cases[] = {
		{"Asia/Tokyo", "allow any 10.0.0.1 until 2027-03-31\n", 1806505200},
		{"UTC", "allow any 10.0.0.1 until 2027-12-31\n", 1830297600},
		{"UTC", "allow any 10.0.0.1 until 2028-02-28\n", 1835395200},
		{"America/Santiago", "allow any 10.0.0.1 until 2026-09-05\n", 1788667200}, /* the 6th begins at 01:00 */
		{"Pacific/Apia", "allow any 10.0.0.1 until 2011-12-29\n", 1325239200}, /* there was no 30th */
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct policy_text file = {"users/u.acl", cases[i].text};
		setenv("TZ", cases[i].zone, 1);
		tzset();
		struct policy *const p = policy_right(&file, 1);
		struct policy_terms t;
		assert_non_null(p);
		policy_terms(p, &(struct subject){.user = "u"}, 0, &t);
		assert_int_equal(t.changes, cases[i].until * 1000000);
		policy_unref(p);
	}
	setenv("TZ", "Asia/Tokyo", 1);
	tzset();
}

static bool reaches(const struct policy *p, const char *address)
{
	const struct subject s = {.user = "u"};
	struct target t = {.proto = 6, .port = 443};
	size_t n;

	assert_int_equal(addr_parse(address, &t.addr), 0);
	return policy_decide(p, &s, &t, 0, NULL, 0, &n);
}

static void test_internet(void **state)
{
	static const char *const inside[] = {"1.0.0.0", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0",
		"126.255.255.255", "128.0.0.0", "172.15.255.255", "172.32.0.0", "192.0.1.0", "192.0.3.0", "192.167.255.255",
		"192.169.0.0", "198.17.255.255", "198.20.0.0", "203.0.112.255", "203.0.114.0", "223.255.255.255",
		"2000::", "2001:200::", "2400::1", "2a00:1450::1", "3ffe:ffff::1", "3fff:1000::"};
	static const char *const outside[] = {"0.0.0.0", "10.0.0.1", "100.64.0.0", "127.0.0.1", "169.254.1.1", "172.16.0.1",
		"192.0.0.8", "192.0.2.1", "192.168.1.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1",
		"255.255.255.255", "::", "::1", "64:ff9b::8.8.8.8", "100::1", "2001::1", "2001:1ff:ffff::", "2001:db8::1",
		"2002::1", "3fff:fff::", "4000::", "5f00::1", "fc00::1", "fd64:0:0:1::2", "fe80::1", "ff02::1",
		/* of the settings */
		"133.1.0.0", "133.1.255.255", "2400:db8:20::1", "133.2.3.4"};
	const struct policy_text file = {"users/u.acl", "allow tcp 443 internet\n"};
	struct settings s = {.network_count = 2};
	struct prefix room[NETWORKS_MAX + 2];
	struct diag d = diag_new();
	struct policy *p = NULL;
	struct build b;

	(void)state;
	assert_int_equal(prefix_parse("133.1.0.0/16", &s.networks[0]), 0);
	assert_int_equal(prefix_parse("2400:db8:20::/48", &s.networks[1]), 0);
	assert_int_equal(prefix_parse("133.2.0.0/16", &s.tunnel4), 0);
	const struct policy_context context = settings_policy_context(&s, room);
	assert_int_equal(context.internal_count, 3);
	policy_build_start(&b, &context, &d);
	policy_build_file(&b, FILE_USER, file.path, "u", file.text, strlen(file.text));
	assert_int_equal(policy_build_end(&b, &p), 0);
	for (size_t i = 0; i < sizeof inside / sizeof *inside; i++)
		if (!reaches(p, inside[i]))
			fail_msg("%s is not internet", inside[i]);
	for (size_t i = 0; i < sizeof outside / sizeof *outside; i++)
		if (reaches(p, outside[i]))
			fail_msg("%s is internet", outside[i]);
	policy_unref(p);
	/* Nothing is left. */
	assert_int_equal(prefix_parse("0.0.0.0/0", &s.networks[0]), 0);
	assert_int_equal(prefix_parse("::/0", &s.networks[1]), 0);
	const struct policy_context all = settings_policy_context(&s, room);
	policy_build_start(&b, &all, &d);
	policy_build_file(&b, FILE_USER, file.path, "u", file.text, strlen(file.text));
	assert_int_equal(policy_build_end(&b, &p), -EINVAL);
	assert_non_null(strstr(d.entries[0].text, "nothing is internet"));
	diag_free(&d);
}

static bool list_file(const struct policy_file *f, void *arg)
{
	char *const text = arg;

	snprintf(text + strlen(text), 512 - strlen(text), "%s %s %s %d %u\n", f->path, f->name, f->owner ? f->owner : "-",
		(int)f->kind, f->rules);
	return f->kind != FILE_USER;
}

static void test_files(void **state)
{
	struct policy *const p = policy_right(set, SET);
	char text[512] = "";

	(void)state;
	assert_non_null(p);
	policy_files(p, list_file, text);
	assert_string_equal(text, "systems.acl  IT 0 0\n"
				  "lists/hotels.acl hotels travel desk 1 0\n"
				  "groups/free.acl free - 2 1\n"
				  "groups/jinji.acl jinji - 2 1\n"
				  "groups/soumu.acl soumu - 2 3\n"
				  "users/t-yamada.acl t-yamada - 3 0\n");
	policy_unref(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hours),
		cmocka_unit_test(test_valid),
		cmocka_unit_test(test_session),
		cmocka_unit_test(test_from),
		cmocka_unit_test(test_lapsing),
		cmocka_unit_test(test_dates),
		cmocka_unit_test(test_internet),
		cmocka_unit_test(test_files),
	};

	setenv("TZ", "Asia/Tokyo", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

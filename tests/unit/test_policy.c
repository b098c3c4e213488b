/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "config/input.h"
#include "config/nearest.h"
#include "tests/unit/policy_text.h"

static const struct policy_text set[] = {
	{"systems.acl", "owner \"IT\"\n"
			"system webmail tcp 443 10.20.0.10 2001:db8::10\n"
			"system webmail tcp 993 10.20.0.10\n"
			"system files tcp 445 10.20.2.0/24\n"},
	{"groups/soumu.acl", "allow webmail   reason \"R8\"  # comment\n"
			     "deny tcp 445 10.20.2.99\n"},
	{"groups/jinji.acl", "owner \"人事課\"\n\nallow files\n"},
	{"users/t-yamada.acl", "allow tcp 3389 10.30.5.77\nallow icmp 10.30.5.77 2001:db8::77\nallow any 10.30.5.78\n"},
	{"users/empty.acl", ""},
	{"devices/shared.acl", "deny tcp 993 0.0.0.0/0\ndeny files\n"},
};
enum { SET = sizeof set / sizeof *set };

static struct target target(const char *proto, const char *port, const char *address)
{
	struct target t;
	char why[256];

	if (target_parse(proto, port, address, &t, why, sizeof why) < 0)
		fail_msg("%s", why);
	return t;
}

static const char *const both[] = {"soumu", "jinji"};

/* Asks, and checks which rules take part: "file:line file:line". */
static void ask(const struct policy *p, const struct subject *s, const struct target *t, bool allowed, const char *expected)
{
	struct rule_ref rules[4];
	char text[256] = "";
	size_t n = 99;

	assert_int_equal(policy_decide(p, s, t, 0, rules, 4, &n), allowed);
	for (size_t i = 0; i < n && i < 4; i++)
		snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s:%u", i ? " " : "", rules[i].file, rules[i].line);
	assert_string_equal(text, expected);
}

static void test_decide(void **state)
{
	struct policy *const p = policy_right(set, SET);
	struct subject s = {.user = "t-yamada", .groups = both, .group_count = 2, .device_class = CLASS_MINISTRY};
	const struct target mail = target("tcp", "443", "10.20.0.10"), mail6 = target("tcp", "443", "2001:db8::10");
	const struct target imap = target("tcp", "993", "10.20.0.10"), file = target("tcp", "445", "10.20.2.1");
	const struct target archive = target("tcp", "445", "10.20.2.99"), desk = target("tcp", "3389", "10.30.5.77");
	const struct target gre = target("47", NULL, "10.30.5.78"), ping = target("icmp", "", "10.30.5.77");
	const struct target ping6 = target("icmp", "", "2001:db8::77"), v4_in_v6 = target("58", "", "10.30.5.77");

	(void)state;
	assert_non_null(p);
	ask(p, &s, &mail, true, "groups/soumu.acl:1");
	ask(p, &s, &mail6, true, "groups/soumu.acl:1");
	ask(p, &s, &imap, true, "groups/soumu.acl:1");
	ask(p, &s, &file, true, "groups/jinji.acl:3");
	ask(p, &s, &archive, false, "groups/soumu.acl:2 groups/jinji.acl:3");
	ask(p, &s, &desk, true, "users/t-yamada.acl:1");
	ask(p, &s, &gre, true, "users/t-yamada.acl:3");
	ask(p, &s, &ping, true, "users/t-yamada.acl:2");
	ask(p, &s, &ping6, true, "users/t-yamada.acl:2");
	ask(p, &s, &v4_in_v6, false, "");
	s.device_class = CLASS_SHARED;
	ask(p, &s, &imap, false, "devices/shared.acl:1 groups/soumu.acl:1");
	ask(p, &s, &archive, false, "groups/soumu.acl:2 devices/shared.acl:2 groups/jinji.acl:3");
	s.user = "somebody";
	ask(p, &s, &desk, false, "");
	/* Twice in the same group is once; an unknown group is nothing. */
	s.groups = (const char *const[]){"jinji", "jinji", "nobody", "jinji"};
	s.group_count = 4;
	s.device_class = CLASS_PRIVATE;
	ask(p, &s, &file, true, "groups/jinji.acl:3");
	s.group_count = 0;
	ask(p, &s, &file, false, "");
	/* A user's file is no group's file and no class's. */
	s.user = "soumu";
	ask(p, &s, &mail, false, "");
	policy_unref(p);
}

static void test_texts(void **state)
{
	struct policy *const p = policy_right(set, SET);
	const struct subject s = {.user = "t-yamada", .groups = both, .group_count = 2};
	const struct target mail = target("tcp", "443", "10.20.0.10"), desk = target("tcp", "3389", "10.30.5.77");
	struct rule_ref r;
	size_t n;

	(void)state;
	assert_non_null(p);
	assert_true(policy_decide(p, &s, &mail, 0, &r, 1, &n));
	assert_string_equal(r.text, "allow webmail reason \"R8\"");
	assert_string_equal(r.what, "webmail");
	assert_int_equal(r.action, RULE_ALLOW);
	assert_true(policy_decide(p, &s, &desk, 0, &r, 1, &n));
	assert_string_equal(r.what, "tcp 3389 10.30.5.77");
	assert_string_equal(policy_owner(p, "groups/jinji.acl"), "人事課");
	assert_string_equal(policy_owner(p, "systems.acl"), "IT");
	assert_null(policy_owner(p, "groups/soumu.acl"));
	assert_null(policy_owner(p, "groups/nobody.acl"));
	const struct policy_counts c = policy_counts(p);
	assert_int_equal(c.files, 6);
	assert_int_equal(c.rules, 8);
	assert_int_equal(c.systems, 2);
	/* With one more reference it lives on. */
	assert_ptr_equal(policy_ref(p), p);
	policy_unref(p);
	assert_true(policy_decide(p, &s, &mail, 0, &r, 1, &n));
	policy_unref(p);
	policy_unref(NULL);
}

struct rules_seen {
	char text[512];
	unsigned count, stop_after;
};

static bool see_rule(const struct rule_ref *r, void *arg)
{
	struct rules_seen *const seen = arg;

	snprintf(
		seen->text + strlen(seen->text), sizeof seen->text - strlen(seen->text), "%s:%u %s\n", r->file, r->line, r->what);
	return ++seen->count != seen->stop_after;
}

static void test_rules(void **state)
{
	struct policy *const p = policy_right(set, SET);
	const struct subject s = {.user = "t-yamada", .groups = both, .group_count = 2, .device_class = CLASS_SHARED};
	struct rules_seen seen = {.count = 0}, few = {.stop_after = 2}, most = {.stop_after = 6};

	(void)state;
	assert_non_null(p);
	policy_rules(p, &s, 0, see_rule, &seen);
	assert_string_equal(seen.text, "users/t-yamada.acl:1 tcp 3389 10.30.5.77\n"
				       "users/t-yamada.acl:2 icmp 10.30.5.77 2001:db8::77\n"
				       "users/t-yamada.acl:3 any 10.30.5.78\n"
				       "groups/soumu.acl:1 webmail\n"
				       "groups/jinji.acl:3 files\n"
				       "groups/soumu.acl:2 tcp 445 10.20.2.99\n"
				       "devices/shared.acl:1 tcp 993 0.0.0.0/0\n"
				       "devices/shared.acl:2 files\n");
	policy_rules(p, &s, 0, see_rule, &few);
	assert_int_equal(few.count, 2);
	policy_rules(p, &s, 0, see_rule, &most);
	assert_int_equal(most.count, 6);
	policy_unref(p);
}

/* What another file denies altogether is not open; what it denies in part is. */
static void test_rules_open(void **state)
{
	struct policy *const p = policy_right(set, SET);
	const struct subject s = {.user = "t-yamada", .groups = both, .group_count = 2, .device_class = CLASS_SHARED};
	struct rules_seen seen = {.count = 0}, few = {.stop_after = 2};
	struct profile *open;

	(void)state;
	assert_non_null(p);
	assert_int_equal(profile_compile(p, &s, 0, &open), 0);
	policy_rules_open(p, &s, 0, open, see_rule, &seen);
	assert_string_equal(seen.text, "users/t-yamada.acl:1 tcp 3389 10.30.5.77\n"
				       "users/t-yamada.acl:2 icmp 10.30.5.77 2001:db8::77\n"
				       "users/t-yamada.acl:3 any 10.30.5.78\n"
				       "groups/soumu.acl:1 webmail\n");
	policy_rules_open(p, &s, 0, open, see_rule, &few);
	assert_int_equal(few.count, 2);
	profile_free(open);
	policy_unref(p);
}

static void test_has_files(void **state)
{
	struct policy *const p = policy_right(set, SET);
	struct subject s = {.user = "nobody", .groups = both, .group_count = 2, .device_class = CLASS_SHARED};

	(void)state;
	assert_non_null(p);
	assert_true(policy_has_files(p, &s));
	s.group_count = 0;
	assert_false(policy_has_files(p, &s)); /* the class's file does not count */
	s.user = "empty";
	assert_true(policy_has_files(p, &s));
	policy_unref(p);
}

static void test_classes(void **state)
{
	enum device_class c = CLASS_MINISTRY;

	(void)state;
	for (unsigned i = 0; i < DEVICE_CLASSES; i++) {
		assert_int_equal(device_class_parse(device_class_name((enum device_class)i), &c), 0);
		assert_int_equal(c, i);
	}
	assert_int_equal(device_class_parse("Shared", &c), -EINVAL);
	assert_int_equal(device_class_parse("", &c), -EINVAL);
	assert_string_equal(device_class_name((enum device_class)99), "unknown");
}

static void test_targets(void **state)
{
	static const struct {
		const char *proto, *port, *address, *why; /* why: a part of the sentence, NULL when it is right */
		uint8_t number;
		uint16_t at;
	} cases[] = {
		{"tcp", "443", "10.1.2.3", NULL, 6, 443},
		{"17", "53", "2001:db8::1", NULL, 17, 53},
		{"icmp", "", "10.1.2.3", NULL, 1, 0},
		{"icmp", NULL, "2001:db8::1", NULL, 58, 0},
		{"0", "", "10.1.2.3", NULL, 0, 0},
		{"255", "", "10.1.2.3", NULL, 255, 0},
		{"132", "38412", "10.1.2.3", NULL, 132, 38412},
		{"132", "", "10.1.2.3", NULL, 132, 0},
		{"icmp", "", "::ffff:10.1.2.3", NULL, 1, 0},
		{"tcp", "", "10.1.2.3", "needs a port", 0, 0},
		{"6", NULL, "10.1.2.3", "needs a port", 0, 0},
		{"icmp", "8", "10.1.2.3", "has no ports", 0, 0},
		{"50", "1", "10.1.2.3", "has no ports", 0, 0},
		{"any", "", "10.1.2.3", "not a protocol", 0, 0},
		{"256", "", "10.1.2.3", "not a protocol", 0, 0},
		{"", "", "10.1.2.3", "not a protocol", 0, 0},
		{"tcp", "0", "10.1.2.3", "not a port", 0, 0},
		{"tcp", "65536", "10.1.2.3", "not a port", 0, 0},
		{"tcp", "80,443", "10.1.2.3", "not a port", 0, 0},
		{"tcp", "443", "10.1.2.0/24", "not an address", 0, 0},
		{"tcp", "443", "\x1b[2J", "\\x1b[2J", 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct target t = {.proto = 99};
		char why[200] = "";
		const int r = target_parse(cases[i].proto, cases[i].port, cases[i].address, &t, why, sizeof why);
		assert_int_equal(r, cases[i].why ? -EINVAL : 0);
		if (cases[i].why && !strstr(why, cases[i].why))
			fail_msg("%zu: %s", i, why);
		assert_int_equal(t.proto, cases[i].why ? 99 : cases[i].number);
		if (!cases[i].why)
			assert_int_equal(t.port, cases[i].at);
	}
}

/* How many entries of a level, and is this part of a text among them? */
static unsigned count_entries(const struct diag *d, enum diag_level level, const char *part)
{
	unsigned n = 0;

	for (size_t i = 0; i < d->count; i++)
		n += d->entries[i].level == level && strstr(d->entries[i].text, part) != NULL;
	return n;
}

/* `count` different rules, from the number `first` on. */
static char *rules_text(unsigned first, unsigned count)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	assert_non_null(f);
	for (unsigned i = first; i < first + count; i++)
		fprintf(f, "deny udp %u ::%x\n", i % 50000 + 1, i / 50000);
	fclose(f);
	return text;
}

static void test_too_many_rules(void **state)
{
	enum { EACH = 50000 };
	char *const a = rules_text(0, EACH), *const b = rules_text(EACH, EACH);
	struct policy_text files[] = {{"groups/a.acl", a}, {"groups/b.acl", b}, {"users/c.acl", ""}};
	struct policy *p = policy_right(files, 3);
	struct diag d = diag_new();

	(void)state;
	assert_non_null(p);
	assert_int_equal(policy_counts(p).rules, POLICY_RULES_MAX);
	policy_unref(p);
	p = NULL;
	files[2].text = "allow tcp 1 10.0.0.1\nallow tcp 2 10.0.0.1\n";
	assert_int_equal(policy_of_texts(files, 3, &p, &d), -EINVAL);
	assert_null(p);
	assert_int_equal(d.count, 1);
	assert_string_equal(d.entries[0].file, "users/c.acl");
	assert_int_equal(count_entries(&d, DIAG_ERROR, "more than 100000 rules"), 1);
	diag_free(&d);
	free(a);
	free(b);
}

static void test_too_many_boxes(void **state)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);
	struct policy *p = NULL;
	struct diag d = diag_new();

	(void)state;
	assert_non_null(f);
	for (unsigned i = 0; i < 40; i++) {
		fprintf(f, "allow tcp %u", i + 1);
		for (unsigned j = 1; j < 64; j++)
			fprintf(f, ",%u", 1000 + 2 * j);
		for (unsigned j = 0; j < 200; j++)
			fprintf(f, " 10.0.%u.%u", i, j);
		fputc('\n', f);
	}
	fclose(f);
	assert_int_equal(policy_of_texts(&(struct policy_text){"users/u.acl", text}, 1, &p, &d), -EINVAL);
	assert_int_equal(d.count, 1);
	assert_int_equal(count_entries(&d, DIAG_ERROR, "more than 500000 combinations"), 1);
	assert_int_equal(d.entries[0].line, 40);
	diag_free(&d);
	free(text);
}

static void test_too_large_text(void **state)
{
	char *const text = malloc(INPUT_MAX + 2);
	struct policy *p = NULL;
	struct diag d = diag_new();

	(void)state;
	assert_non_null(text);
	memset(text, '\n', INPUT_MAX + 1);
	text[INPUT_MAX + 1] = '\0';
	assert_int_equal(policy_of_texts(&(struct policy_text){"users/u.acl", text}, 1, &p, &d), -EINVAL);
	assert_int_equal(count_entries(&d, DIAG_ERROR, "larger than 1 MiB"), 1);
	diag_free(&d);
	text[INPUT_MAX] = '\0';
	p = policy_right(&(struct policy_text){"users/u.acl", text}, 1);
	assert_non_null(p);
	policy_unref(p);
	free(text);
}

/* A diag that has errors of something else does not make a good set bad, and keeps its state. */
static void test_failed_before(void **state)
{
	struct diag d = diag_new();
	struct policy *p = NULL;

	(void)state;
	diag_add(&d, DIAG_ERROR, "other", 0, 0, 1, NULL, "earlier");
	assert_int_equal(policy_of_texts(set, SET, &p, &d), 0);
	assert_true(d.failed);
	policy_unref(p);
	diag_free(&d);
}

static const char *nearest(const char *word, const char *const *names)
{
	struct nearest n = nearest_to(word);

	nearest_offer_all(&n, names);
	return n.best ? n.best : "";
}

static void test_nearest(void **state)
{
	static const char *const names[] = {"webmail", "intranet", "files", "tcp", "a-very-long-name-of-a-system", NULL};

	(void)state;
	assert_string_equal(nearest("webmial", names), "webmail"); /* swapped */
	assert_string_equal(nearest("wbmail", names), "webmail");
	assert_string_equal(nearest("wwebmail", names), "webmail");
	assert_string_equal(nearest("WEBMAIL", names), "webmail");
	assert_string_equal(nearest("webmai1", names), "webmail");
	assert_string_equal(nearest("a-very-long-nmae-of-a-sytem", names), "a-very-long-name-of-a-system");
	assert_string_equal(nearest("printer", names), "");
	assert_string_equal(nearest("", names), "");
	assert_string_equal(nearest("t", names), "");
	assert_string_equal(nearest("0123456789012345678901234567890123456789012345678901234567890123456789", names), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decide),
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_rules_open),
		cmocka_unit_test(test_has_files),
		cmocka_unit_test(test_classes),
		cmocka_unit_test(test_targets),
		cmocka_unit_test(test_too_many_rules),
		cmocka_unit_test(test_too_many_boxes),
		cmocka_unit_test(test_too_large_text),
		cmocka_unit_test(test_failed_before),
		cmocka_unit_test(test_nearest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

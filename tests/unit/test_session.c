/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The pure parts of sessions and admission: whether a change narrows a session, which ids profiles get, who may come in. */
#include <errno.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "gateway/device.h"
#include "gateway/session_internal.h"
#include "tests/unit/policy_text.h"

#define S INT64_C(1000000)

static struct profile_box box(
	const char *first, const char *last, uint8_t proto_first, uint8_t proto_last, uint16_t port_first, uint16_t port_last)
{
	struct profile_box b = {
		.proto_first = proto_first, .proto_last = proto_last, .port_first = port_first, .port_last = port_last};
	assert_int_equal(addr_parse(first, &b.first), 0);
	assert_int_equal(addr_parse(last, &b.last), 0);
	return b;
}

static void test_covers(void **state)
{
	(void)state;
	struct profile_box whole[] = {box("10.0.0.0", "10.0.0.255", 0, 255, 0, 65535)};
	struct profile_box split[] = {box("10.0.0.0", "10.0.0.9", 0, 255, 0, 65535),
		box("10.0.0.10", "10.0.0.255", 0, 5, 0, 65535), box("10.0.0.10", "10.0.0.255", 6, 6, 0, 444),
		box("10.0.0.10", "10.0.0.255", 6, 6, 446, 65535), box("10.0.0.10", "10.0.0.255", 7, 255, 0, 65535)};
	struct profile_box six[] = {box("2001:db8::", "2001:db8::ffff", 6, 6, 443, 443)};
	struct profile a = {.count = 1, .boxes = whole}, b = {.count = 5, .boxes = split}, c = {.count = 1, .boxes = six};
	assert_true(session_still_covers(&a, &a));
	assert_true(session_still_covers(&a, &b));
	assert_false(session_still_covers(&b, &a)); /* tcp 445 is missing */
	split[3].port_first = 445;
	assert_true(session_still_covers(&b, &a));
	assert_true(session_still_covers(&a, NULL));
	assert_false(session_still_covers(NULL, &a));
	assert_true(session_still_covers(NULL, NULL));
	assert_false(session_still_covers(&a, &c));
	assert_false(session_still_covers(&c, &a));
	split[0].last.bytes[3] = 8;
	assert_false(session_still_covers(&b, &a)); /* 10.0.0.9 is missing */
}

/* ---- ids ---- */

static struct profile_box boxes[] = {{.port_first = 1, .port_last = 1}, {.port_first = 2, .port_last = 2},
	{.port_first = 3, .port_last = 3}, {.port_first = 4, .port_last = 4}};
static struct profile contents[] = {{.count = 1, .hash = 1, .boxes = &boxes[0]}, {.count = 1, .hash = 2, .boxes = &boxes[1]},
	{.count = 1, .hash = 3, .boxes = &boxes[2]}, {.count = 1, .hash = 4, .boxes = &boxes[3]}};
static struct profile empty;

static struct profile *copy_of(const struct profile *p)
{
	struct profile *copy = malloc(sizeof *copy);
	assert_non_null(copy);
	*copy = *p;
	copy->boxes = malloc(sizeof *copy->boxes);
	assert_non_null(copy->boxes);
	*copy->boxes = *p->boxes;
	return copy;
}

/* A table in which id 1 has contents[0] with two sessions, id 2 has contents[1] with one. */
static struct profiles *table(void)
{
	struct profiles *p;
	struct profile_want a = {.profile = copy_of(&contents[0]), .uses = 2}, b = {.profile = copy_of(&contents[1]), .uses = 1};
	a.next = &b;
	assert_int_equal(profiles_new(&p), 0);
	assert_int_equal(profiles_settle(p, &a), 0);
	assert_int_equal(a.id, 1);
	assert_int_equal(b.id, 2);
	assert_true(a.build && b.build);
	profiles_switch(p, NULL, &a); /* nothing to remove, so no firewall is asked */
	assert_null(a.profile);
	assert_int_equal(profiles_count(p), 2);
	return p;
}

static void settle_two(struct profile_want *a, struct profile_want *b)
{
	struct profiles *p = table();
	a->next = b;
	assert_int_equal(profiles_settle(p, a), 0);
	profiles_free(p);
}

static void test_settle(void **state)
{
	(void)state;
	/* All sessions of an id get the same new contents: the id is repointed. The other's are not touched. */
	struct profile_want a = {.profile = &contents[2], .before = 1, .uses = 2, .stay = 2};
	struct profile_want b = {.profile = &contents[1], .before = 2, .uses = 1, .stay = 1};
	settle_two(&a, &b);
	assert_true(a.id == 1 && a.build && b.id == 2 && !b.build);
	/* One of two gets others: it leaves, for an id that nobody has. */
	a = (struct profile_want){.profile = &contents[0], .before = 1, .uses = 1, .stay = 1};
	b = (struct profile_want){.profile = &contents[2], .before = 1, .uses = 1, .stay = 1};
	settle_two(&a, &b);
	assert_true(a.id == 1 && !a.build && b.id == 3 && b.build);
	/* Both get others, but not the same, or one of them ends: what is on its way with mark 1 must not be judged by either. */
	a.profile = &contents[3];
	settle_two(&a, &b);
	assert_true(a.id == 3 && a.build && b.id == 4 && b.build);
	/* They get what another id has: they go there, and it is built by nobody. */
	a = (struct profile_want){.profile = &contents[1], .before = 1, .uses = 3, .stay = 2};
	b = (struct profile_want){.profile = &empty, .before = 1, .uses = 1, .stay = 1};
	settle_two(&a, &b);
	assert_true(a.id == 2 && !a.build && b.id == 0 && !b.build);
	/* Contents that were compiled for somebody who ends are wanted by nobody. */
	a = (struct profile_want){.profile = &contents[2], .before = 0, .uses = 0};
	settle_two(&a, &b);
	assert_true(a.id == 0 && !a.build);
}

static void test_settle_full(void **state)
{
	struct profile_want *all = calloc(PROFILE_ID_MAX + 1, sizeof *all);
	struct profile *many = calloc(PROFILE_ID_MAX + 1, sizeof *many);
	struct profiles *p;
	(void)state;
	assert_true(all && many);
	assert_int_equal(profiles_new(&p), 0);
	for (unsigned i = 0; i <= PROFILE_ID_MAX; i++) {
		many[i] = (struct profile){.count = 1, .hash = i, .boxes = &boxes[0]};
		all[i] = (struct profile_want){.profile = &many[i], .uses = 1};
		all[i].next = i + 1 < PROFILE_ID_MAX ? &all[i + 1] : NULL;
	}
	assert_int_equal(profiles_settle(p, all), 0);
	assert_int_equal(all[PROFILE_ID_MAX - 1].id, PROFILE_ID_MAX);
	all[PROFILE_ID_MAX - 1].next = &all[PROFILE_ID_MAX];
	assert_int_equal(profiles_settle(p, all), -ENOSPC);
	profiles_free(p);
	free(all);
	free(many);
}

/* ---- rules that are shared ---- */

static const struct policy_text set[] = {
	{"systems.acl", "system web tcp 443 10.20.0.10\nsystem db tcp 5432 10.20.0.11\n"},
	{"groups/a.acl", "allow web\nhours daily 00:00-12:00\n"},
	{"groups/b.acl", "allow web\n"},
	{"groups/c.acl", "allow db\n"},
	{"users/u.acl", "allow db\n"},
};

static const struct session_rules *look(struct rule_book *b, const char *user, const char *const *groups, size_t count)
{
	const struct session_rules *rules = NULL;
	struct subject s = {.user = user, .groups = groups, .group_count = count, .device_class = CLASS_MINISTRY};
	assert_int_equal(rule_book_look(b, &s, &rules), 0);
	return rules;
}

static void test_rule_book(void **state)
{
	struct policy *p = policy_right(set, sizeof set / sizeof *set);
	struct rule_book *b;
	size_t count = 0;
	(void)state;
	assert_non_null(p);
	assert_int_equal(rule_book_new(p, 1, &b), 0);
	const struct session_rules *a = look(b, "x", (const char *[]){"a", "none"}, 2);
	const struct session_rules *a2 = look(b, "y", (const char *[]){"other", "a"}, 2); /* the same files */
	const struct session_rules *only_b = look(b, "x", (const char *[]){"b"}, 1); /* other terms, equal contents */
	const struct session_rules *bc = look(b, "x", (const char *[]){"b", "c"}, 2),
				   *cb = look(b, "x", (const char *[]){"c", "b"}, 2);
	const struct session_rules *c = look(b, "x", (const char *[]){"c"}, 1), *u = look(b, "u", NULL, 0);
	const struct session_rules *none = look(b, "x", NULL, 0);
	assert_ptr_equal(a, a2);
	assert_ptr_not_equal(a, only_b);
	assert_ptr_equal(a->want, only_b->want);
	assert_int_equal(a->terms.ends_bar, BAR_HOURS);
	assert_int_equal(only_b->terms.ends_bar, BAR_NONE);
	assert_ptr_equal(bc, cb);
	assert_ptr_not_equal(bc->want, only_b->want);
	assert_ptr_equal(c->want, u->want);
	assert_true(a->access && u->access && !none->access);
	for (const struct profile_want *w = rule_book_wants(b); w; w = w->next)
		count++;
	assert_int_equal(count, 4); /* web, web and db, db, nothing */
	struct profile_want *kept;
	assert_int_equal(rule_book_keep(b, c->want->profile, &kept), 0);
	assert_ptr_equal(kept, c->want);
	assert_int_equal(rule_book_keep(b, &contents[3], &kept), 0);
	assert_true(profile_equal(kept->profile, &contents[3]));
	rule_book_want(kept, 9);
	rule_book_want(kept, 0);
	rule_book_want(kept, 9);
	assert_true(kept->before == 9 && kept->uses == 3 && kept->stay == 2);
	rule_book_free(b);
	policy_unref(p);
}

static void test_judge(void **state)
{
	(void)state;
	struct device d = {.status = DEVICE_ACTIVE};
	assert_null(device_judge(&d, 100 * S));
	d.valid_from = 101 * S;
	assert_string_equal(device_judge(&d, 100 * S), "not-yet-valid");
	assert_null(device_judge(&d, 101 * S));
	d.valid_until = 200 * S;
	assert_null(device_judge(&d, 200 * S - 1));
	assert_string_equal(device_judge(&d, 200 * S), "expired");
	d.status = DEVICE_SUSPENDED;
	assert_string_equal(device_judge(&d, 150 * S), "suspended");
	d.status = DEVICE_LOST;
	assert_string_equal(device_judge(&d, 150 * S), "lost");
	d.status = DEVICE_REVOKED;
	assert_string_equal(device_judge(&d, 150 * S), "revoked");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_covers),
		cmocka_unit_test(test_settle),
		cmocka_unit_test(test_settle_full),
		cmocka_unit_test(test_rule_book),
		cmocka_unit_test(test_judge),
	};
	return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}

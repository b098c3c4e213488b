/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A change of ACLs over many live sessions, with the real firewall, ledger and logs in namespaces of their own: what is concerned
 * switches, what is not is not touched, and what fails leaves everything as it was. SESSIONS=10000 in the environment measures.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "gateway/peer.h"
#include "gateway/session_internal.h"
#include "tests/unit/firewall_table.h"
#include "tests/unit/policy_text.h"

enum { GROUPS = 200, RULES = 20, USUAL = 600, FILE_TEXT = 2048, WHY = 512 };

#define FOLDER "/run/wireguard" /* a tmpfs in these namespaces */

static unsigned wanted(void)
{
	const char *text = getenv("SESSIONS");
	return text ? (unsigned)strtoul(text, NULL, 10) : USUAL;
}

/* A file for each group; those up to `changed` have other ports. */
static struct policy *policy_of(unsigned changed, const char *more)
{
	static char texts[GROUPS][FILE_TEXT], paths[GROUPS][32];
	struct policy_text files[GROUPS];
	for (unsigned i = 0; i < GROUPS; i++) {
		size_t used = 0;
		for (unsigned r = 0; r < RULES; r++)
			used += (size_t)snprintf(texts[i] + used, FILE_TEXT - used, "allow tcp %u 10.20.%u.%u\n",
				(i < changed ? 1000 : 80) + r, i, r + 1);
		snprintf(texts[i] + used, FILE_TEXT - used, "%s", more);
		snprintf(paths[i], sizeof paths[i], "groups/g%u.acl", i);
		files[i] = (struct policy_text){paths[i], texts[i]};
	}
	struct policy *p = policy_right(files, GROUPS);
	assert_non_null(p);
	return p;
}

static void no_flow(const struct flow_record *r, void *arg)
{
	(void)r;
	(void)arg;
}

static void open_parts(struct gateway *g)
{
	char why[WHY] = "";
	*g = (struct gateway){.settings = {.session_seconds = 3600, .session_idle_seconds = 3600}, .generation = 1};
	RUN_QUIET("nft", "flush", "ruleset");
	SH("rm -rf " FOLDER "/*");
	g->policy = policy_of(0, "");
	g->firewall = opened(false);
	assert_int_equal(ledger_open(FOLDER "/ledger", &g->ledger, why, sizeof why), 0);
	assert_int_equal(log_open(FOLDER, NULL, "gw1", 0, &g->log, why, sizeof why), 0);
	assert_int_equal(flow_open(&(struct flow_sink){.closed = no_flow}, -1, &g->flow, why, sizeof why), 0);
	assert_int_equal(peers_new(&session_peer_login, &g->peers), 0);
	assert_int_equal(sessions_new(&g->sessions), 0);
	clock_watch_start(&g->clock, clock_offset());
}

static void open_session(struct gateway *g, unsigned i)
{
	struct prefix v4 = prefix("10.64.0.0/12"), v6 = {0};
	struct device d = {.device_class = CLASS_MINISTRY, .user_count = 1};
	struct endpoint from = {.addr = address("203.0.113.7"), .port = 4000};
	char groups[1][USER_NAME_MAX + 1];
	struct session *s;
	const unsigned number = i + 1;
	memcpy(d.public_key.bytes, &number, sizeof number);
	snprintf(d.label, sizeof d.label, "phone");
	snprintf(d.users[0], sizeof d.users[0], "u%u", i);
	snprintf(groups[0], sizeof groups[0], "g%u", i % GROUPS);
	assert_int_equal(ledger_device_add(g->ledger, &d, &v4, &v6, NULL, time_now()), 0);
	assert_int_equal(session_open(g, &d, d.users[0], groups, 1, &from, &s), LOGIN_OK);
}

static int begin(void **state)
{
	static struct gateway g;
	open_parts(&g);
	for (unsigned i = 0; i < wanted(); i++)
		open_session(&g, i);
	assert_int_equal(sessions_profiles(&g), GROUPS);
	*state = &g;
	return 0;
}

static int end(void **state)
{
	struct gateway *g = *state;
	sessions_free(g->sessions);
	peers_free(g->peers);
	flow_close(g->flow);
	log_close(g->log);
	ledger_close(g->ledger);
	firewall_close(g->firewall);
	policy_unref(g->policy);
	return 0;
}

/* Applies and makes it the policy in force, as gateway_reload.c does; how many sessions changed. */
static unsigned apply(struct gateway *g, struct policy *p)
{
	unsigned changed = 0;
	int64_t before = time_boot();
	assert_int_equal(sessions_apply(g, p, &changed), 0);
	print_message("%u sessions, %u changed: %.1f ms\n", sessions_count(g), changed, (double)(time_boot() - before) / 1000);
	policy_unref(g->policy);
	g->policy = p;
	g->generation++;
	return changed;
}

static unsigned lines_with(const char *word)
{
	char command[128];
	unsigned count = 0;
	snprintf(command, sizeof command, "grep -c '%s' " FOLDER "/auth.jsonl", word);
	FILE *f = popen(command, "re"); /* NOLINT(cert-env33-c): a fixed command of a test */
	assert_non_null(f);
	if (fscanf(f, "%u", &count) != 1) /* NOLINT(cert-err34-c) */
		count = 0;
	pclose(f);
	return count;
}

struct picture {
	uint16_t profile;
	int64_t ends;
};

static struct picture *picture_of(struct gateway *g)
{
	struct picture *all = calloc(sessions_count(g), sizeof *all);
	size_t i = 0;
	assert_non_null(all);
	for (struct session *s = session_next(g, NULL); s; s = session_next(g, s))
		all[i++] = (struct picture){s->profile, s->plan.ends};
	return all;
}

static void assert_picture(struct gateway *g, const struct picture *before)
{
	size_t i = 0;
	for (struct session *s = session_next(g, NULL); s; s = session_next(g, s), i++) {
		assert_int_equal(s->profile, before[i].profile);
		assert_int_equal(s->plan.ends, before[i].ends);
		assert_null(s->step);
	}
}

static void test_difference(void **state)
{
	struct gateway *g = *state;
	struct picture *before = picture_of(g);
	unsigned all = sessions_count(g), per_group = all / GROUPS;
	assert_int_equal(apply(g, policy_of(0, "# the same\n")), 0);
	assert_int_equal(apply(g, policy_of(1, "")), per_group);
	assert_picture(g, before); /* contents were switched under their ids: no session was touched */
	assert_int_equal(sessions_profiles(g), GROUPS);
	assert_int_equal(apply(g, policy_of(GROUPS, "")), all - per_group);
	assert_picture(g, before);
	assert_int_equal(lines_with("session-narrowed"), all);
	const struct profile *p = profiles_get(g->sessions->profiles, session_next(g, NULL)->profile);
	struct target t = {.addr = address("10.20.0.1"), .proto = 6, .port = 1000};
	assert_true(profile_allows(p, &t));
	free(before);
	/* All get the same lifetime: elements change, contents do not. */
	assert_int_equal(apply(g, policy_of(GROUPS, "session 10m\n")), 0);
	assert_int_equal(session_next(g, NULL)->plan.ends - session_next(g, NULL)->began, INT64_C(600) * 1000000);
	assert_string_equal(session_next(g, NULL)->plan.line.file, "groups/g0.acl");
}

static int count_one(const struct firewall_session *s, void *arg)
{
	(void)s;
	++*(unsigned *)arg;
	return 0;
}

static void test_equal_rules_meet(void **state)
{
	struct gateway *g = *state;
	static const struct policy_text one[] = {
		{"groups/g0.acl", "allow tcp 1 10.0.0.1\n"}, {"groups/g1.acl", "allow tcp 1 10.0.0.1\n"}};
	unsigned all = sessions_count(g), per_group = all / GROUPS;
	struct policy *p = policy_right(one, 2);
	assert_int_equal(apply(g, p), all);
	/* Groups 0 and 1 share; the others have no file any more. Their records may take more than one turn. */
	while (sessions_tick(g, time_now()) == SESSIONS_MORE)
		;
	assert_int_equal(sessions_profiles(g), 1);
	assert_int_equal(sessions_count(g), 2 * per_group);
	assert_int_equal(lines_with("acl-removed"), all - 2 * per_group);
	unsigned held = 0;
	assert_int_equal(firewall_sessions(g->firewall, count_one, &held), 0);
	assert_int_equal(held, 2 * per_group);
}

static void test_failure_leaves_all(void **state)
{
	struct gateway *g = *state;
	struct picture *before = picture_of(g);
	struct policy *p = policy_of(GROUPS, "session 10m\n");
	unsigned changed = 77;
	assert_int_equal(SH("nft delete table inet sekisho"), 0);
	assert_true(sessions_apply(g, p, &changed) < 0);
	assert_int_equal(changed, 77);
	assert_picture(g, before);
	assert_int_equal(sessions_profiles(g), GROUPS);
	assert_int_equal(lines_with("session-narrowed"), 0);
	const struct profile *have = profiles_get(g->sessions->profiles, session_next(g, NULL)->profile);
	struct target t = {.addr = address("10.20.0.1"), .proto = 6, .port = 80};
	assert_true(profile_allows(have, &t));
	free(before);
	policy_unref(p);
}

#define CHANGE(name) cmocka_unit_test_setup_teardown(name, begin, end)

static int all_tests(void)
{
	const struct CMUnitTest tests[] = {
		CHANGE(test_difference),
		CHANGE(test_equal_rules_meet),
		CHANGE(test_failure_leaves_all),
	};
	return cmocka_run_group_tests_name("session_change", tests, NULL, NULL);
}

int main(void)
{
	return namespace_main(all_tests);
}

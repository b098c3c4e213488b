/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "common/array.h"
#include "common/say.h"
#include "common/secret.h"
#include "gateway/session_internal.h"

static const int64_t TIMEOUT_SLACK_MS = 5000;

/* What the kernel was found to hold. */
struct held {
	struct firewall_session *sessions;
	size_t session_count, session_room;
	uint16_t *profiles;
	size_t profile_count, profile_room;
};

static int held_session(const struct firewall_session *s, void *arg)
{
	struct held *held = arg;
	struct firewall_session *sessions =
		array_room(held->sessions, &held->session_room, held->session_count, 1, sizeof *sessions);
	if (!sessions)
		return -ENOMEM;
	held->sessions = sessions;
	held->sessions[held->session_count++] = *s;
	return 0;
}

static int held_profile(uint16_t id, void *arg)
{
	struct held *held = arg;
	uint16_t *profiles = array_room(held->profiles, &held->profile_room, held->profile_count, 1, sizeof *profiles);
	if (!profiles)
		return -ENOMEM;
	held->profiles = profiles;
	held->profiles[held->profile_count++] = id;
	return 0;
}

static int held_compare(const void *a, const void *b)
{
	const struct firewall_session *x = a, *y = b;
	return (x->serial > y->serial) - (x->serial < y->serial);
}

static const struct firewall_session *held_find(const struct held *held, uint32_t serial)
{
	struct firewall_session wanted = {.serial = serial};
	return held->session_count ? bsearch(&wanted, held->sessions, held->session_count, sizeof wanted, held_compare) : NULL;
}

/* When its lifetime began, as far as the ledger tells. */
static int64_t began(const struct session_row *row)
{
	return row->renewed ? row->renewed : row->opened;
}

static int load_row(const struct session_row *row, void *arg)
{
	struct gateway *g = arg;
	struct device d;
	int r = ledger_device_by_id(g->ledger, row->device, &d);
	if (r < 0)
		return r;
	struct session *s = session_note(&d, time_now());
	secret_wipe(&d.preshared, sizeof d.preshared);
	if (!s)
		return -ENOMEM;
	s->row = *row;
	s->began = began(row);
	r = session_copy_groups(row->groups, row->group_count, &s->row.groups);
	if (r < 0)
		s->row.group_count = 0;
	else
		r = session_index(g->sessions, s);
	if (r < 0)
		session_discard(s);
	return r;
}

/*
 * What the clock did while we were down shows in the kernel, whose elements count down without it: where less is left there than
 * by the clock, that was set back by the difference, and the lifetime began as much earlier. Where the kernel has no element, as
 * after a reboot, a session that was opened in the future is the only sign, and it cannot be trusted to end in time.
 */
static bool clock_is_trusted(struct session *s, const struct firewall_session *have, int64_t now)
{
	if (!have)
		return began(&s->row) <= now;
	int64_t back = s->row.expires - now - have->timeout_ms * 1000;
	if (have->timeout_ms > 0 && back > TIMEOUT_SLACK_MS * 1000) {
		s->began -= back;
		s->row.expires -= back;
	}
	return true;
}

/* Over while nobody looked: by which bound, as far as the rules of now tell. */
static void end_missed(struct gateway *g, struct session *s, const struct subject *subject)
{
	struct policy_terms terms;
	struct end_cause cause = {0};
	int64_t when;
	policy_terms(g->policy, subject, began(&s->row), &terms);
	struct session_plan plan = session_plan_of(g, s, &terms, began(&s->row));
	enum session_end reason = session_plan_due(&plan, INT64_MAX / 2, s->row.expires, &when, &cause.line);
	(void)session_end_at(g, s, reason == END_NONE ? END_EXPIRED : reason, s->row.expires, &cause);
}

/* A session is its device's and its key's: one that is older than the key is another key's. */
static enum session_end unfit_device(const struct device *d, const struct session_row *row)
{
	switch (d->status) {
	case DEVICE_LOST:
		return END_DEVICE_LOST;
	case DEVICE_REVOKED:
		return END_DEVICE_REVOKED;
	case DEVICE_SUSPENDED:
		return END_SUSPENDED;
	default:
		return row->opened < d->key_since ? END_KEY : END_NONE;
	}
}

struct takeover {
	struct gateway *gateway;
	struct held held;
	bool loaded; /* from the ledger just now, not those of a gateway that goes on */
	int64_t now;
	struct rule_book *book;
	struct firewall_change *change;
};

/* Judges one session: it ends, or its contents are wanted. */
static int judge(struct takeover *t, struct session *s)
{
	struct gateway *g = t->gateway;
	const char *groups[GROUPS_MAX];
	const struct session_rules *rules;
	const struct firewall_session *have = held_find(&t->held, s->serial);
	struct subject subject = session_subject(&s->device, s->row.user, s->row.groups, s->row.group_count, groups);
	int r = rule_book_look(t->book, &subject, &rules);
	if (r < 0)
		return r;
	enum session_end unfit = s->over ? s->plan.reason : unfit_device(&s->device, &s->row);
	if (g->rebooted && !g->settings.reboot_keeps)
		unfit = END_REBOOT;
	if (unfit == END_NONE && !rules->access && !g->settings.default_login)
		unfit = END_ACL_REMOVED;
	s->profile = 0;
	if (unfit == END_NONE && t->loaded && !clock_is_trusted(s, have, t->now))
		unfit = END_EXPIRED;
	if (unfit != END_NONE) {
		(void)session_end(g, s, unfit);
		return 0;
	}
	if (t->loaded && s->row.expires <= t->now) {
		end_missed(g, s, &subject);
		return 0;
	}
	struct session_plan plan = session_plan_of(g, s, &rules->terms, t->now);
	session_set_plan(s, &plan, t->now);
	if (plan.ends <= t->now) {
		struct end_cause cause = {.line = plan.line};
		(void)session_end_at(g, s, plan.reason, plan.ends, &cause);
		return 0;
	}
	s->want = rules->want;
	rule_book_want(s->want, have ? have->profile : 0);
	return 0;
}

/* Into the firewall, untouched if the kernel has it just so. */
static int enforce(struct takeover *t, struct session *s)
{
	const struct firewall_session *have = held_find(&t->held, s->serial);
	s->profile = s->want->id;
	s->want = NULL;
	struct firewall_session wanted = session_element(s, t->now);
	if (have && have->profile == wanted.profile && llabs(have->timeout_ms - wanted.timeout_ms) < TIMEOUT_SLACK_MS &&
		addr_equal(&have->v4, &wanted.v4) && addr_equal(&have->v6, &wanted.v6))
		return 0;
	return firewall_change_session(t->change, &wanted);
}

static int switch_over(struct takeover *t)
{
	struct gateway *g = t->gateway;
	struct session *s;
	struct profile_want *wants = rule_book_wants(t->book);
	int r = profiles_settle(g->sessions->profiles, wants);
	if (r == 0)
		r = firewall_change_new(g->firewall, &t->change);
	for (struct profile_want *w = wants; w && r == 0; w = w->next)
		if (w->build)
			r = firewall_change_profile(t->change, w->id, w->profile);
	DL_FOREACH(g->sessions->all, s)
	{
		if (r == 0)
			r = enforce(t, s);
	}
	if (r == 0)
		r = firewall_change_commit(t->change);
	if (r == 0)
		profiles_switch(g->sessions->profiles, g->firewall, wants);
	return r;
}

static int remove_rest(struct gateway *g, const struct held *held)
{
	int worst = 0;
	for (size_t i = 0; i < held->session_count; i++) {
		if (session_by_serial(g, held->sessions[i].serial))
			continue;
		int r = firewall_session_remove(g->firewall, &held->sessions[i]);
		if (r < 0)
			worst = r;
		(void)flow_end(g->flow, held->sessions[i].serial);
	}
	for (size_t i = 0; i < held->profile_count; i++) {
		if (profiles_get(g->sessions->profiles, held->profiles[i]))
			continue;
		int r = firewall_profile_remove(g->firewall, held->profiles[i]);
		if (r < 0)
			say_warning("cannot remove the unused profile %u from the firewall: %s; nothing uses it",
				held->profiles[i], strerror(-r));
	}
	return worst;
}

static int look_around(struct takeover *t)
{
	struct gateway *g = t->gateway;
	int r = firewall_sessions(g->firewall, held_session, &t->held);
	if (r == 0)
		r = firewall_profiles(g->firewall, held_profile, &t->held);
	if (r < 0)
		return r;
	if (t->held.session_count)
		qsort(t->held.sessions, t->held.session_count, sizeof *t->held.sessions, held_compare);
	profiles_forget(g->sessions->profiles);
	t->loaded = !g->sessions->all;
	return t->loaded ? ledger_sessions_live(g->ledger, load_row, g) : 0;
}

int sessions_take_over(struct gateway *g)
{
	struct takeover t = {.gateway = g, .now = time_now()};
	struct session *s, *next;
	int r = look_around(&t);
	if (r == 0)
		r = rule_book_new(g->policy, t.now, &t.book);
	DL_FOREACH_SAFE(g->sessions->all, s, next)
	{
		if (r == 0)
			r = judge(&t, s);
	}
	if (r == 0)
		r = switch_over(&t);
	if (r == 0) {
		sessions_judged_by(g->sessions, g->policy);
		r = remove_rest(g, &t.held);
	}
	firewall_change_free(t.change);
	rule_book_free(t.book);
	free(t.held.sessions);
	free(t.held.profiles);
	return r;
}

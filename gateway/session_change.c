/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "common/paths.h"
#include "common/say.h"
#include "gateway/event.h"
#include "gateway/peer.h"
#include "gateway/device.h"
#include "gateway/session_change.h"

/* The kernel's clock and ours drift apart a little; an element this near to its end is left alone. */
static const int64_t TIMEOUT_SLACK_USEC = 1000000;

int session_change_new(struct gateway *g, struct policy *policy, int64_t now, const char *reason, struct session_change **out)
{
	struct session_change *c = calloc(1, sizeof *c);
	int r = -ENOMEM;
	if (!c)
		return r;
	*c = (struct session_change){.gateway = g, .policy = policy, .now = now, .reason = reason};
	c->steps = calloc(g->sessions->count + 1, sizeof *c->steps);
	if (!c->steps)
		goto fail;
	r = rule_book_new(policy, now, &c->book);
	if (r < 0)
		goto fail;
	*out = c;
	return 0;
fail:
	session_change_free(c);
	return r;
}

void session_change_free(struct session_change *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->count; i++) {
		free(c->steps[i].groups);
		if (c->steps[i].session)
			c->steps[i].session->step = NULL;
	}
	firewall_change_free(c->firewall);
	rule_book_free(c->book);
	free(c->steps);
	free(c);
}

static struct session_step *step_new(struct session_change *c, struct session *s)
{
	struct session_step *step = &c->steps[c->count++];
	*step = (struct session_step){.session = s, .plan = s->plan};
	s->step = step;
	return step;
}

static void want(struct session_step *step, struct profile_want *w)
{
	step->want = w;
	rule_book_want(w, step->session->profile);
}

int session_change_keep(struct session_change *c, struct session *s)
{
	static const struct profile nothing;
	struct session_step *step = step_new(c, s);
	const struct profile *have = profiles_get(c->gateway->sessions->profiles, s->profile);
	struct profile_want *w;
	int r = rule_book_keep(c->book, have ? have : &nothing, &w);
	if (r < 0)
		return r;
	want(step, w);
	return 0;
}

/* From where it comes, as far as that is known: a device that sleeps outside WireGuard is judged when it knocks. */
static bool may_come(struct session_change *c, const struct session *s, const struct subject *subject, struct line_ref *line)
{
	struct peer *peer = peer_by_device(c->gateway, s->device_id);
	return !peer || !peer->endpoint.addr.family || policy_from(c->policy, subject, &peer->endpoint.addr, line);
}

static int judge(struct session_change *c, struct session_step *step, char (*names)[USER_NAME_MAX + 1], uint16_t count)
{
	struct gateway *g = c->gateway;
	struct session *s = step->session;
	const struct session_rules *rules;
	const char *groups[GROUPS_MAX];
	struct subject subject = session_subject(&s->device, s->row.user, names, count, groups);
	int r = rule_book_look(c->book, &subject, &rules);
	if (r < 0)
		return r;
	step->judged = true;
	step->plan = session_plan_of(g, s, &rules->terms, c->now);
	if (!device_permits(&s->device, s->row.user, names, count) || (!rules->access && !g->settings.default_login))
		step->end = END_ACL_REMOVED;
	else if (step->plan.ends <= c->now) {
		step->end = step->plan.reason;
		step->line = step->plan.line;
	} else if (!may_come(c, s, &subject, &step->line))
		step->end = END_NETWORK;
	else
		want(step, rules->want);
	return 0;
}

int session_change_judge(struct session_change *c, struct session *s)
{
	if (s->over)
		return session_change_keep(c, s);
	return judge(c, step_new(c, s), s->row.groups, s->row.group_count);
}

int session_change_end(struct session_change *c, struct session *s, enum session_end reason)
{
	if (s->over)
		return session_change_keep(c, s);
	step_new(c, s)->end = reason;
	return 0;
}

int session_change_regroup(struct session_change *c, struct session *s, char (*groups)[USER_NAME_MAX + 1], uint16_t count)
{
	if (s->over)
		return session_change_keep(c, s);
	struct session_step *step = step_new(c, s);
	int r = session_copy_groups(groups, count, &step->groups);
	if (r < 0)
		return r;
	step->group_count = count;
	step->regrouped = true;
	return judge(c, step, groups, count);
}

/* ---- the firewall: all that differs, in one transaction ---- */

static struct firewall_session element_after(const struct session_step *step, int64_t now)
{
	struct session after = *step->session;
	after.profile = step->want->id;
	after.row.expires = step->plan.ends;
	return session_element(&after, now);
}

static bool touches_firewall(const struct session_step *step)
{
	return step->end != END_NONE || step->want->id != step->session->profile ||
	       llabs(step->plan.ends - step->session->row.expires) > TIMEOUT_SLACK_USEC;
}

static int fill_profiles(struct session_change *c)
{
	struct profile_want *first = rule_book_wants(c->book);
	int r = profiles_settle(c->gateway->sessions->profiles, first);
	for (struct profile_want *w = first; w && r == 0; w = w->next) {
		if (!w->build)
			continue;
		c->touches = true;
		r = firewall_change_profile(c->firewall, w->id, w->profile);
	}
	return r;
}

static int switch_firewall(struct session_change *c)
{
	int r = firewall_change_new(c->gateway->firewall, &c->firewall);
	if (r == 0)
		r = fill_profiles(c);
	for (size_t i = 0; i < c->count && r == 0; i++) {
		struct session_step *step = &c->steps[i];
		struct firewall_session element;
		if (!touches_firewall(step))
			continue;
		c->touches = true;
		if (step->end == END_NONE) {
			element = element_after(step, c->now);
			r = firewall_change_session(c->firewall, &element);
		} else {
			element = session_element(step->session, c->now);
			r = firewall_change_drop(c->firewall, &element);
		}
	}
	return r < 0 || !c->touches ? r : firewall_change_commit(c->firewall);
}

/* ---- what follows: nothing below may fail the change ---- */

static void save(struct session_change *c)
{
	struct gateway *g = c->gateway;
	int r = 0;
	bool moved = false;
	for (size_t i = 0; i < c->count; i++) {
		struct session_step *step = &c->steps[i];
		struct session *s = step->session;
		moved = moved || step->plan.ends != s->row.expires;
		char(*before)[USER_NAME_MAX + 1] = s->row.groups;
		if (step->judged)
			session_set_plan(s, &step->plan, c->now);
		if (!step->regrouped)
			continue;
		uint16_t count = s->row.group_count;
		s->row.groups = step->groups;
		s->row.group_count = step->group_count;
		step->groups = before;
		step->group_count = count;
		int saved = ledger_session_regroup(g->ledger, &s->row);
		r = saved < 0 ? saved : r;
	}
	if (r < 0)
		say_warning("cannot note changed groups in the ledger: %s; check space in " PATH_STATE_DIR, strerror(-r));
	if (moved)
		sessions_save(g);
}

/* Out of the firewall already: the timer's look ends and records them as it does those whose time has come. */
static void end_over(struct session_change *c)
{
	for (size_t i = 0; i < c->count; i++) {
		struct session_step *step = &c->steps[i];
		if (step->end == END_NONE)
			continue;
		struct session *s = step->session;
		s->over = true;
		s->plan.reason = step->end;
		s->plan.line = step->line;
		if (s->plan.ends > c->now)
			s->plan.ends = c->now;
		if (!step->regrouped)
			continue;
		s->former_groups = step->groups;
		s->former_group_count = step->group_count;
		step->groups = NULL;
	}
}

static void switch_tables(struct session_change *c)
{
	for (size_t i = 0; i < c->count; i++)
		c->steps[i].session->profile = c->steps[i].want ? c->steps[i].want->id : 0;
	profiles_switch(c->gateway->sessions->profiles, c->gateway->firewall, rule_book_wants(c->book));
}

int session_change_commit(struct session_change *c, unsigned *changed)
{
	struct gateway *g = c->gateway;
	unsigned n;
	int r = switch_firewall(c);
	if (r < 0)
		return r;
	/* None lives for less than a second: what has ended by now was allowed by the rules before, whose lines are named. */
	(void)flow_settle(g->flow);
	session_change_compare(c);
	session_change_cut(c);
	switch_tables(c);
	save(c);
	n = session_change_record(c);
	end_over(c);
	sessions_judged_by(g->sessions, c->policy);
	if (changed)
		*changed = n;
	return 0;
}

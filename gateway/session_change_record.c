/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/say.h"
#include "gateway/event.h"
#include "gateway/session_change.h"

/* From which contents to which: thousands of sessions go the same way. */
struct way {
	uint16_t before;
	const struct profile_want *after;
	bool narrowed, widened;
	struct way *next;
};

static int compare_ways(const void *a, const void *b)
{
	const struct way *x = a, *y = b;
	if (x->before != y->before)
		return x->before < y->before ? -1 : 1;
	return (x->after > y->after) - (x->after < y->after);
}

static void judge_way(struct session_change *c, struct way *way)
{
	const struct profile *before = profiles_get(c->gateway->sessions->profiles, way->before);
	way->narrowed = !session_still_covers(way->after->profile, before);
	way->widened = !session_still_covers(before, way->after->profile);
}

void session_change_compare(struct session_change *c)
{
	struct index known = {.compare = compare_ways};
	struct way *all = NULL, *way;
	for (size_t i = 0; i < c->count; i++) {
		struct session_step *step = &c->steps[i];
		struct way this = {.before = step->session->profile, .after = step->want};
		step->judged_before = step->session->judged;
		if (step->end != END_NONE || (step->want->id == this.before && !step->want->build))
			continue;
		way = index_find(&known, &this);
		if (!way) {
			judge_way(c, &this);
			way = malloc(sizeof *way);
			if (way) {
				this.next = all;
				*way = this;
				all = way;
				if (index_add(&known, way) < 0)
					say_warning("little memory: comparing rules takes longer");
			}
		}
		step->narrowed = way ? way->narrowed : this.narrowed;
		step->widened = way ? way->widened : this.widened;
	}
	index_clear(&known);
	while ((way = all)) {
		all = way->next;
		free(way);
	}
}

static bool is_cut(const struct flow_record *r, void *arg)
{
	struct session_change *c = arg;
	struct session *s = session_by_serial(c->gateway, r->serial);
	struct session_step *step = s ? s->step : NULL;
	struct target t = {.addr = r->destination.addr, .proto = r->proto, .port = r->destination.port};
	if (!step)
		return false;
	if (step->end != END_NONE)
		return true;
	if (!step->narrowed)
		return false;
	/* What no rule ever covered, as a question to the resolver, is not ours to close. */
	const struct profile *before = profiles_get(c->gateway->sessions->profiles, s->profile);
	return before && profile_allows(before, &t) && !profile_allows(step->want->profile, &t);
}

void session_change_cut(struct session_change *c)
{
	bool any = false;
	for (size_t i = 0; i < c->count; i++)
		any = any || c->steps[i].narrowed || c->steps[i].end != END_NONE;
	int r = any ? flow_cut(c->gateway->flow, is_cut, c) : 0;
	if (r < 0)
		say_warning("cannot close the records of connections that are no longer allowed: %s; they pass nothing, and are "
			    "recorded later, perhaps without the line that had allowed them",
			strerror(-r));
}

/* ---- records ---- */

struct lapsed {
	json_t *event;
	enum rule_action action; /* the kind of rule whose end did it */
	bool named;
};

static bool add_lapsed(const struct rule_ref *rule, void *arg)
{
	struct lapsed *l = arg;
	if (rule->action == l->action && !l->named) {
		event_rule(l->event, rule->file, rule->line);
		l->named = true;
	}
	return !l->named;
}

static void put_cause(struct session_change *c, const struct session_step *step, json_t *e)
{
	struct session *s = step->session;
	const char *names[GROUPS_MAX];
	struct subject subject = session_subject(&s->device, s->row.user, s->row.groups, s->row.group_count, names);
	struct lapsed l = {.event = e, .action = step->narrowed ? RULE_ALLOW : RULE_DENY};
	/* A rule whose `until` is in this span held at the former judgement and does not at this one. */
	policy_lapsing_of(c->policy, &subject, step->judged_before + 1, c->now + 1, add_lapsed, &l);
}

static void record(struct session_change *c, const struct session_step *step)
{
	struct session *s = step->session;
	json_t *e = session_event(c->gateway, s, step->narrowed ? "session-narrowed" : "session-widened", c->reason);
	if (step->regrouped) {
		session_put_groups(e, "sekisho.session.groups", s->row.groups, s->row.group_count);
		session_put_groups(e, "sekisho.session.previous_groups", step->groups, step->group_count);
	} else if (!strcmp(c->reason, SESSION_LAPSED)) {
		put_cause(c, step, e);
	}
	(void)log_write(c->gateway->log, LOG_AUTH, c->now, e, false);
}

unsigned session_change_record(struct session_change *c)
{
	unsigned changed = 0;
	for (size_t i = 0; i < c->count; i++) {
		const struct session_step *step = &c->steps[i];
		if (step->narrowed || step->widened)
			record(c, step);
		changed += step->narrowed || step->widened || step->end != END_NONE;
	}
	if (changed)
		(void)log_sync(c->gateway->log);
	return changed;
}

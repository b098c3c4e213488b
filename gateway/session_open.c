/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/say.h"
#include "gateway/evidence.h"
#include "gateway/session_internal.h"

static enum login_reason reason_of(int r)
{
	switch (r) {
	case -ENOSPC:
	case -EROFS:
	case -EDQUOT:
	case -EIO:
		return LOGIN_LOG_FULL;
	default:
		return LOGIN_INTERNAL_ERROR;
	}
}

/* Takes back a session that nobody has heard of yet. Frees `s`. */
static void take_back(struct gateway *g, struct session *s, bool indexed, int64_t now)
{
	s->row.ended = now;
	s->row.end_reason = END_KICKED;
	(void)ledger_session_end(g->ledger, &s->row);
	profiles_release(g->sessions->profiles, g->firewall, s->profile);
	if (indexed)
		session_forget(g->sessions, s);
	else
		session_discard(s);
}

/* Ledger, table, profile, log, firewall: in this order, all undone when one fails. Frees `s` on failure. */
static int open_steps(struct gateway *g, struct session *s, const struct subject *subject, int64_t now)
{
	struct profile *profile;
	bool indexed = false;
	int r = ledger_session_open(g->ledger, &s->row);
	if (r < 0) {
		session_discard(s);
		return r;
	}
	r = session_index(g->sessions, s);
	if (r < 0)
		goto undo;
	indexed = true;
	r = profile_compile(g->policy, subject, now, &profile);
	if (r < 0)
		goto undo;
	r = profiles_acquire(g->sessions->profiles, g->firewall, profile, 0);
	if (r < 0)
		goto undo;
	s->profile = (uint16_t)r;
	r = evidence_write(g, LOG_AUTH, now, session_event(g, s, "session-opened", NULL));
	if (r < 0)
		goto undo;
	struct firewall_session element = session_element(s, now);
	r = firewall_session_set(g->firewall, &element);
	if (r < 0)
		(void)session_end(g, s, END_KICKED); /* its opening is on record, so its end must be too */
	return r;
undo:
	take_back(g, s, indexed, now);
	return r;
}

/* The row and the plan of a session that is about to open. */
static int prepare(
	struct session *s, const char *user, char (*groups)[USER_NAME_MAX + 1], uint16_t count, const struct endpoint *from)
{
	strncpy(s->row.user, user, USER_NAME_MAX);
	s->row.endpoint = *from;
	s->row.opened = s->began;
	s->row.group_count = count;
	return session_copy_groups(groups, count, &s->row.groups);
}

enum login_reason session_open(struct gateway *g, const struct device *d, const char *user, char (*groups)[USER_NAME_MAX + 1],
	uint16_t group_count, const struct endpoint *from, struct session **out)
{
	int64_t now = time_now(), opens;
	const char *names[GROUPS_MAX];
	struct policy_terms terms;
	enum login_reason reason = session_may_open(g, d, user, groups, group_count, from, &opens);
	if (reason != LOGIN_OK)
		return reason;
	struct session *s = session_note(d, now);
	if (!s || prepare(s, user, groups, group_count, from) < 0) {
		session_discard(s);
		return LOGIN_INTERNAL_ERROR;
	}
	struct subject subject = session_subject(d, s->row.user, s->row.groups, group_count, names);
	policy_terms(g->policy, &subject, now, &terms);
	struct session_plan plan = session_plan_of(g, s, &terms, now);
	session_set_plan(s, &plan, now);
	/* An older session on this device makes room: the same user's, or another's where `shared-login` says so. */
	if (session_by_device(g, d->id))
		(void)session_end(g, session_by_device(g, d->id), END_SUPERSEDED);
	int r = open_steps(g, s, &subject, now); /* which owns it now */
	if (r < 0) {
		say_error("cannot open a session for device d%u: %s", d->id, strerror(-r));
		return reason_of(r);
	}
	*out = s;
	return LOGIN_OK;
}

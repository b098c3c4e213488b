/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What has sessions judged anew: other rules, a rule that lapsed, other groups, another clock. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "common/say.h"
#include "common/secret.h"
#include "gateway/device.h"
#include "gateway/session_internal.h"
#include "gateway/upkeep.h"

/* How long a rule that has lapsed may stay in force because the firewall cannot be changed. */
static const int64_t LAPSE_PATIENCE_USEC = 5000000;

/* Judges whom `is_meant` names (NULL: all) by `policy` and keeps the others. */
static int change(struct gateway *g, struct policy *policy, int64_t now, const char *reason,
	bool (*is_meant)(const struct session *s, int64_t now), unsigned *changed)
{
	struct session_change *c;
	struct session *s;
	int r = session_change_new(g, policy, now, reason, &c);
	if (r < 0)
		return r;
	DL_FOREACH(g->sessions->all, s)
	{
		if (r == 0)
			r = !is_meant || is_meant(s, now) ? session_change_judge(c, s) : session_change_keep(c, s);
	}
	if (r == 0)
		r = session_change_commit(c, changed);
	session_change_free(c);
	return r;
}

int sessions_apply(struct gateway *g, struct policy *policy, unsigned *changed)
{
	upkeep_clock(g);
	/* Who is over is over by the rules so far, and their lines go with them. */
	while (sessions_tick(g, time_now()) == SESSIONS_MORE)
		;
	int64_t now = time_now();
	int r = change(g, policy, now, "acl", NULL, changed);
	if (r == 0)
		(void)sessions_tick(g, now);
	return r;
}

static bool has_lapsed(const struct session *s, int64_t now)
{
	return !s->over && s->plan.changes <= now;
}

static void end_lapsed(struct gateway *g, int64_t before)
{
	struct session *s, *next;
	DL_FOREACH_SAFE(g->sessions->all, s, next)
	{
		if (has_lapsed(s, before))
			(void)session_end(g, s, END_ACL_REMOVED);
	}
}

void sessions_lapse(struct gateway *g, int64_t now)
{
	int r = change(g, g->policy, now, SESSION_LAPSED, has_lapsed, NULL);
	if (r == 0)
		return;
	say_error("cannot take a rule that has lapsed out of the firewall: %s; trying again, then ending its sessions",
		strerror(-r));
	g->enforcement_error = r;
	end_lapsed(g, now - LAPSE_PATIENCE_USEC);
}

void sessions_clock_stepped(struct gateway *g, int64_t step)
{
	struct session *s;
	DL_FOREACH(g->sessions->all, s)
	{
		s->began += step;
		s->active += step;
		s->row.expires += step;
		if (s->over)
			continue;
		/* Until it is judged anew, nothing outlives what the clock said before. */
		s->plan.ends += step;
	}
	g->sessions->unsettled = true;
	sessions_settle(g);
}

void sessions_settle(struct gateway *g)
{
	if (!g->sessions->unsettled)
		return;
	int r = change(g, g->policy, time_now(), "clock", NULL, NULL);
	g->sessions->unsettled = r < 0;
	if (r < 0)
		say_error("cannot judge the sessions by the new time: %s; trying again", strerror(-r));
}

static int end_together(struct gateway *g, enum session_end reason)
{
	struct session_change *c;
	struct session *s;
	int r = session_change_new(g, g->policy, time_now(), "", &c);
	if (r < 0)
		return r;
	DL_FOREACH(g->sessions->all, s)
	{
		if (r == 0)
			r = session_change_end(c, s, reason);
	}
	if (r == 0)
		r = session_change_commit(c, NULL);
	session_change_free(c);
	return r;
}

void sessions_end_all(struct gateway *g, enum session_end reason)
{
	struct session *s, *next;
	unsigned open = 0;
	DL_FOREACH(g->sessions->all, s)
	{
		open += !s->over;
	}
	if (!open)
		return;
	int r = end_together(g, reason);
	if (r < 0) {
		say_error("cannot take all sessions out of the firewall together: %s; ending them one by one", strerror(-r));
		DL_FOREACH_SAFE(g->sessions->all, s, next)
		{
			(void)session_end(g, s, reason);
		}
	}
	(void)sessions_tick(g, time_now());
}

/* ---- what the ledger says of a device ---- */

static int judge_one(struct gateway *g, const struct session *one)
{
	struct session_change *c;
	struct session *s;
	int r = session_change_new(g, g->policy, time_now(), "device", &c);
	if (r < 0)
		return r;
	DL_FOREACH(g->sessions->all, s)
	{
		if (r == 0)
			r = s == one ? session_change_judge(c, s) : session_change_keep(c, s);
	}
	if (r == 0)
		r = session_change_commit(c, NULL);
	session_change_free(c);
	return r;
}

void sessions_device(struct gateway *g, const struct device *d)
{
	struct session *s = session_by_device(g, d->id);
	if (!s)
		return;
	s->device = *d;
	secret_wipe(&s->device.preshared, sizeof s->device.preshared);
	if (!device_permits(d, s->row.user, s->row.groups, s->row.group_count)) {
		(void)session_end(g, s, END_KICKED);
	} else if (device_judge(d, time_now())) {
		(void)session_end(g, s, END_PERIOD);
	} else if (judge_one(g, s) < 0) {
		say_error("cannot judge session %u by what its device is now; it is ended", s->serial);
		(void)session_end(g, s, END_KICKED);
	} else {
		(void)sessions_tick(g, time_now());
	}
}

/* ---- what the user directory says ---- */

static int compare_names(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* The order in which the directory names groups means nothing. */
static int same_groups(const struct session *s, char (*groups)[USER_NAME_MAX + 1], uint16_t count)
{
	char(*mine)[USER_NAME_MAX + 1] = NULL, (*theirs)[USER_NAME_MAX + 1] = NULL;
	int r = -ENOMEM;
	if (s->row.group_count != count)
		return 0;
	if (session_copy_groups(s->row.groups, count, &mine) < 0 || session_copy_groups(groups, count, &theirs) < 0)
		goto out;
	if (count) {
		qsort(mine, count, sizeof *mine, compare_names);
		qsort(theirs, count, sizeof *theirs, compare_names);
	}
	r = 1;
	for (uint16_t i = 0; i < count; i++)
		r = r && !strcmp(mine[i], theirs[i]);
out:
	free(mine);
	free(theirs);
	return r;
}

static int regroup(struct gateway *g, const char *user, char (*groups)[USER_NAME_MAX + 1], uint16_t count)
{
	struct session_change *c;
	struct session *s;
	int r = session_change_new(g, g->policy, time_now(), "groups", &c);
	if (r < 0)
		return r;
	DL_FOREACH(g->sessions->all, s)
	{
		int same = strcmp(s->row.user, user) != 0 ? 1 : same_groups(s, groups, count);
		if (r == 0)
			r = same < 0 ? same : same ? session_change_keep(c, s) : session_change_regroup(c, s, groups, count);
	}
	if (r == 0)
		r = session_change_commit(c, NULL);
	session_change_free(c);
	return r;
}

static void end_all_of(struct gateway *g, const char *user, enum session_end reason, const struct recheck_answer *answer)
{
	const struct end_cause cause = {.account = answer};
	int64_t now = time_now();
	struct session *s, *next;
	DL_FOREACH_SAFE(g->sessions->all, s, next)
	{
		if (!strcmp(s->row.user, user))
			(void)session_end_at(g, s, reason, now, &cause);
	}
}

void sessions_account(struct gateway *g, const char *user, const struct recheck_answer *answer)
{
	if (answer->result == RECHECK_INVALID) {
		end_all_of(g, user, END_ACCOUNT_DISABLED, answer);
		return;
	}
	int r = regroup(g, user, answer->groups, answer->group_count);
	if (r < 0) {
		say_error("cannot give the sessions of user %s the rules of the user's new groups: %s; they are ended", user,
			strerror(-r));
		end_all_of(g, user, END_ACL_REMOVED, NULL);
	}
	(void)sessions_tick(g, time_now());
}

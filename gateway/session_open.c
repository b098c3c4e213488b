/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/say.h"
#include "gateway/session_internal.h"

static int copy_groups(struct session_row *row, char (*groups)[USER_NAME_MAX + 1], uint16_t count)
{
	if (!count)
		return 0;
	row->groups = malloc((size_t)count * sizeof *row->groups);
	if (!row->groups)
		return -ENOMEM;
	memcpy(row->groups, groups, (size_t)count * sizeof *row->groups);
	row->group_count = count;
	return 0;
}

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
static int open_steps(struct gateway *g, struct session *s, int64_t now)
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
	r = session_compile(s, g->policy, &profile);
	if (r < 0)
		goto undo;
	r = profiles_acquire(g->sessions->profiles, g->firewall, profile, 0);
	if (r < 0)
		goto undo;
	s->profile = (uint16_t)r;
	r = session_log(g, s, "session-opened", NULL, now);
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

enum login_reason session_open(struct gateway *g, const struct device *d, const char *user, char (*groups)[USER_NAME_MAX + 1],
	uint16_t group_count, const struct endpoint *from, struct session **out)
{
	int64_t now = time_now();
	enum login_reason reason = LOGIN_INTERNAL_ERROR;
	struct session *s = session_note(d, now);
	if (!s || group_count > GROUPS_MAX || copy_groups(&s->row, groups, group_count) < 0)
		goto out;
	strncpy(s->row.user, user, USER_NAME_MAX);
	s->row.endpoint = *from;
	s->row.opened = now;
	s->row.expires = now + g->settings.session_seconds * INT64_C(1000000);
	if (d->valid_until && d->valid_until < s->row.expires)
		s->row.expires = d->valid_until;
	reason = session_may_open(g, d, user, groups, group_count);
	if (reason != LOGIN_OK)
		goto out;
	/* The same user's older session on this device makes room for the new one. */
	if (session_by_device(g, d->id))
		(void)session_end(g, session_by_device(g, d->id), END_SUPERSEDED);
	struct session *opened = s;
	s = NULL; /* open_steps() owns it now */
	int r = open_steps(g, opened, now);
	if (r < 0) {
		say_error("cannot open a session for device d%u: %s", d->id, strerror(-r));
		reason = reason_of(r);
		goto out;
	}
	*out = opened;
out:
	session_discard(s);
	return reason;
}

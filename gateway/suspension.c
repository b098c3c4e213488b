/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/suspension.h"

#include <errno.h>
#include <string.h>

#include "common/paths.h"
#include "common/say.h"
#include "gateway/device_change.h"
#include "gateway/event.h"
#include "gateway/session.h"

bool user_is_suspended(struct gateway *g, const char *user, int64_t now)
{
	struct suspension s;
	const int r = ledger_suspension(g->ledger, user, &s);
	if (r == -ENOENT)
		return false;
	if (r < 0)
		say_error("cannot read in the ledger whether user %s is suspended: %s; the login is refused", user, strerror(-r));
	return r < 0 || !s.until || now < s.until;
}

static unsigned end_sessions(struct gateway *g, const char *user)
{
	unsigned ended = 0;
	struct session *s = session_next(g, NULL), *next;
	for (; s; s = next) {
		next = session_next(g, s);
		if (strcmp(s->row.user, user) != 0)
			continue;
		(void)session_end(g, s, END_SUSPENDED);
		ended++;
	}
	return ended;
}

int user_suspend(struct gateway *g, const char *user, int64_t until, const struct actor *by, const char *note, unsigned *ended)
{
	const int64_t now = time_now();
	*ended = end_sessions(g, user);
	int r = ledger_user_suspend(g->ledger, user, until, by, note, now);
	if (r < 0)
		return r;
	json_t *e = event_new("user-suspended", "success", NULL);
	event_user(e, user);
	event_admin(e, by);
	event_time(e, "sekisho.suspension.until", until);
	event_text(e, "sekisho.note", note);
	if (log_write(g->log, LOG_AUDIT, now, e, true) < 0)
		say_error("that %s suspended user %s could not be recorded; make room in " PATH_LOG_DIR, by->name, user);
	return 0;
}

/* ---- resuming lets somebody in: it is on record first ---- */

struct resuming {
	struct gateway *gateway;
	const char *user, *note;
	const struct actor *by;
};

static json_t *resumed_events(void *arg)
{
	const struct resuming *r = arg;
	json_t *e = event_new("user-resumed", "success", r->by ? NULL : "until");
	event_user(e, r->user);
	if (r->by)
		event_admin(e, r->by);
	event_text(e, "sekisho.note", r->note);
	return json_pack("[o]", e);
}

static int resume_in_ledger(void *arg)
{
	const struct resuming *r = arg;
	return ledger_user_resume(r->gateway->ledger, r->user, time_now());
}

int user_resume(struct gateway *g, const char *user, const struct actor *by, const char *note, bool *unrecorded)
{
	struct resuming resuming = {g, user, note, by};
	struct device_grant grant = {.gateway = g, .event = resumed_events, .change = resume_in_ledger, .arg = &resuming};
	const int r = device_grant(&grant);
	*unrecorded = grant.unrecorded;
	return r;
}

void suspensions_tick(struct gateway *g, int64_t now)
{
	struct suspension s;
	bool unrecorded;
	/* One that cannot be resumed now is looked at again in a second. */
	while (ledger_suspension_over(g->ledger, now, &s) == 0)
		if (user_resume(g, s.user, NULL, NULL, &unrecorded) < 0)
			break;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A session whose user logs in again before it ends: more time, the same flows. */
#include <errno.h>
#include <string.h>

#include "common/paths.h"
#include "common/say.h"
#include "gateway/event.h"
#include "gateway/evidence.h"
#include "gateway/session_internal.h"

/* On record before it gives anything. */
static int record(struct gateway *g, const struct session *after, int64_t previous, int64_t now)
{
	json_t *e = session_event(g, after, "session-renewed", NULL);
	event_time(e, "sekisho.session.previous_expires", previous);
	return evidence_write(g, LOG_AUTH, now, e);
}

/* Its end by the rules of `now`, if its lifetime began then; everything else that bounds it stays. */
static int extend(struct gateway *g, struct session *s, int64_t now)
{
	const char *names[GROUPS_MAX];
	struct policy_terms terms;
	struct session after = *s;
	after.began = now;
	struct subject subject = session_subject(&s->device, s->row.user, s->row.groups, s->row.group_count, names);
	policy_terms(g->policy, &subject, now, &terms);
	struct session_plan plan = session_plan_of(g, &after, &terms, now);
	if (plan.ends <= now)
		return -EPERM;
	session_set_plan(&after, &plan, now);
	int r = record(g, &after, s->row.expires, now);
	if (r < 0)
		return r;
	struct firewall_session element = session_element(&after, now);
	r = firewall_session_set(g->firewall, &element);
	if (r < 0)
		return r;
	s->began = s->active = now;
	s->row.renewed = now;
	session_set_plan(s, &plan, now);
	r = ledger_session_renew(g->ledger, &s->row);
	if (r < 0)
		say_warning("cannot note in the ledger that session %u was renewed: %s; after a restart of the gateway it would "
			    "end as "
			    "before; check space in " PATH_STATE_DIR,
			s->serial, strerror(-r));
	return 0;
}

enum login_reason session_renew(struct gateway *g, struct session *s, char (*groups)[USER_NAME_MAX + 1], uint16_t group_count)
{
	const uint32_t serial = s->serial, device = s->device_id;
	const struct recheck_answer answer = {
		.result = RECHECK_VALID, .reason = LOGIN_OK, .stage = "", .groups = groups, .group_count = group_count};
	/* What the directory says of the user holds for all that is open in that name; what is over ends here. */
	sessions_account(g, s->row.user, &answer);
	s = session_by_device(g, device);
	if (!s || s->serial != serial || s->over)
		return LOGIN_SESSION_OVER;
	int64_t now = time_now();
	/* A rule that has lapsed must be out of the kernel before the plan looks beyond it. */
	int r = s->plan.changes <= now ? -EAGAIN : extend(g, s, now);
	if (r < 0) {
		say_error("cannot renew session %u: %s; it goes on until its former end", serial, strerror(-r));
		return LOGIN_INTERNAL_ERROR;
	}
	return LOGIN_OK;
}

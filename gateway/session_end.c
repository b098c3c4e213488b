/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How a session ends, and the timer that sees to it. */
#include <errno.h>
#include <string.h>
#include <utlist.h>

#include "common/paths.h"
#include "common/say.h"
#include "gateway/event.h"
#include "gateway/peer.h"
#include "gateway/session_internal.h"

/* A whole ministry's sessions end at the same minute: after this long the loop does something else in between. */
static const int64_t TURN_USEC = 200000;

static void log_end(struct gateway *g, const struct session *s, const struct end_cause *cause, int64_t now)
{
	json_t *e = session_event(g, s, "session-ended", session_end_name(s->row.end_reason));
	event_time(e, "event.start", s->row.opened);
	event_time(e, "event.end", s->row.ended);
	event_number(e, "event.duration", (s->row.ended - s->row.opened) * 1000);
	event_number(e, "source.bytes", (int64_t)s->row.source_bytes);
	event_number(e, "source.packets", (int64_t)s->row.source_packets);
	event_number(e, "destination.bytes", (int64_t)s->row.destination_bytes);
	event_number(e, "destination.packets", (int64_t)s->row.destination_packets);
	event_number(e, "sekisho.session.connections", (int64_t)s->row.connections);
	if (cause && cause->line.file)
		event_rule(e, cause->line.file, cause->line.line);
	if (cause && cause->account) {
		event_text(e, "sekisho.account", login_reason_name(cause->account->reason));
		event_text(e, "sekisho.pam.service", "sekisho");
		event_text(e, "sekisho.pam.stage", cause->account->stage);
		event_number(e, "sekisho.pam.code", cause->account->pam_code);
	}
	if (s->former_groups) {
		session_put_groups(e, "sekisho.session.groups", s->row.groups, s->row.group_count);
		session_put_groups(e, "sekisho.session.previous_groups", s->former_groups, s->former_group_count);
	}
	/* On a full disk the reserve is for what is written at once. */
	bool later = cause && cause->flushed_later && log_room(g->log) != LOG_ROOM_NONE;
	(void)log_write(g->log, LOG_AUTH, now, e, !later);
}

int session_end_at(struct gateway *g, struct session *s, enum session_end reason, int64_t when, const struct end_cause *cause)
{
	int64_t now = time_now();
	struct firewall_session element = session_element(s, now);
	int r = firewall_session_remove(g->firewall, &element);
	if (r < 0) {
		/* The device must lose what it had, if not by the firewall then by WireGuard. */
		say_error("cannot take session %u out of the firewall: %s; its device is taken out of WireGuard instead",
			s->serial, strerror(-r));
		g->enforcement_error = r;
		(void)peer_remove(g, &s->device, "firewall");
	}
	int cut = flow_end(g->flow, s->serial);
	if (cut < 0)
		say_warning("cannot close the connection records of session %u: %s", s->serial, strerror(-cut));

	/* Not before it began: the clock may have been set back since. */
	s->row.ended = when < s->row.opened ? s->row.opened : when;
	s->row.end_reason = (uint8_t)reason;
	int saved = ledger_session_end(g->ledger, &s->row);
	if (saved < 0 && saved != -ENOENT)
		say_error("cannot note in the ledger that session %u ended: %s; check space in " PATH_STATE_DIR, s->serial,
			strerror(-saved));
	log_end(g, s, cause, now);
	profiles_release(g->sessions->profiles, g->firewall, s->profile);
	session_forget(g->sessions, s);
	return r < 0 ? r : 0;
}

int session_end(struct gateway *g, struct session *s, enum session_end reason)
{
	return session_end_at(g, s, reason, time_now(), NULL);
}

void session_end_misplaced(struct gateway *g, struct session *s, const struct line_ref *line)
{
	struct end_cause cause = {.line = *line};
	(void)session_end_at(g, s, END_NETWORK, time_now(), &cause);
}

unsigned session_end_device(struct gateway *g, uint32_t device, enum session_end reason)
{
	struct session *s = session_by_device(g, device);
	if (!s)
		return 0;
	(void)session_end(g, s, reason);
	return 1;
}

/* The next instant at which this one needs us. */
static int64_t next_of(const struct session *s)
{
	return s->plan.changes < s->plan.ends ? s->plan.changes : s->plan.ends;
}

int64_t sessions_tick(struct gateway *g, int64_t now)
{
	struct session *s, *next;
	int64_t first = INT64_MAX, turn_ends = time_boot() + TURN_USEC;
	bool lapsed = false, ended = false;
	sessions_settle(g);
	DL_FOREACH_SAFE(g->sessions->all, s, next)
	{
		struct end_cause cause = {.line = s->plan.line, .flushed_later = true};
		int64_t when = s->plan.ends;
		enum session_end reason =
			s->over ? s->plan.reason : session_plan_due(&s->plan, s->active, now, &when, &cause.line);
		if (reason == END_NONE) {
			lapsed = lapsed || s->plan.changes <= now;
			first = next_of(s) < first ? next_of(s) : first;
		} else if (time_boot() < turn_ends) {
			(void)session_end_at(g, s, reason, when, &cause);
			ended = true;
		} else {
			first = SESSIONS_MORE;
		}
	}
	if (ended)
		(void)log_sync(g->log);
	if (lapsed)
		sessions_lapse(g, now);
	return first;
}

static const struct session_row *next_row(void *arg)
{
	struct session **next = arg, *s = *next;
	*next = s ? s->next : NULL;
	return s ? &s->row : NULL;
}

void sessions_save(struct gateway *g)
{
	struct session *next = g->sessions->all;
	int r = ledger_sessions_save(g->ledger, next_row, &next);
	if (r < 0)
		say_warning("cannot save the sessions' totals in the ledger: %s; check space in " PATH_STATE_DIR, strerror(-r));
}

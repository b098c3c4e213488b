/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/evidence.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/paths.h"
#include "common/say.h"
#include "gateway/alert.h"
#include "gateway/event.h"
#include "gateway/session.h"

void evidence_settings(struct gateway *g)
{
	const struct settings *s = &g->settings;
	const bool copied[LOG_FILES] = {
		[LOG_AUTH] = s->log_copy_auth, [LOG_ACCESS] = s->log_copy_access, [LOG_AUDIT] = s->log_copy_audit};
	log_limits(g->log, s->log_reserve_bytes, s->log_low_bytes);
	log_copies(g->log, copied);
}

int evidence_ready(struct gateway *g)
{
	return g->settings.log_full_action == LOG_FULL_CONTINUE ? 0 : log_ready(g->log);
}

static int judge(const struct gateway *g, int r)
{
	bool goes_on = g->settings.log_full_action == LOG_FULL_CONTINUE && r != -ENOMEM && r != -EMSGSIZE;
	return goes_on ? 0 : r;
}

int evidence_write(struct gateway *g, enum log_file file, int64_t when, json_t *event)
{
	return judge(g, log_write(g->log, file, when, event, true));
}

int evidence_write_early(struct gateway *g, enum log_file file, int64_t when, json_t *event)
{
	return judge(g, log_write_early(g->log, file, when, event));
}

/* ---- words ---- */

/* What is the matter, and what mends it. */
static const char *remedy(int error)
{
	switch (-error) {
	case ENOSPC:
	case EDQUOT:
		return "too little is free for " PATH_LOG_DIR ": make room, for example by moving old files there away";
	case EROFS:
		return "the file system of " PATH_LOG_DIR " is read-only: see dmesg for why, then mount it writable again";
	default:
		return "the disk of " PATH_LOG_DIR " does not take what is written: see dmesg, and mend the disk";
	}
}

static const char *consequence(enum log_full_action action)
{
	switch (action) {
	case LOG_FULL_CLOSE_SESSIONS:
		return "logins are refused, and sessions are closed as soon as anything is lost";
	case LOG_FULL_CONTINUE:
		return "logins and sessions go on, and what is lost is counted (log-full-action continue)";
	case LOG_FULL_REFUSE_LOGINS:
	default:
		return "logins are refused; sessions go on, and what is lost is counted";
	}
}

bool evidence_problem(struct gateway *g, char *text, size_t size)
{
	int r = log_ready(g->log);
	if (r == 0)
		return false;
	snprintf(text, size, "nothing can be recorded (%" PRIu64 " event(s) are missing so far), so %s: %s", log_lacking(g->log),
		consequence(g->settings.log_full_action), remedy(r));
	return true;
}

bool evidence_notice(struct gateway *g, char *text, size_t size)
{
	if (log_room(g->log) != LOG_ROOM_LOW)
		return false;
	snprintf(text, size,
		"less than log-space-low (%" PRIu64 " MiB) is free in " PATH_LOG_DIR
		", so access is recorded in less detail: make room",
		g->settings.log_low_bytes >> 20);
	return true;
}

bool evidence_copy_notice(struct gateway *g, char *text, size_t size)
{
	uint64_t lost = log_copies_lost(g->log);
	if (lost)
		snprintf(text, size,
			"%" PRIu64
			" line(s) were not copied to syslog since the gateway's start, because it was not there or too slow; the "
			"files have them",
			lost);
	return lost > 0;
}

/* ---- each second ---- */

static void tell(struct gateway *g)
{
	static const enum alert_kind kinds[LOG_TROUBLES] = {[LOG_TROUBLE_GAP] = ALERT_LOG_GAP,
		[LOG_TROUBLE_SEAL] = ALERT_SEAL_FAILED,
		[LOG_TROUBLE_SPACE_LOW] = ALERT_DISK_LOW,
		[LOG_TROUBLE_FULL] = ALERT_LOG_FULL,
		[LOG_TROUBLE_ERROR] = ALERT_LOG_ERROR};
	static const char *const files[LOG_FILES] = {"auth", "access", "audit"};
	enum log_trouble kind;
	enum log_file file;
	char text[256];
	while (log_trouble(g->log, &kind, &file, text, sizeof text)) {
		json_t *e = alert_new(kinds[kind]);
		event_text(e, "sekisho.log.file", files[file]);
		event_text(e, "error.message", text);
		alert_raise(g, e);
	}
}

static void begun(struct gateway *g, int error)
{
	g->outage_told = true;
	say_error("nothing can be recorded, so %s: %s", consequence(g->settings.log_full_action), remedy(error));
}

static void recovered(struct gateway *g, int error, int64_t since)
{
	int64_t now = time_now();
	json_t *e = event_new("log-recovered", "success", log_error_reason(error));
	event_time(e, "event.start", since);
	event_time(e, "event.end", now);
	event_number(e, "event.duration", (now - since) * 1000);
	if (log_write(g->log, LOG_AUDIT, now, e, true) < 0)
		return;
	g->outage_told = false;
	log_outage_end(g->log);
	say_info("everything can be recorded again");
}

void evidence_look(struct gateway *g)
{
	int64_t since;
	int error = log_outage(g->log, &since);
	if (error && !g->outage_told)
		begun(g, error);
	if (error && log_ready(g->log) == 0)
		recovered(g, error, since);
	if (log_failing(g->log) < 0 && g->settings.log_full_action == LOG_FULL_CLOSE_SESSIONS)
		sessions_end_all(g, END_LOG_FULL);
	tell(g);
}

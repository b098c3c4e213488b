/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * When does a session end, when do its rules change, and which line says so? One plan for each session, made from all bounds at
 * once, so that clock, kernel, record and page cannot disagree. Pure: no clock, no tables. Instants are microseconds since the
 * epoch; INT64_MAX is never.
 */
#ifndef SEKISHO_SESSION_PLAN_H
#define SEKISHO_SESSION_PLAN_H

#include <stdint.h>

#include "common/message.h"
#include "config/policy.h"

struct session_facts {
	int64_t began; /* when its lifetime began */
	int64_t device_until; /* end of the device's period of use, 0: none */
	int64_t session_seconds, idle_seconds; /* of sekisho.conf */
};

struct session_plan {
	int64_t ends; /* at the latest: the kernel's element lives until then */
	enum session_end reason; /* why then: END_EXPIRED, END_HOURS or END_PERIOD, or what sessions_apply() found */
	struct line_ref line; /* which line says so; file NULL: sekisho.conf, or the device's period */
	int64_t idle_seconds;
	struct line_ref idle_line; /* file NULL: sekisho.conf */
	int64_t changes; /* first instant at which a rule of its lapses */
};

/*
 * The earliest bound wins: maximum lifetime (the shortest of sekisho.conf and all files), `hours` and `valid` as `terms` has
 * them, the device's period. Where several fall on the same instant, the device's period is named before `valid` and `hours`, and
 * these before the lifetime. What bars the session already ends it at `at`.
 */
struct session_plan session_plan(const struct session_facts *facts, const struct policy_terms *terms, int64_t at);

/* Of a session last active at `active`: END_NONE while it lives at `now`; else why it is over, with the instant and the line (may
 * be NULL). Seen late, the reason is still the one whose instant came first. */
enum session_end session_plan_due(
	const struct session_plan *plan, int64_t active, int64_t now, int64_t *when, struct line_ref *line);

/* What a bar of policy_terms() means for a session's end, and for a login. */
enum session_end session_plan_end(enum policy_bar bar);
enum login_reason session_plan_login(enum policy_bar bar);

#endif

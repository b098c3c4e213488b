/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/session_plan.h"

static const int64_t SECOND = 1000000;

enum session_end session_plan_end(enum policy_bar bar)
{
	switch (bar) {
	case BAR_NONE:
		return END_NONE;
	case BAR_HOURS:
		return END_HOURS;
	default:
		return END_PERIOD;
	}
}

enum login_reason session_plan_login(enum policy_bar bar)
{
	switch (bar) {
	case BAR_NONE:
		return LOGIN_OK;
	case BAR_HOURS:
		return LOGIN_HOURS;
	default:
		return LOGIN_PERIOD;
	}
}

/* The shorter of sekisho.conf's and the files' (0: none says) values; `line` is only the file's if that wins. */
static int64_t shortest(int64_t settings, int64_t files, const struct line_ref *file_line, struct line_ref *line)
{
	if (!files || files >= settings) {
		*line = (struct line_ref){0};
		return settings;
	}
	*line = *file_line;
	return files;
}

struct session_plan session_plan(const struct session_facts *facts, const struct policy_terms *terms, int64_t at)
{
	struct session_plan p = {.reason = END_EXPIRED, .changes = terms->changes};
	p.idle_seconds = shortest(facts->idle_seconds, terms->idle_seconds, &terms->idle_line, &p.idle_line);
	p.ends = facts->began + SECOND * shortest(facts->session_seconds, terms->session_seconds, &terms->session_line, &p.line);
	if (terms->bar != BAR_NONE && at < p.ends) {
		p.ends = at;
		p.reason = session_plan_end(terms->bar);
		p.line = terms->bar_line;
	} else if (terms->bar == BAR_NONE && terms->ends <= p.ends) {
		p.ends = terms->ends;
		p.reason = session_plan_end(terms->ends_bar);
		p.line = terms->ends_line;
	}
	if (facts->device_until && facts->device_until <= p.ends) {
		p.ends = facts->device_until;
		p.reason = END_PERIOD;
		p.line = (struct line_ref){0};
	}
	return p;
}

enum session_end session_plan_due(
	const struct session_plan *plan, int64_t active, int64_t now, int64_t *when, struct line_ref *line)
{
	int64_t idle = active + plan->idle_seconds * SECOND;
	bool idle_first = idle < plan->ends;
	int64_t first = idle_first ? idle : plan->ends;
	if (now < first)
		return END_NONE;
	*when = first;
	if (line)
		*line = idle_first ? plan->idle_line : plan->line;
	return idle_first ? END_IDLE : plan->reason;
}

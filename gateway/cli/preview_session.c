/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/cli/preview_session.h"

#include <stdio.h>
#include <string.h>

#include "common/addr.h"
#include "common/diag.h"
#include "common/paths.h"
#include "config/settings.h"
#include "gateway/acl_json.h"
#include "gateway/cli/cli.h"
#include "gateway/cli/people.h"
#include "gateway/session_plan.h"

enum { WHY_MAX = 640, DAYS_MAX = 3650 };

void preview_judge_settings(struct preview_judge *j)
{
	struct diag d = diag_new();
	struct settings s = {
		.default_login = true, .session_seconds = DAYS_MAX * 86400, .session_idle_seconds = DAYS_MAX * 86400};

	(void)settings_load(PATH_CONFIG, &s, &d);
	j->default_login = s.default_login;
	j->session_seconds = s.session_seconds;
	j->idle_seconds = s.session_idle_seconds;
	diag_free(&d);
}

/* What is to become of a session. */
struct fate {
	const char *change; /* NULL: nothing */
	char why[WHY_MAX]; /* "" when the rules alone say it */
	int64_t opens; /* ends: when its user may come back, INT64_MAX when no statement says */
	int64_t until; /* the latest end that is left */
	bool loss;
};

static void because(struct fate *f, const char *what, const struct line_ref *line)
{
	if (line->file)
		snprintf(f->why, WHY_MAX, "%s: %.200s (%.200s:%u)", what, line->text, line->file, line->line);
	else
		snprintf(f->why, WHY_MAX, "%s", what);
}

static const char *bound(enum session_end reason)
{
	return reason == END_HOURS ? "hours" : reason == END_PERIOD ? "period of use" : "longest session";
}

/* When it ends at the latest by a set of ACLs, as the gateway plans it. */
static struct session_plan plan(const struct preview_judge *j, const json_t *session, const struct policy_terms *terms)
{
	struct session_facts facts = {.session_seconds = j->session_seconds, .idle_seconds = j->idle_seconds};
	const bool by_device = !strcmp(cli_text(session, "ends_reason"), "period") && !*cli_text(session, "ends_line");
	int64_t ends;

	if (cli_instant(cli_text(session, "opened"), &facts.began))
		facts.began = j->now;
	if (by_device && cli_instant(cli_text(session, "ends"), &ends) == 0)
		facts.device_until = ends;
	return session_plan(&facts, terms, j->now);
}

/* Whether, and until when, the session may go on. */
static void judge_end(const struct preview_judge *j, const struct subject *s, const json_t *session, struct fate *f)
{
	struct policy_terms terms;
	struct endpoint outer;
	struct line_ref line;

	policy_terms(j->before, s, j->now, &terms);
	const int64_t ends_now = plan(j, session, &terms).ends;
	policy_terms(j->after, s, j->now, &terms);
	const struct session_plan p = plan(j, session, &terms);
	f->until = p.ends;
	f->opens = INT64_MAX;
	if (!j->default_login && !policy_has_files(j->after, s)) {
		because(f, "no file names the user or a group of the user's any more", &(struct line_ref){0});
		f->change = "ends";
	} else if (p.ends <= j->now && p.ends < ends_now) {
		because(f, bound(p.reason), &p.line);
		f->change = "ends";
		f->opens = terms.bar == BAR_NONE ? INT64_MAX : terms.opens;
	} else if (endpoint_parse(cli_text(session, "endpoint"), &outer) == 0 && !policy_from(j->after, s, &outer.addr, &line)) {
		because(f, "may not come from there", &line);
		f->change = "ends";
	} else if (p.ends < ends_now) {
		because(f, bound(p.reason), &p.line);
		f->change = "shortens";
	}
	f->loss = f->change != NULL;
}

static bool any(const struct policy_changes *c, enum policy_change_kind kind)
{
	for (size_t i = 0; i < c->count; i++)
		if (c->change[i].kind == kind)
			return true;
	return false;
}

static void judge_rules(const struct policy_changes *changes, struct fate *f)
{
	f->loss = f->loss || changes->loss;
	if (f->change && !strcmp(f->change, "ends"))
		return;
	if (any(changes, CHANGE_LOSES))
		f->change = "narrows";
	else if (!f->change && any(changes, CHANGE_GAINS))
		f->change = "widens";
	else if (!f->change && changes->count)
		f->change = "changes";
}

int preview_session(struct preview_judge *j, const json_t *session, json_t *list)
{
	const char *const user = cli_text(session, "user"), *room[GROUPS_MAX];
	enum device_class class = CLASS_MINISTRY;
	struct policy_changes changes;
	struct fate f = {0};

	(void)device_class_parse(cli_text(session, "class"), &class);
	const struct subject s = people_subject(user, json_object_get(session, "groups"), class, room);
	const int r = policy_diff_subject(j->before, j->after, &s, j->now, &changes);
	if (r < 0)
		return r;
	judge_end(j, &s, session, &f);
	judge_rules(&changes, &f);
	if (f.change)
		(void)json_array_append_new(
			list, json_pack("{s:O, s:s, s:s, s:s, s:s?, s:o, s:o, s:o}", "id", json_object_get(session, "id"), "user",
				      user, "device", cli_text(session, "device"), "change", f.change, "why",
				      *f.why ? f.why : NULL, "until", acl_json_instant(f.until), "opens",
				      acl_json_instant(f.opens), "changes", preview_changes(&changes)));
	j->loss = j->loss || (f.change && f.loss);
	policy_changes_free(&changes);
	return 0;
}

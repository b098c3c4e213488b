/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Changes while the gateway runs: settings and ACLs, all of what was read or nothing. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/paths.h"
#include "common/say.h"
#include "gateway/access.h"
#include "gateway/enforcement.h"
#include "gateway/event.h"
#include "gateway/evidence.h"
#include "gateway/gateway.h"
#include "gateway/generation.h"
#include "gateway/hook.h"
#include "gateway/recheck.h"
#include "gateway/session.h"
#include "gateway/terms.h"

enum { RECORD_MISTAKES = 20, MISTAKE_TEXT = 400 };

/* ---- records ---- */

static json_t *record(struct gateway *g, const struct gateway_request *q, const char *action, int r, const char *reason)
{
	json_t *e = event_new(action, r < 0 ? "failure" : "success", reason);
	event_admin(e, &q->by);
	event_number(e, "sekisho.acl.generation", (int64_t)g->generation);
	return e;
}

/* `e` is the record of what came of it, `text` the words for the one who asked; both are stolen. */
static int finish_event(struct gateway *g, struct gateway_request *q, json_t *e, int r, char *text)
{
	if (r < 0)
		event_text(e, "error.message", text ? text : strerror(-r));
	(void)log_write(g->log, LOG_AUDIT, time_now(), e, true);
	free(q->text);
	q->text = text;
	return r;
}

static int finish(struct gateway *g, struct gateway_request *q, const char *action, const char *reason, int r, char *text)
{
	return finish_event(g, q, record(g, q, action, r, reason), r, text);
}

/* Which file it was, and which of its settings are others than before. */
static json_t *record_applied(struct gateway *g, const struct gateway_request *q, const struct settings *before)
{
	json_t *e = record(g, q, "config-applied", 0, NULL);
	const char *name;
	unsigned at = 0;
	event_text(e, "sekisho.config.sha256", g->settings.sha256);
	while ((name = settings_difference(before, &g->settings, &at)))
		event_append_text(e, "sekisho.config.changed", name);
	return e;
}

/* A set with mistakes: the record names the first of them. `d` has what the one who asked is told. */
static int finish_mistaken(struct gateway *g, struct gateway_request *q, int r, const struct diag *d)
{
	char text[MISTAKE_TEXT];
	size_t count = d->dropped, shown = 0;
	json_t *e = record(g, q, "acl-rejected", r, "mistakes");
	for (size_t i = 0; i < d->count; i++) {
		const struct diag_entry *m = &d->entries[i];
		if (m->level != DIAG_ERROR)
			continue;
		count++;
		if (shown == RECORD_MISTAKES)
			continue;
		snprintf(text, sizeof text, "%s:%u:%u: %s", m->file, m->line, m->column, m->text);
		if (!shown++)
			event_text(e, "error.message", text);
		event_append_text(e, "sekisho.acl.mistakes", text);
	}
	if (!shown)
		event_text(e, "error.message", strerror(-r));
	event_number(e, "sekisho.acl.mistakes_total", (int64_t)count);
	(void)log_write(g->log, LOG_AUDIT, time_now(), e, true);
	free(q->text);
	q->text = diag_render(d);
	return r;
}

static char *sentence(const char *what, int r)
{
	char *text;
	if (asprintf(&text, "%s: %s; what was in force stays in force", what, strerror(-r)) < 0)
		return NULL;
	return text;
}

/* ---- ACLs ---- */

/* Is it the set that somebody has looked at? */
static bool expected(const struct gateway_request *q, const struct policy *policy)
{
	char sha256[POLICY_DIGEST_TEXT];
	return !q->sha256 || (policy_digest(policy, sha256) == 0 && !strcmp(sha256, q->sha256));
}

/* The ACLs that are in force, under settings that may be others now. */
static int judge_again(struct gateway *g, struct gateway_request *q)
{
	q->unchanged = true;
	int r = sessions_apply(g, g->policy, &q->changed);
	return r < 0 ? finish(g, q, "acl-rejected", "firewall", r, sentence("the firewall refused the rules", r)) : 0;
}

/* Puts a policy in force; takes its reference over in any case. */
static int put_in_force(struct gateway *g, struct gateway_request *q, struct policy *policy)
{
	struct generation_result result;
	int r;
	if (!expected(q, policy)) {
		q->conflict = true;
		r = finish(g, q, "acl-rejected", "conflict", -ESTALE,
			strdup("the files in " PATH_ACL_DIR " are not those any more that were looked at"));
	} else if (generation_is_in_force(g, policy)) {
		r = judge_again(g, q);
	} else {
		r = generation_put(g, policy, PATH_ACL_DIR, &(struct generation_order){q->by.uid, q->by.name}, &result);
		if (r == 0) {
			q->changed = result.changed;
			return 0;
		}
		r = finish(g, q, "acl-rejected", result.reason, r, strdup(result.why));
	}
	policy_unref(policy);
	return r;
}

int gateway_apply_acl(struct gateway *g, struct gateway_request *q)
{
	struct policy *policy;
	struct diag d = diag_new();
	int r = settings_policy_load(&g->settings, PATH_ACL_DIR, time_now(), &policy, &d);
	if (r < 0) {
		r = finish_mistaken(g, q, r, &d);
	} else {
		if (d.count)
			q->text = diag_render(&d); /* warnings */
		r = put_in_force(g, q, policy);
	}
	diag_free(&d);
	return r;
}

/* ---- settings ---- */

static int load_settings(struct gateway *g, struct settings *s, char **text)
{
	struct diag d = diag_new();
	int r = settings_load_digest(PATH_CONFIG, s, &d);
	if (r == 0)
		r = hook_settings_check(PATH_CONFIG, s, &d);
	if (d.count)
		*text = diag_render(&d);
	diag_free(&d);
	if (r < 0)
		return r;
	const char *fixed = settings_fixed_difference(&g->settings, s);
	if (!fixed)
		return 0;
	free(*text);
	if (asprintf(text,
		    PATH_CONFIG ": `%s` cannot change while the gateway runs; put it back, or stop the gateway, run "
				"`sekisho-gateway --close`, and start it again",
		    fixed) < 0)
		*text = NULL;
	return -EINVAL;
}

static int load_terms(struct terms **out, char **text)
{
	struct diag d = diag_new();
	int r = terms_load(PATH_TERMS_DIR, out, &d);
	if (r < 0)
		*text = diag_render(&d);
	diag_free(&d);
	return r;
}

/* Puts the former settings back, whose ACLs are still in force. */
static void respec_back(struct gateway *g, const struct settings *before)
{
	g->settings = *before;
	(void)settings_apply_time_zone(before);
	int r = enforcement_respec(g, before);
	if (r < 0) {
		g->enforcement_error = r;
		say_error("cannot give the firewall its former settings back: %s; trying again", strerror(-r));
	}
}

void gateway_reopen_logs(struct gateway *g)
{
	int r = log_reopen(g->log);
	if (r < 0)
		say_error("cannot open the logs anew: %s; writing to the old files, check " PATH_LOG_DIR " and reload",
			strerror(-r));
}

int gateway_reload(struct gateway *g, struct gateway_request *q)
{
	struct settings fresh, before = g->settings;
	struct gateway_request silent = {.by = q->by};
	struct terms *terms = NULL;
	char *words = NULL;
	gateway_reopen_logs(g);
	int r = load_settings(g, &fresh, &words);
	if (r == 0)
		r = load_terms(&terms, &words);
	if (r < 0)
		return finish(g, q, "config-rejected", NULL, r, words);
	free(words);
	r = enforcement_respec(g, &fresh);
	if (r < 0) {
		terms_free(terms);
		return finish(g, q, "config-rejected", NULL, r, sentence("the firewall refused the new settings", r));
	}
	g->settings = fresh;
	r = settings_apply_time_zone(&fresh);
	/* Settings without their ACLs would be half a change. */
	if (r == 0)
		r = gateway_apply_acl(g, q);
	if (r < 0) {
		respec_back(g, &before);
		terms_free(terms);
		evidence_settings(g);
		(void)finish(g, &silent, "config-rejected", NULL, r,
			strdup("its ACLs could not be put in force; acl-rejected before this says why"));
	} else {
		terms_free(g->terms);
		g->terms = terms;
		rechecks_reload(g);
		access_settings(g);
		evidence_settings(g);
		(void)finish_event(g, &silent, record_applied(g, q, &before), 0, NULL);
	}
	free(silent.text);
	return r;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Changes while the gateway runs: settings and ACLs, all of what was read or nothing. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/paths.h"
#include "common/say.h"
#include "gateway/enforcement.h"
#include "gateway/event.h"
#include "gateway/gateway.h"
#include "gateway/recheck.h"
#include "gateway/session.h"

struct request {
	uint32_t uid;
	const char *who;
	unsigned *changed;
	char **text;
};

/* One record of what came of it, and the words for the one who asked. `text` is stolen. */
static int finish(struct gateway *g, const struct request *q, const char *action, int r, char *text)
{
	json_t *e = event_new(action, r < 0 ? "failure" : "success", NULL);
	event_admin(e, q->uid, q->who);
	event_number(e, "sekisho.acl.generation", (int64_t)g->generation);
	if (r < 0)
		event_text(e, "error.message", text ? text : strerror(-r));
	(void)log_write(g->log, LOG_AUDIT, time_now(), e, true);
	if (q->text)
		*q->text = text;
	else
		free(text);
	return r;
}

static char *sentence(const char *what, int r)
{
	char *text;
	if (asprintf(&text, "%s: %s; what was in force stays in force", what, strerror(-r)) < 0)
		return NULL;
	return text;
}

static void log_applied(struct gateway *g, const struct request *q, unsigned changed)
{
	struct policy_counts counts = policy_counts(g->policy);
	char digest[POLICY_DIGEST_TEXT];
	json_t *e = event_new("acl-applied", "success", NULL);
	event_admin(e, q->uid, q->who);
	event_number(e, "sekisho.acl.generation", (int64_t)g->generation);
	event_number(e, "sekisho.acl.files", counts.files);
	event_number(e, "sekisho.acl.rules", counts.rules);
	event_number(e, "sekisho.acl.sessions_changed", changed);
	if (policy_digest(g->policy, digest) == 0)
		event_text(e, "sekisho.acl.sha256", digest);
	(void)log_write(g->log, LOG_AUDIT, time_now(), e, true);
}

/* Puts a policy in force; takes its reference over in any case. */
static int put_in_force(struct gateway *g, const struct request *q, struct policy *policy, char **text)
{
	uint64_t generation;
	unsigned changed = 0;
	int r = ledger_generation_next(g->ledger, &generation);
	if (r < 0) {
		*text = sentence("cannot count the new generation in " PATH_LEDGER, r);
		goto out;
	}
	r = sessions_apply(g, policy, &changed);
	if (r < 0) {
		*text = sentence("the firewall refused the new rules", r);
		goto out;
	}
	struct policy *old = g->policy;
	g->policy = policy;
	policy = old;
	g->generation = generation;
	g->applied = time_now();
	log_applied(g, q, changed);
	if (q->changed)
		*q->changed = changed;
out:
	policy_unref(policy);
	return r;
}

int gateway_apply_acl(struct gateway *g, uint32_t uid, const char *who, unsigned *changed, char **text)
{
	struct request q = {uid, who, changed, text};
	struct policy *policy;
	char *words = NULL;
	struct diag d = diag_new();
	int r = settings_policy_load(&g->settings, PATH_ACL_DIR, time_now(), &policy, &d);
	if (d.count)
		words = diag_render(&d);
	diag_free(&d);
	if (r == 0) {
		char *error = NULL;
		r = put_in_force(g, &q, policy, &error);
		if (error) {
			free(words);
			words = error;
		}
	}
	if (r < 0)
		return finish(g, &q, "acl-rejected", r, words);
	if (text)
		*text = words; /* warnings */
	else
		free(words);
	return 0;
}

static int load_settings(struct gateway *g, struct settings *s, char **text)
{
	struct diag d = diag_new();
	int r = settings_load(PATH_CONFIG, s, &d);
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

int gateway_reload(struct gateway *g, uint32_t uid, const char *who, unsigned *changed, char **text)
{
	struct request q = {uid, who, changed, text};
	struct settings fresh, before = g->settings;
	char *words = NULL;
	/* logrotate(8) renames the logs and then asks for this. */
	int r = log_reopen(g->log);
	if (r < 0)
		say_error("cannot open the logs anew: %s; writing to the old files, check " PATH_LOG_DIR " and reload",
			strerror(-r));
	r = load_settings(g, &fresh, &words);
	if (r < 0)
		return finish(g, &q, "config-rejected", r, words);
	r = enforcement_respec(g, &fresh);
	if (r < 0) {
		free(words);
		return finish(g, &q, "config-rejected", r, sentence("the firewall refused the new settings", r));
	}
	free(words);
	g->settings = fresh;
	r = settings_apply_time_zone(&fresh);
	/* Settings without their ACLs would be half a change. */
	if (r == 0)
		r = gateway_apply_acl(g, uid, who, changed, text);
	if (r < 0) {
		g->settings = before;
		(void)settings_apply_time_zone(&before);
		int back = enforcement_respec(g, &before);
		if (back < 0) {
			g->enforcement_error = back;
			say_error("cannot give the firewall its former settings back: %s; trying again", strerror(-back));
		}
		return finish(g, &(struct request){uid, who, NULL, NULL}, "config-rejected", r, NULL);
	}
	rechecks_reload(g);
	return finish(g, &(struct request){uid, who, NULL, NULL}, "config-applied", 0, NULL);
}

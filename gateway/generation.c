/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/generation.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/paths.h"
#include "common/say.h"
#include "config/policy_diff.h"
#include "gateway/archive.h"
#include "gateway/event.h"
#include "gateway/evidence.h"
#include "gateway/session.h"

enum { RECORD_CHANGES = 32, RECORD_FILES = 32 }; /* of a generation's changes, in one line of the log */

/* ---- what a generation is made of ---- */

static void networks_text(const struct settings *s, char text[static GENERATION_INTERNAL_TEXT])
{
	struct prefix room[NETWORKS_MAX + 2];
	char prefix[PREFIX_TEXT];
	size_t used = 0;
	const struct policy_context context = settings_policy_context(s, room);
	*text = '\0';
	for (size_t i = 0; i < context.internal_count && used < GENERATION_INTERNAL_TEXT; i++)
		used += (size_t)snprintf(text + used, GENERATION_INTERNAL_TEXT - used, "%s%s", i ? " " : "",
			prefix_format(&context.internal[i], prefix));
}

static int describe(struct gateway *g, const struct policy *policy, const struct generation_order *order, struct generation *row)
{
	const struct policy_counts counts = policy_counts(policy);
	*row = (struct generation){.archived = time_now(), .uid = order->uid, .files = counts.files, .rules = counts.rules};
	snprintf(row->who, sizeof row->who, "%s", order->who);
	snprintf(row->time_zone, sizeof row->time_zone, "%s", g->settings.time_zone);
	networks_text(&g->settings, row->internal);
	return policy_digest(policy, row->sha256);
}

/* ---- what it changes ---- */

static int add_change(struct generation *row, const char *sentence)
{
	row->change_total++;
	if (row->change_count == GENERATION_CHANGES_MAX)
		return 0;
	if (!row->changes)
		row->changes = calloc(GENERATION_CHANGES_MAX, sizeof *row->changes);
	if (!row->changes)
		return -ENOMEM;
	text_safe(sentence, row->changes[row->change_count++], sizeof *row->changes);
	return 0;
}

static int add_differences(const struct policy *before, const struct policy *after, struct generation *row)
{
	struct policy_changes changes;
	int r = policy_diff(before, after, row->archived, &changes);
	if (r < 0)
		return r != -E2BIG ? r
				   : add_change(row, "a file's rules come to so many ranges that the difference cannot be told");
	for (size_t i = 0; i < changes.count && !r; i++) {
		char *sentence = policy_change_sentence(&changes.change[i]);
		r = sentence ? add_change(row, sentence) : -ENOMEM;
		free(sentence);
	}
	policy_changes_free(&changes);
	return r;
}

/* Against what is in force; nothing for the first of all, or when what was in force is lost. */
static int compare(struct gateway *g, const struct policy *policy, struct generation *row)
{
	struct generation before = {0};
	int r = ledger_generation_in_force(g->ledger, &before);
	if (r == -ENOENT || !g->policy)
		r = 0;
	else if (!r && strcmp(before.internal, row->internal) != 0)
		r = add_change(row, PATH_CONFIG " names other networks");
	if (!r && g->policy && strcmp(before.time_zone, row->time_zone) != 0)
		r = add_change(row, PATH_CONFIG " names another time zone");
	ledger_generation_clear(&before);
	return !r && g->policy ? add_differences(g->policy, policy, row) : r;
}

bool generation_is_in_force(struct gateway *g, const struct policy *policy)
{
	struct generation now = {0}, then = {0};
	if (describe(g, policy, &(struct generation_order){0, ""}, &now) < 0 || ledger_generation_in_force(g->ledger, &then) < 0)
		return false;
	const bool same = !strcmp(now.sha256, then.sha256) && !strcmp(now.internal, then.internal) &&
			  !strcmp(now.time_zone, then.time_zone);
	ledger_generation_clear(&then);
	return same;
}

struct files_record {
	json_t *event;
	unsigned count;
};

static void put_file(const struct policy_file_change *f, void *arg)
{
	struct files_record *record = arg;
	char text[ARCHIVE_PATH + POLICY_DIGEST_TEXT];
	if (record->count++ >= RECORD_FILES)
		return;
	snprintf(text, sizeof text, "%s %s", f->path, *f->sha256 ? f->sha256 : "removed");
	event_append_text(record->event, "sekisho.acl.changed_files", text);
}

/* `before`: the set that this one took the place of, NULL for the first of all. */
static void put_files(json_t *e, const struct policy *before, const struct policy *after)
{
	struct files_record record = {.event = e};
	policy_files_changed(before, after, put_file, &record);
	event_number(e, "sekisho.acl.changed_files_total", record.count);
}

static json_t *generation_event(
	const struct generation *row, const char *action, const char *outcome, const char *reason, uint64_t previous)
{
	json_t *e = event_new(action, outcome, reason);
	event_generation(e, row);
	event_number(e, "sekisho.acl.generation", (int64_t)row->number);
	if (previous)
		event_number(e, "sekisho.acl.previous_generation", (int64_t)previous);
	event_number(e, "sekisho.acl.files", row->files);
	event_number(e, "sekisho.acl.rules", row->rules);
	event_text(e, "sekisho.acl.sha256", row->sha256);
	event_number(e, "sekisho.acl.changes_total", row->change_total);
	for (unsigned i = 0; i < row->change_count && i < RECORD_CHANGES; i++)
		event_append_text(e, "sekisho.acl.changes", row->changes[i]);
	return e;
}

/* `changed`: NULL when it is recorded late, and neither that nor `before` is known any more. */
static void log_applied(
	struct gateway *g, const struct generation *row, uint64_t previous, const unsigned *changed, const struct policy *before)
{
	json_t *e = generation_event(row, "acl-applied", "success", changed ? NULL : "recorded-late", previous);
	if (changed) {
		event_number(e, "sekisho.acl.sessions_changed", *changed);
		put_files(e, before, g->policy);
	}
	(void)log_write(g->log, LOG_AUDIT, time_now(), e, true);
}

/* Before it decides anything. At a start nobody is in, and the gateway has to come up to guard what it has. */
static int log_applying(struct gateway *g, const struct generation *row, uint64_t previous, const struct policy *policy)
{
	int r = g->running ? evidence_ready(g) : 0;
	if (r < 0)
		return r;
	json_t *e = generation_event(row, "acl-applying", NULL, NULL, previous);
	put_files(e, g->policy, policy);
	r = evidence_write(g, LOG_AUDIT, time_now(), e);
	return g->running ? r : 0;
}

static int note_recorded(struct gateway *g, uint64_t number)
{
	char key[64];
	snprintf(key, sizeof key, "acl-applied %llu", (unsigned long long)number);
	return ledger_notice_once(g->ledger, key, time_now());
}

void generation_record_missing(struct gateway *g, const struct generation *row)
{
	if (note_recorded(g, row->number) == 1)
		log_applied(g, row, 0, NULL, NULL);
}

/* ---- putting one in force ---- */

static int failed(struct generation_result *out, int r, const char *reason, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

static int failed(struct generation_result *out, int r, const char *reason, const char *format, ...)
{
	va_list args;
	out->reason = reason;
	va_start(args, format);
	vsnprintf(out->why, sizeof out->why, format, args);
	va_end(args);
	return r;
}

static int not_archived(struct generation_result *out, int r, const char *what)
{
	return failed(out, r, "not-archived",
		"%s: %s; what was in force stays in force. Check space and permissions of " PATH_STATE_DIR ", then try again",
		what, strerror(-r));
}

/* A number that neither the ledger nor the archive (one restored without the other) has given before. */
static int next_number(struct gateway *g, uint64_t *out)
{
	int r;
	do
		r = ledger_generation_next(g->ledger, out);
	while (!r && archive_has(PATH_ARCHIVE, *out));
	return r;
}

/* Takes back what was noted of a set that does not come into force. */
static void forget(struct gateway *g, uint64_t number)
{
	int r = ledger_generation_drop(g->ledger, number);
	if (!r)
		r = archive_remove(PATH_ARCHIVE, number);
	if (r < 0)
		say_warning("cannot forget the refused generation %llu: %s; it stays in the history as never in force",
			(unsigned long long)number, strerror(-r));
	(void)archive_unstage(PATH_ARCHIVE);
}

/* Archive and ledger hold the set, and it is in force nowhere yet. */
static int keep(
	struct gateway *g, struct policy *policy, const char *source, struct generation *row, struct generation_result *out)
{
	int r = archive_stage(PATH_ARCHIVE, source, policy, &row->bytes);
	if (r == -ESTALE)
		return failed(out, r, "changed-meanwhile",
			"%s: files changed while they were read; what was in force stays in force. Try again when the last "
			"editor has saved",
			source);
	if (r < 0)
		return not_archived(out, r, "cannot copy the files to " PATH_ARCHIVE);
	r = next_number(g, &row->number);
	if (!r)
		r = ledger_generation_add(g->ledger, row);
	if (r < 0) {
		(void)archive_unstage(PATH_ARCHIVE);
		return not_archived(out, r, "cannot note the new generation in " PATH_LEDGER);
	}
	r = archive_keep(PATH_ARCHIVE, row->number);
	if (r < 0) {
		forget(g, row->number);
		return not_archived(out, r, "cannot name the new folder in " PATH_ARCHIVE);
	}
	return 0;
}

/* The firewall has switched, but that cannot be noted: a restart would take the old set, so that has to decide now as well. */
static int switch_back(struct gateway *g, struct generation_result *out, int r)
{
	unsigned changed;
	int back = g->sessions ? sessions_apply(g, g->policy, &changed) : 0;
	if (back < 0) {
		g->enforcement_error = back;
		say_error("cannot give the sessions their former rules back: %s; trying again", strerror(-back));
	}
	return not_archived(out, r, "cannot note in " PATH_LEDGER " what is in force");
}

int generation_put(struct gateway *g, struct policy *policy, const char *source, const struct generation_order *order,
	struct generation_result *out)
{
	struct generation row;
	const uint64_t previous = g->generation;
	*out = (struct generation_result){0};
	int r = describe(g, policy, order, &row);
	if (r == 0)
		r = compare(g, policy, &row);
	if (r == 0)
		r = keep(g, policy, source, &row, out);
	else
		not_archived(out, r, "cannot describe the new generation");
	if (r < 0)
		goto out;
	r = log_applying(g, &row, previous, policy);
	if (r < 0) {
		failed(out, r, "log-full",
			"nothing can be recorded (%s), so no rules come into force; what was in force stays. `sekisho status` "
			"tells "
			"what is wrong with the logs; ending sessions and suspending devices works all the same",
			strerror(-r));
		forget(g, row.number);
		goto out;
	}
	if (g->sessions)
		r = sessions_apply(g, policy, &out->changed);
	if (r < 0) {
		failed(out, r, "firewall", "the firewall refused the new rules: %s; what was in force stays in force",
			strerror(-r));
		forget(g, row.number);
		goto out;
	}
	const int64_t now = time_now();
	r = ledger_generation_enforce(g->ledger, row.number, now);
	if (r < 0) {
		r = switch_back(g, out, r);
		forget(g, row.number);
		goto out;
	}
	struct policy *before = g->policy;
	g->policy = policy;
	g->generation = row.number;
	g->applied = now;
	log_applied(g, &row, previous, &out->changed, before);
	policy_unref(before);
	(void)note_recorded(g, row.number);
out:
	ledger_generation_clear(&row);
	return r;
}

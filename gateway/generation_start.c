/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is in force when nobody has said anything yet: the archived set that the ledger names, the very first, or an adopted one.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/paths.h"
#include "common/say.h"
#include "gateway/archive.h"
#include "gateway/event.h"
#include "gateway/generation.h"

#define WAY_OUT                                                                                                                  \
	"Nothing is forwarded. Put the folder back from a backup, or take the files of " PATH_ACL_DIR                            \
	" instead: sekisho-gateway --adopt-acl"

/* Loads a set; says warnings to the journal and puts mistakes into `why`, after `what` and before `remedy`. */
static int load(
	struct gateway *g, const char *dir, struct policy **out, const char *what, const char *remedy, char *why, size_t why_size)
{
	struct diag d = diag_new();
	int r = settings_policy_load(&g->settings, dir, time_now(), out, &d);
	char *text = d.count ? diag_render(&d) : NULL;
	if (r < 0)
		snprintf(why, why_size, "%s%s%s", what, text ? text : strerror(-r), remedy);
	else if (text)
		say_warning("%s", text);
	free(text);
	diag_free(&d);
	return r;
}

/* What somebody was putting in force when the gateway died. It may have decided for a moment: it is kept, and on record. */
static void log_interrupted(struct gateway *g, const struct generation *row)
{
	char key[64];
	snprintf(key, sizeof key, "interrupted %llu", (unsigned long long)row->number);
	if (ledger_notice_once(g->ledger, key, time_now()) != 1)
		return;
	json_t *e = event_new("acl-rejected", "failure", "interrupted");
	event_generation(e, row);
	event_number(e, "sekisho.acl.generation", (int64_t)g->generation);
	event_number(e, "sekisho.acl.refused_generation", (int64_t)row->number);
	event_text(e, "sekisho.acl.sha256", row->sha256);
	event_text(e, "error.message", "the gateway ended before this set was noted as in force; apply it again");
	(void)log_write(g->log, LOG_AUDIT, time_now(), e, true);
}

static void clear_up(struct gateway *g)
{
	struct generation row = {0};
	uint64_t number = UINT64_MAX;
	int r = archive_unstage(PATH_ARCHIVE);
	if (r < 0)
		say_warning("cannot remove a half-made copy in " PATH_ARCHIVE ": %s", strerror(-r));
	while (!ledger_generation_before(g->ledger, number, &row) && row.number > g->generation) {
		number = row.number;
		if (archive_has(PATH_ARCHIVE, number))
			log_interrupted(g, &row);
		else
			(void)ledger_generation_drop(g->ledger, number);
		ledger_generation_clear(&row);
	}
	ledger_generation_clear(&row);
}

static int first(struct gateway *g, char *why, size_t why_size)
{
	struct generation_result result;
	struct policy *policy;
	int r = load(g, PATH_ACL_DIR, &policy, "",
		"Nothing was changed. Mend the files and try again; `sekisho acl check` finds the same mistakes.", why, why_size);
	if (r < 0)
		return r;
	r = generation_put(g, policy, PATH_ACL_DIR, &(struct generation_order){getuid(), "start"}, &result);
	if (r < 0) {
		snprintf(why, why_size, "%s", result.why);
		policy_unref(policy);
	}
	return r;
}

static int from_archive(struct gateway *g, const struct generation *row, char *why, size_t why_size)
{
	char path[ARCHIVE_PATH], what[ARCHIVE_PATH + 128], sha256[POLICY_DIGEST_TEXT];
	struct policy *policy;
	archive_path(PATH_ARCHIVE, row->number, path);
	snprintf(what, sizeof what, "%s: the files of ACL generation %llu, which is in force, cannot be used:\n", path,
		(unsigned long long)row->number);
	int r = load(g, path, &policy, what, WAY_OUT, why, why_size);
	if (r < 0)
		return r;
	r = policy_digest(policy, sha256);
	if (!r && strcmp(sha256, row->sha256) != 0)
		r = -EUCLEAN;
	if (r < 0) {
		snprintf(why, why_size, "%s%s\n" WAY_OUT, what,
			r == -EUCLEAN ? "they are not those that were put in force (their SHA-256 differs)" : strerror(-r));
		policy_unref(policy);
		return r;
	}
	g->policy = policy;
	g->generation = row->number;
	g->applied = row->applied;
	return 0;
}

/* Networks or time zone in sekisho.conf are others now, so that the same files mean something else: that is a generation of its
 * own. */
static void renew(struct gateway *g)
{
	struct generation_result result;
	char path[ARCHIVE_PATH];
	if (generation_is_in_force(g, g->policy))
		return;
	archive_path(PATH_ARCHIVE, g->generation, path);
	struct policy *same = policy_ref(g->policy);
	if (generation_put(g, same, path, &(struct generation_order){getuid(), "start"}, &result) < 0) {
		say_warning("cannot note that networks or time zone in " PATH_CONFIG " are others now: %s", result.why);
		policy_unref(same);
	}
}

static void make_archive(void)
{
	if (mkdir(PATH_ARCHIVE, 0750) == 0)
		say_warning("made " PATH_ARCHIVE ", which only the gateway can read; for the commands of group " GROUP_ADMIN
			    " run: chgrp " GROUP_ADMIN " " PATH_ARCHIVE " && chmod 2750 " PATH_ARCHIVE);
}

int generation_start(struct gateway *g, char *why, size_t why_size)
{
	struct generation row = {0};
	make_archive();
	int r = ledger_generation_in_force(g->ledger, &row);
	if (r < 0 && r != -ENOENT) {
		snprintf(why, why_size, "%s: cannot read which ACLs are in force: %s; restore the last good copy", PATH_LEDGER,
			strerror(-r));
		return r;
	}
	const bool none = r == -ENOENT;
	r = none ? first(g, why, why_size) : from_archive(g, &row, why, why_size);
	if (r == 0 && !none)
		generation_record_missing(g, &row);
	ledger_generation_clear(&row);
	if (r < 0)
		return r;
	clear_up(g);
	renew(g);
	return 0;
}

int generation_adopt(struct gateway *g, const struct generation_order *order, char *why, size_t why_size)
{
	struct generation row = {0};
	struct generation_result result;
	struct policy *policy;
	make_archive();
	int r = load(g, PATH_ACL_DIR, &policy, "", "Nothing was changed. Mend the files and try again.", why, why_size);
	if (r < 0)
		return r;
	if (!ledger_generation_in_force(g->ledger, &row))
		g->generation = row.number;
	ledger_generation_clear(&row);
	r = generation_put(g, policy, PATH_ACL_DIR, order, &result);
	if (r < 0) {
		snprintf(why, why_size, "%s", result.why);
		policy_unref(policy);
	}
	return r;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What changes when one set of ACL files takes the place of another: for the one who is about to do it, and for the record of
 * who did. Every change belongs to one file and is one sentence: "groups/soumu.acl gains tcp 3389 10.30.5.77",
 * "users/t-yamada.acl loses webmail (tcp 443 10.20.0.10)", "groups/soumu.acl adds 'hours mon-fri 07:00-22:00'".
 *
 * What a file opens is judged by the file alone, and what it denies apart from that, for a denial takes from whatever other files
 * allow. What it comes to for a person is the difference for a subject.
 */
#ifndef SEKISHO_POLICY_DIFF_H
#define SEKISHO_POLICY_DIFF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/policy.h"

enum policy_change_kind {
	CHANGE_FILE_ADDED,
	CHANGE_FILE_REMOVED,
	CHANGE_GAINS, /* what is open at the instant of the comparison */
	CHANGE_LOSES,
	CHANGE_DENIES,
	CHANGE_DENIES_NO_MORE,
	CHANGE_ADDS, /* a statement: hours, from, valid, session, owner, a rule with `until`; a system; a network of a list */
	CHANGE_REMOVES,
	CHANGE_REWORDED, /* comments, reasons, order: nothing that matters here */
	POLICY_CHANGES
};

/* Of one kind in one file; beyond that there is one more that says how many ("12 more"). */
enum { POLICY_DIFF_TEXTS = 64 };

struct policy_change {
	enum policy_change_kind kind;
	const char *file; /* "groups/soumu.acl"; NULL: what a subject gains and loses */
	const char *text; /* what is gained, the statement, ...; "" where the kind says all */
	bool loss; /* takes something from somebody, now or at some time or place */
};

struct policy_diff; /* memory of the changes */

struct policy_changes {
	struct policy_change *change; /* by kind of file, name, kind of change */
	size_t count;
	bool loss; /* of any of them */
	struct policy_diff *memory;
};

/* Compares two sets, each as it is at the instant `at`; they may be gone before the result. 0, -ENOMEM, or -E2BIG when a file's
 * rules come to too many boxes (PROFILE_BOXES_MAX). Give the result to policy_changes_free(). */
int policy_diff(const struct policy *before, const struct policy *after, int64_t at, struct policy_changes *out);

/* The same for one subject: CHANGE_GAINS and CHANGE_LOSES, of all its files together, without a file; then what was added to its
 * files and removed from them. Two subjects with equal changes (policy_changes_equal()) can be shown as one. */
int policy_diff_subject(
	const struct policy *before, const struct policy *after, const struct subject *s, int64_t at, struct policy_changes *out);

/* All that a subject may reach at `at`, as CHANGE_GAINS without a file: what is left of its allow rules, in their words. */
int policy_reach(const struct policy *p, const struct subject *s, int64_t at, struct policy_changes *out);

bool policy_changes_equal(const struct policy_changes *a, const struct policy_changes *b);

void policy_changes_free(struct policy_changes *c); /* leaves it empty; an empty one is fine */

/* The verb of a kind: "gains", "denies no more", "is reworded". */
const char *policy_change_verb(enum policy_change_kind kind);

/* One sentence, as above; without a file it begins with the verb. The caller frees it; NULL when out of memory. */
char *policy_change_sentence(const struct policy_change *c);

#endif

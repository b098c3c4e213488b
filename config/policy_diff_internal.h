/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What policy_diff.c (what is open) and policy_diff_statements.c (all else that is written) share. */
#ifndef SEKISHO_POLICY_DIFF_INTERNAL_H
#define SEKISHO_POLICY_DIFF_INTERNAL_H

#include "config/policy_diff.h"
#include "config/policy_internal.h"

struct differ {
	const struct policy *before, *after;
	int64_t at;
	struct policy_changes *out;
	struct arena *arena;
	int error; /* the first; nothing more is added then */
};

/* The same file before and after; one of them may be an empty one that does not exist (path NULL). */
struct file_pair {
	const struct rule_file *before, *after;
	const char *path; /* memory of the differ */
};

/* Adds a change; `text` is copied. */
void differ_add(struct differ *d, enum policy_change_kind kind, const char *file, const char *text, bool loss);

/* Adds that there are so many more of a kind, unless it is 0. */
void differ_add_more(struct differ *d, enum policy_change_kind kind, const char *file, size_t count, bool loss);

/* Systems that were added, removed or changed. */
void differ_systems(struct differ *d, const char *path);

/* Owner, hours, from, valid, session; and rules that lapse, or did. */
void differ_statements(struct differ *d, const struct file_pair *f);

/* Networks of a list. */
void differ_networks(struct differ *d, const struct file_pair *f);

/* Compares what two `from` statements of the same words stand for. */
enum networks_change { NETWORKS_SAME, NETWORKS_WIDER, NETWORKS_NARROWER };
enum networks_change differ_from(struct differ *d, const struct term *before, const struct term *after);

#endif

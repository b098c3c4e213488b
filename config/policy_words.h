/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a part of the address space is called: in the words of the rules that made it so where there are such ("webmail (tcp 443
 * 10.20.0.10)"), by the system to which it belongs, else in those of the ACL language.
 */
#ifndef SEKISHO_POLICY_WORDS_H
#define SEKISHO_POLICY_WORDS_H

#include "config/policy_internal.h"
#include "config/profile_words.h"

/* Where the words come from; all borrowed. */
struct words_source {
	const struct policy *policy; /* whose systems name what no rule does */
	struct words_rules {
		const struct rule_file *const *files;
		size_t count;
		enum rule_action action;
	} rules[2]; /* in order of preference; only those that hold at `at` */
	int64_t at;
};

/*
 * At most `max` texts for all of `p`. A name stands for the whole of what it names: what is only a part is called "part of
 * webmail (...)". 0, -ENOMEM or -E2BIG, `out` untouched.
 */
int policy_words(struct arena *arena, const struct words_source *from, const struct profile *p, size_t max, struct words *out);

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The rules of many sessions at one instant, each made once: sessions whose ACL files are the same share one compiled profile and
 * one set of terms, and equal profiles of different files are one again. Ten thousand people of two hundred groups are two
 * hundred compilations.
 */
#ifndef SEKISHO_SESSION_RULES_H
#define SEKISHO_SESSION_RULES_H

#include <stdbool.h>
#include <stdint.h>

#include "config/policy.h"
#include "gateway/profiles.h"

/* What one combination of files says. */
struct session_rules {
	bool access; /* a file names the user or a group of the user's: else only `default-access login` lets in */
	struct policy_terms terms;
	struct profile_want *want; /* compiled */
};

struct rule_book;

/* An empty book about `policy` (borrowed) at the instant `at`. 0 or -ENOMEM. */
int rule_book_new(const struct policy *policy, int64_t at, struct rule_book **out);

/* The rules of a subject, which live as long as the book. 0, -ENOMEM, or what profile_compile() says. */
int rule_book_look(struct rule_book *b, const struct subject *s, const struct session_rules **out);

/* Notes contents that no subject of the book asks for, as those of a session that keeps its rules; copied. 0 or -ENOMEM. */
int rule_book_keep(struct rule_book *b, const struct profile *profile, struct profile_want **out);

/* One more session wants these contents; `id` is the one it has now. */
void rule_book_want(struct profile_want *w, uint16_t id);

/* The list of all contents that anybody asked for, each once. */
struct profile_want *rule_book_wants(const struct rule_book *b);

void rule_book_free(struct rule_book *b); /* NULL is fine */

#endif

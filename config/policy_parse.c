/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One ACL file: which statements may stand in it, and each line to the function that reads it. */
#include <errno.h>
#include <openssl/evp.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/input.h"
#include "config/nearest.h"
#include "config/statement.h"

enum {
	IN_SYSTEMS = 1U << FILE_SYSTEMS,
	IN_LISTS = 1U << FILE_LIST,
	IN_USERS = 1U << FILE_USER,
	IN_GROUPS_USERS = 1U << FILE_GROUP | IN_USERS,
	IN_RULES = IN_GROUPS_USERS | 1U << FILE_DEVICE,
};

static const struct statement_kind {
	const char *keyword;
	unsigned where; /* kinds of files, one bit each */
	void (*parse)(struct parser *ps);
} kinds[] = {
	{"system", IN_SYSTEMS, statement_system},
	{"allow", IN_GROUPS_USERS, statement_allow},
	{"deny", IN_RULES, statement_deny},
	{"hours", IN_RULES, statement_hours},
	{"from", IN_RULES, statement_from},
	{"valid", IN_USERS, statement_valid},
	{"session", IN_RULES, statement_session},
	{"owner", IN_SYSTEMS | IN_LISTS | IN_RULES, statement_owner},
	{"expect", IN_GROUPS_USERS, statement_expect},
};

enum { KINDS = sizeof kinds / sizeof *kinds, LIST_TEXT = 256 };

const char *policy_keyword(size_t i)
{
	return i < KINDS ? kinds[i].keyword : NULL;
}

static bool stands_in(const struct statement_kind *k, const struct parser *ps)
{
	return k->where & 1U << ps->file->kind;
}

/* "allow, deny, ...": what may stand in this file. */
static const char *allowed_here(const struct parser *ps, char text[static LIST_TEXT])
{
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < KINDS; i++)
		if (stands_in(&kinds[i], ps))
			used += (size_t)snprintf(text + used, LIST_TEXT - used, "%s%s", used ? ", " : "", kinds[i].keyword);
	if (ps->file->kind == FILE_LIST)
		snprintf(text + used, LIST_TEXT - used, " and networks");
	return text;
}

/* Where a statement that may not stand here belongs. */
static const char *belongs(const struct statement_kind *k)
{
	switch (k->where) {
	case IN_SYSTEMS:
		return "systems.acl";
	case IN_USERS:
		return "a user's file";
	case IN_GROUPS_USERS:
		return "a group's or user's file";
	default:
		return "a file of a group, user or class of device";
	}
}

static void no_statement(struct parser *ps, const struct statement_kind *elsewhere)
{
	const struct word *const w = &ps->lx.words[0];
	struct nearest n = nearest_to(w->text);
	char hint[NEAREST_TEXT], here[LIST_TEXT];

	allowed_here(ps, here);
	if (w->quoted) {
		lexer_mistake(&ps->lx, w, "a text in quotes is not a statement; expected one of %s", here);
		return;
	}
	if (elsewhere) {
		lexer_mistake(&ps->lx, w, "'%s' is not a statement here; expected one of %s; %s belongs in %s", w->text, here,
			w->text, belongs(elsewhere));
		return;
	}
	for (size_t i = 0; i < KINDS; i++)
		if (stands_in(&kinds[i], ps))
			nearest_offer(&n, kinds[i].keyword);
	lexer_mistake(&ps->lx, w, "'%s' is not a statement here; expected one of %s%s", w->text, here, nearest_hint(&n, hint));
}

static void parse_statement(struct parser *ps)
{
	const struct statement_kind *kind = NULL;

	for (size_t i = 0; i < KINDS; i++)
		if (lexer_is(&ps->lx, 0, kinds[i].keyword))
			kind = &kinds[i];
	if (kind && stands_in(kind, ps))
		kind->parse(ps);
	else if (ps->file->kind == FILE_LIST && !kind && !ps->lx.words[0].quoted)
		statement_networks(ps);
	else
		no_statement(ps, kind);
}

/* Looks at a file of rules as a whole, when it is well-formed. */
static void judge_file(struct parser *ps, const char *text, size_t size)
{
	if (ps->b->error || ps->b->d->failed || ps->b->systems_unknown || ps->b->systems_mistaken)
		return;
	policy_expect_judge(ps->b, ps->file, ps->expectations);
	if (!ps->b->error)
		statement_judge(ps, text, size);
}

void policy_build_file(
	struct build *b, enum policy_file_kind kind, const char *path, const char *name, const char *text, size_t size)
{
	if (b->error)
		return;
	const bool failed = b->d->failed;
	if (size > INPUT_MAX) {
		input_complain(b->d, path, -EFBIG);
		policy_build_unread(b, kind);
		return;
	}
	struct rule_file *const file = policy_build_add(b, kind, path, name);
	struct parser *const ps = calloc(1, sizeof *ps);
	if (!file || !ps || EVP_Digest(text, size, file->sha256, NULL, EVP_sha256(), NULL) != 1) {
		b->error = -ENOMEM;
		free(ps);
		return;
	}
	ps->b = b;
	ps->file = file;
	ps->expectations_end = &ps->expectations;
	ps->terms_end = &file->terms;
	b->d->failed = false; /* of this file alone, from here on */
	lexer_start(&ps->lx, file->path, text, size, b->d);
	while (!b->error && lexer_next(&ps->lx))
		parse_statement(ps);
	if (kind == FILE_SYSTEMS)
		b->systems_mistaken = b->d->failed;
	if (kind == FILE_LIST)
		statement_list_end(ps);
	judge_file(ps, text, size);
	b->d->failed = b->d->failed || failed;
	tdestroy(ps->seen, policy_build_keep);
	free(ps->networks.range);
	free(ps);
}

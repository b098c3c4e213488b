/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is well-formed and yet not what anybody means: statements without effect. */
#include <errno.h>
#include <stdlib.h>

#include "config/statement.h"

enum { PAIRS_MAX = 4000000 }; /* of boxes looked at in one file: a warning is not worth more */

static bool overlap(const struct profile_box *a, const struct profile_box *b)
{
	return a->proto_first <= b->proto_last && b->proto_first <= a->proto_last && a->port_first <= b->port_last &&
	       b->port_first <= a->port_last && addr_compare(&a->first, &b->last) <= 0 && addr_compare(&b->first, &a->last) <= 0;
}

/* Is a part of what the rule covers in the profile? */
static bool takes_effect(const struct rule *r, const struct profile *p)
{
	for (size_t i = 0; i < r->boxes.count; i++)
		for (size_t j = 0; j < p->count; j++)
			if (overlap(&r->boxes.box[i], &p->boxes[j]))
				return true;
	return false;
}

/* What the file's allows leave open that its lasting denies do not close; NULL when nothing is to be said. */
static struct profile *left_open(struct parser *ps)
{
	const struct rule_file *const file = ps->file;
	struct rule_file lasting = *file;
	struct rule *const rules = calloc(file->count + 1, sizeof *rules);
	const struct rule_file *const one = &lasting;
	struct profile *p = NULL;
	size_t denies = 0, boxes = 0;

	lasting.rules = rules;
	lasting.count = 0;
	for (size_t i = 0; rules && i < file->count; i++) {
		const struct rule *const r = &file->rules[i];
		if (r->action == RULE_DENY && r->until != INT64_MAX)
			continue;
		rules[lasting.count++] = *r;
		denies += r->action == RULE_DENY;
		boxes += r->action == RULE_ALLOW ? r->boxes.count : 0;
	}
	const int r = !rules ? -ENOMEM : denies && denies < lasting.count ? profile_of_files(&one, 1, INT64_MIN, &p) : 0;
	if (r == -ENOMEM)
		ps->b->error = r;
	free(rules);
	if (p && p->count && boxes > PAIRS_MAX / p->count) {
		profile_free(p);
		p = NULL;
	}
	return p;
}

static bool can_come_from(const struct term *t)
{
	for (size_t i = 0; i < t->from.count; i++)
		for (size_t j = 0; j < t->from.networks[i]->count; j++)
			if (networks_can_send(&t->from.networks[i]->range[j]))
				return true;
	return false;
}

/* The line of the first `from` of a file all of whose `from` leave no address a phone could have; 0: none. */
static unsigned impossible_from(const struct rule_file *file)
{
	unsigned line = 0;

	for (const struct term *t = file->terms; t; t = t->next) {
		if (t->kind != TERM_FROM)
			continue;
		if (can_come_from(t))
			return 0;
		line = line ? line : t->line;
	}
	return line;
}

void statement_judge(struct parser *ps, const char *text, size_t size)
{
	const struct rule_file *const file = ps->file;
	const unsigned from_line = impossible_from(file);
	struct profile *const open = left_open(ps);
	size_t next = 0;

	if (!open && !from_line)
		return;
	/* Once more through the lines, each of which is known to be good, for the places of those that matter. */
	lexer_start(&ps->lx, file->path, text, size, ps->b->d);
	while (lexer_next(&ps->lx)) {
		if (ps->lx.line == from_line)
			lexer_warning(&ps->lx, &ps->lx.words[0],
				"no phone can come from here: no address that the from lines of this file name is one on the "
				"Internet");
		while (next < file->count && file->rules[next].line < ps->lx.line)
			next++;
		if (!open || next == file->count || file->rules[next].line != ps->lx.line ||
			file->rules[next].action != RULE_ALLOW)
			continue;
		if (!takes_effect(&file->rules[next], open))
			lexer_warning(&ps->lx, &ps->lx.words[0],
				"opens nothing, for deny lines of this file close all of it; remove this line or change those");
	}
	profile_free(open);
}

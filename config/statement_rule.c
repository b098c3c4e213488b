/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is open and what is closed, and what its author expects of that: allow, deny, expect. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "config/nearest.h"
#include "config/statement.h"

/* The name of a known system in word 1. */
static bool named_system(struct parser *ps, struct boxes *out)
{
	const struct word *const w = &ps->lx.words[1];
	struct system *const s = policy_build_system(ps->b, w->text);
	struct nearest n = nearest_to(w->text);
	char hint[NEAREST_TEXT];

	if (s) {
		s->used = true;
		*out = (struct boxes){.box = s->box, .count = s->count};
		return true;
	}
	const bool statement_goes_on = ps->lx.count > 2 && !policy_what_ends(&ps->lx, 2);
	if (ps->b->systems_unknown && !statement_goes_on)
		return false; /* reported already: systems.acl could not be read */
	if (!strcmp(w->text, "internet")) {
		lexer_mistake(&ps->lx, w,
			"internet is a destination; write a protocol before it, like tcp 443 internet or any internet");
		return false;
	}
	if (ps->b->d->count < DIAG_MAX) {
		nearest_offer_all(&n, (const char *const[]){"tcp", "udp", "icmp", "any", NULL});
		for (size_t i = 0; i < ps->b->policy->system_count; i++)
			nearest_offer(&n, ps->b->policy->systems[i]->name);
	}
	lexer_mistake(&ps->lx, w, "unknown system%s '%s'%s", statement_goes_on ? " or protocol" : "", w->text,
		n.best ? nearest_hint(&n, hint)
		       : "; expected a name from systems.acl, or tcp, udp, icmp or any with a destination");
	return false;
}

/* WHAT from word 1 on. */
static bool parse_what(struct parser *ps, unsigned *next, struct boxes *out)
{
	*next = 1;
	if (ps->lx.count < 2 || ps->lx.words[1].quoted || policy_what_ends(&ps->lx, 1)) {
		statement_mistake(
			ps, 1, "expected the name of a system, or tcp, udp, icmp or any with a destination, without quotes");
		return false;
	}
	if (policy_what_is_protocol(ps->lx.words[1].text))
		return policy_what_parse(ps->b, &ps->lx, next, out);
	*next = 2;
	return named_system(ps, out);
}

static void keep_rule(struct parser *ps, const struct rule *r)
{
	struct rule_file *const file = ps->file;

	if (!r->text || !r->what)
		return;
	if (ps->b->policy->counts.rules++ >= POLICY_RULES_MAX) {
		if (ps->b->policy->counts.rules == POLICY_RULES_MAX + 1) /* said once */
			lexer_mistake(&ps->lx, &ps->lx.words[0],
				"more than %d rules in all files; use networks, ranges and groups", POLICY_RULES_MAX);
		return;
	}
	struct rule *rules = array_room(file->rules, &ps->room, file->count, 1, sizeof *rules);
	if (!rules) {
		ps->b->error = -ENOMEM;
		return;
	}
	file->rules = rules;
	file->rules[file->count++] = *r;
}

/* [until DATE] from word `*next` on. */
static bool parse_until(struct parser *ps, unsigned *next, int64_t *until)
{
	int64_t unused;

	*until = INT64_MAX;
	if (!lexer_is(&ps->lx, *next, "until"))
		return true;
	if (!statement_date(ps, *next + 1, &unused, until))
		return false;
	if (ps->b->context.now && *until <= ps->b->context.now)
		lexer_warning(
			&ps->lx, &ps->lx.words[*next + 1], "has lapsed and has no effect; give a later date or remove the line");
	*next += 2;
	return true;
}

/* [reason "TEXT"] from word `*next` on. */
static bool parse_reason(struct parser *ps, unsigned *next)
{
	if (!lexer_is(&ps->lx, *next, "reason"))
		return true;
	if (!statement_quoted(ps, *next + 1))
		return false;
	*next += 2;
	return true;
}

/* allow WHAT [until DATE] [reason "TEXT"], deny WHAT [until DATE] [reason "TEXT"] */
static void parse_rule(struct parser *ps, enum rule_action action)
{
	struct boxes boxes = {0};
	int64_t until;
	unsigned next;

	if (!parse_what(ps, &next, &boxes))
		return;
	const unsigned what_end = next;
	if (!parse_until(ps, &next, &until))
		return;
	const unsigned until_end = next;
	if (!parse_reason(ps, &next))
		return;
	const char *const expected = next > until_end && until == INT64_MAX && lexer_is(&ps->lx, next, "until")
					     ? "until DATE before the reason"
				     : next > until_end ? "the end of the line"
				     : next > what_end	? "reason \"TEXT\" or the end of the line"
							: "until DATE, reason \"TEXT\" or the end of the line";
	if (!statement_at_end(ps, next, expected))
		return;
	if (!statement_first_time(ps, what_end))
		return;
	const char *const reason = next > until_end ? arena_text(&ps->b->policy->arena, ps->lx.words[next - 1].text) : NULL;
	if (next > until_end && !reason)
		ps->b->error = -ENOMEM;
	keep_rule(ps, &(struct rule){.action = action,
			      .line = ps->lx.line,
			      .text = statement_words(ps, 0, ps->lx.count),
			      .what = statement_words(ps, 1, what_end),
			      .reason = reason,
			      .until = until,
			      .boxes = boxes});
}

void statement_allow(struct parser *ps)
{
	parse_rule(ps, RULE_ALLOW);
}

void statement_deny(struct parser *ps)
{
	parse_rule(ps, RULE_DENY);
}

static void keep_expectation(struct parser *ps, bool allow, const struct boxes *boxes)
{
	struct arena *const arena = &ps->b->policy->arena;
	struct expectation *const e = arena_alloc(arena, 1, sizeof *e);

	if (!e || !(e->source = arena_text(arena, ps->lx.source))) {
		ps->b->error = -ENOMEM;
		return;
	}
	e->allow = allow;
	e->line = ps->lx.line;
	e->place = (struct word){.column = ps->lx.words[1].column, .width = ps->lx.words[1].width};
	e->boxes = *boxes;
	*ps->expectations_end = e;
	ps->expectations_end = &e->next;
}

/* expect allow|deny PROTO [PORTS] ADDRESS */
void statement_expect(struct parser *ps)
{
	const bool allow = lexer_is(&ps->lx, 1, "allow");
	struct boxes boxes = {0};
	unsigned next = 2;

	if (!allow && !lexer_is(&ps->lx, 1, "deny")) {
		statement_mistake(ps, 1, "expected allow or deny");
		return;
	}
	if (!policy_what_parse(ps->b, &ps->lx, &next, &boxes) || !statement_at_end(ps, next, "the end of the line"))
		return;
	for (size_t i = 0; i < boxes.count; i++)
		if (!addr_equal(&boxes.box[i].first, &boxes.box[0].first) ||
			!addr_equal(&boxes.box[i].last, &boxes.box[0].first)) {
			statement_mistake(
				ps, next - 1, "expected one address for an expectation, like 10.20.0.10 or 2001:db8::5");
			return;
		}
	if (statement_first_time(ps, next))
		keep_expectation(ps, allow, &boxes);
}

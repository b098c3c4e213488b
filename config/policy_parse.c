/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One ACL file: which statements stand in it, and what they say. */
#include <ctype.h>
#include <errno.h>
#include <search.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "config/input.h"
#include "config/nearest.h"
#include "config/policy_internal.h"

struct parser {
	struct build *b;
	struct rule_file *file;
	size_t room; /* rules that the file's array holds */
	void *seen; /* struct statement by text, tsearch(3) */
	struct expectation *expectations, **expectations_end; /* in file order */
	unsigned owner_line;
	struct lexer lx;
};

/* A statement that stands in the file already. */
struct statement {
	const char *text;
	unsigned line;
};

static void mistake_at(struct parser *ps, unsigned i, const char *text)
{
	const struct word w = lexer_word(&ps->lx, i);

	lexer_mistake(&ps->lx, &w, "%s", text);
}

/* Words from..to-1 as memory of the policy; NULL when out of memory. */
static const char *kept_words(struct parser *ps, unsigned from, unsigned to)
{
	char text[LEXER_LINE_MAX + 1];

	lexer_join(&ps->lx, from, to, text);
	const char *const copy = arena_text(&ps->b->policy->arena, text);
	if (!copy)
		ps->b->error = -ENOMEM;
	return copy;
}

static int statement_compare(const void *a, const void *b)
{
	return strcmp(((const struct statement *)a)->text, ((const struct statement *)b)->text);
}

/* Is this the first statement of the file that begins with the words up to `to`? Otherwise it is reported. */
static bool first_time(struct parser *ps, unsigned to)
{
	struct statement *const s = arena_alloc(&ps->b->policy->arena, 1, sizeof *s);
	void *const *node = NULL;

	if (s && (s->text = kept_words(ps, 0, to))) {
		s->line = ps->lx.line;
		node = tsearch(s, &ps->seen, statement_compare);
	}
	if (!node) {
		ps->b->error = -ENOMEM;
		return false;
	}
	const struct statement *const earlier = *node;
	if (earlier == s)
		return true;
	lexer_mistake(&ps->lx, &ps->lx.words[0], "the same statement stands in line %u; remove one of the two", earlier->line);
	return false;
}

/* Nothing may follow; `expected` is what could have stood there. */
static bool at_end(struct parser *ps, unsigned i, const char *expected)
{
	if (i >= ps->lx.count)
		return true;
	lexer_mistake(&ps->lx, &ps->lx.words[i], "'%s' does not belong here; expected %s", ps->lx.words[i].text, expected);
	return false;
}

/* A text in quotes that says something. */
static bool quoted_text(struct parser *ps, unsigned i)
{
	const struct word w = lexer_word(&ps->lx, i);

	if (w.quoted && w.text[strspn(w.text, " \t")])
		return true;
	lexer_mistake(&ps->lx, &w, "expected a text in double quotes that is not empty, like \"R8-112\"");
	return false;
}

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
	const bool statement_goes_on = ps->lx.count > 2 && !lexer_is(&ps->lx, 2, "reason");
	if (ps->b->systems_unknown && !statement_goes_on)
		return false; /* reported already: systems.acl could not be read */
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
	if (ps->lx.count < 2 || ps->lx.words[1].quoted) {
		mistake_at(ps, 1, "expected the name of a system, or tcp, udp, icmp or any with a destination, without quotes");
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
	if (file->count == ps->room) {
		const size_t room = ps->room ? 2 * ps->room : 8;
		struct rule *more = reallocarray(file->rules, room, sizeof *more);
		if (!more) {
			ps->b->error = -ENOMEM;
			return;
		}
		file->rules = more;
		ps->room = room;
	}
	file->rules[file->count++] = *r;
}

/* allow WHAT [reason "TEXT"], deny WHAT [reason "TEXT"] */
static void parse_rule(struct parser *ps, enum rule_action action)
{
	struct boxes boxes = {0};
	unsigned next;

	if (!parse_what(ps, &next, &boxes))
		return;
	const unsigned what_end = next;
	if (lexer_is(&ps->lx, next, "reason")) {
		if (!quoted_text(ps, next + 1))
			return;
		next += 2;
	}
	if (!at_end(ps, next, next == what_end ? "reason \"TEXT\" or the end of the line" : "the end of the line"))
		return;
	if (!first_time(ps, what_end))
		return;
	keep_rule(ps, &(struct rule){.action = action,
			      .line = ps->lx.line,
			      .text = kept_words(ps, 0, ps->lx.count),
			      .what = kept_words(ps, 1, what_end),
			      .until = INT64_MAX,
			      .boxes = boxes});
}

static void parse_allow(struct parser *ps)
{
	parse_rule(ps, RULE_ALLOW);
}

static void parse_deny(struct parser *ps)
{
	parse_rule(ps, RULE_DENY);
}

static bool system_name_good(struct parser *ps, const struct word *w)
{
	const char *const rest = w->text + strspn(w->text, "abcdefghijklmnopqrstuvwxyz0123456789-_.");

	if (w->quoted) {
		lexer_mistake(&ps->lx, w, "a name in quotes; write the system's name without quotes");
		return false;
	}
	if (!*w->text || *rest || !islower((unsigned char)*w->text) || rest - w->text > SYSTEM_NAME_MAX) {
		lexer_mistake(&ps->lx, w,
			"%s%s%s for a system; expected a lower-case letter, then at most %d letters, digits, '-', '_' or '.'",
			*w->text ? "'" : "no name", w->text, *w->text ? "' is no name" : "", SYSTEM_NAME_MAX - 1);
		return false;
	}
	if (policy_what_is_protocol(w->text)) {
		lexer_mistake(&ps->lx, w, "'%s' is a protocol and cannot name a system; choose another name", w->text);
		return false;
	}
	return true;
}

/* Adds destinations to a system. */
static void extend_system(struct parser *ps, struct system *s, const struct boxes *more)
{
	struct arena *const arena = &ps->b->policy->arena;

	if (s->count + more->count > s->room) {
		const size_t room = s->room ? 2 * (s->count + more->count) : more->count;
		struct profile_box *box = arena_alloc(arena, room, sizeof *box);
		if (!box) {
			ps->b->error = -ENOMEM;
			return;
		}
		if (s->count)
			memcpy(box, s->box, s->count * sizeof *box);
		s->box = box;
		s->room = room;
	}
	memcpy(s->box + s->count, more->box, more->count * sizeof *more->box);
	s->count += more->count;
}

/* system NAME PROTO [PORTS] DEST... */
static void parse_system(struct parser *ps)
{
	const struct word w = lexer_word(&ps->lx, 1);
	struct boxes boxes = {0};
	unsigned next = 2;

	if (!system_name_good(ps, &w))
		return;
	struct system *s = policy_build_system(ps->b, w.text);
	if (!s) {
		/* Known from here on even if the rest is wrong: one mistake is enough. */
		s = policy_build_system_add(ps->b, w.text);
		if (!s)
			return;
		s->line = ps->lx.line;
		s->place = (struct word){.column = w.column, .width = w.width};
		s->source = arena_text(&ps->b->policy->arena, ps->lx.source);
	}
	if (!policy_what_parse(ps->b, &ps->lx, &next, &boxes) || !at_end(ps, next, "one more destination or the end of the line"))
		return;
	if (first_time(ps, next))
		extend_system(ps, s, &boxes);
}

/* owner "TEXT" */
static void parse_owner(struct parser *ps)
{
	if (!quoted_text(ps, 1) || !at_end(ps, 2, "the end of the line"))
		return;
	if (ps->owner_line) {
		lexer_mistake(&ps->lx, &ps->lx.words[0], "an owner stands in line %u already; name one owner", ps->owner_line);
		return;
	}
	ps->owner_line = ps->lx.line;
	ps->file->owner = arena_text(&ps->b->policy->arena, ps->lx.words[1].text);
	if (!ps->file->owner)
		ps->b->error = -ENOMEM;
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
static void parse_expect(struct parser *ps)
{
	const bool allow = lexer_is(&ps->lx, 1, "allow");
	struct boxes boxes = {0};
	unsigned next = 2;

	if (!allow && !lexer_is(&ps->lx, 1, "deny")) {
		mistake_at(ps, 1, "expected allow or deny");
		return;
	}
	if (!policy_what_parse(ps->b, &ps->lx, &next, &boxes) || !at_end(ps, next, "the end of the line"))
		return;
	for (size_t i = 0; i < boxes.count; i++)
		if (!addr_equal(&boxes.box[i].first, &boxes.box[0].first) ||
			!addr_equal(&boxes.box[i].last, &boxes.box[0].first)) {
			mistake_at(ps, next - 1, "expected one address for an expectation, like 10.20.0.10 or 2001:db8::5");
			return;
		}
	if (first_time(ps, next))
		keep_expectation(ps, allow, &boxes);
}

static const struct statement_kind {
	const char *keyword;
	unsigned where; /* kinds of files, one bit each */
	void (*parse)(struct parser *ps);
} kinds[] = {
	{"system", 1U << FILE_SYSTEMS, parse_system},
	{"allow", 1U << FILE_GROUP | 1U << FILE_USER, parse_allow},
	{"deny", 1U << FILE_GROUP | 1U << FILE_USER | 1U << FILE_DEVICE, parse_deny},
	{"owner", 1U << FILE_SYSTEMS | 1U << FILE_GROUP | 1U << FILE_USER | 1U << FILE_DEVICE, parse_owner},
	{"expect", 1U << FILE_GROUP | 1U << FILE_USER, parse_expect},
};

enum { KINDS = sizeof kinds / sizeof *kinds };

static const char *const allowed_here[] = {
	[FILE_SYSTEMS] = "system, owner",
	[FILE_LIST] = "owner",
	[FILE_GROUP] = "allow, deny, owner, expect",
	[FILE_USER] = "allow, deny, owner, expect",
	[FILE_DEVICE] = "deny, owner",
};

static void no_statement(struct parser *ps, const struct statement_kind *elsewhere)
{
	const struct word *const w = &ps->lx.words[0];
	struct nearest n = nearest_to(w->text);
	char hint[NEAREST_TEXT];

	if (w->quoted) {
		lexer_mistake(
			&ps->lx, w, "a text in quotes is not a statement; expected one of %s", allowed_here[ps->file->kind]);
		return;
	}
	if (elsewhere) {
		lexer_mistake(&ps->lx, w, "'%s' is not a statement here; expected one of %s; %s belongs in %s", w->text,
			allowed_here[ps->file->kind], w->text,
			elsewhere->where & 1U << FILE_SYSTEMS ? "systems.acl" : "a group's or user's file");
		return;
	}
	for (size_t i = 0; i < KINDS; i++)
		if (kinds[i].where & 1U << ps->file->kind)
			nearest_offer(&n, kinds[i].keyword);
	lexer_mistake(&ps->lx, w, "'%s' is not a statement here; expected one of %s%s", w->text, allowed_here[ps->file->kind],
		nearest_hint(&n, hint));
}

static void parse_statement(struct parser *ps)
{
	const struct statement_kind *kind = NULL;

	for (size_t i = 0; i < KINDS; i++)
		if (lexer_is(&ps->lx, 0, kinds[i].keyword))
			kind = &kinds[i];
	if (kind && kind->where & 1U << ps->file->kind)
		kind->parse(ps);
	else
		no_statement(ps, kind);
}

void policy_build_file(
	struct build *b, enum policy_file_kind kind, const char *path, const char *name, const char *text, size_t size)
{
	if (b->error)
		return;
	const bool failed = b->d->failed;
	if (size > INPUT_MAX) {
		input_complain(b->d, path, -EFBIG);
		b->systems_unknown = b->systems_unknown || kind == FILE_SYSTEMS;
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
	b->d->failed = false; /* of this file alone, from here on */
	lexer_start(&ps->lx, file->path, text, size, b->d);
	while (!b->error && lexer_next(&ps->lx))
		parse_statement(ps);
	if (kind == FILE_SYSTEMS)
		b->systems_mistaken = b->d->failed;
	if (!b->error && !b->d->failed && !b->systems_unknown && !b->systems_mistaken)
		policy_expect_judge(b, file, ps->expectations);
	b->d->failed = b->d->failed || failed;
	tdestroy(ps->seen, policy_build_keep);
	free(ps);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names for internal systems. */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "config/statement.h"

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
	if (!strcmp(w->text, "internet") || !strcmp(w->text, "until") || !strcmp(w->text, "reason")) {
		lexer_mistake(&ps->lx, w, "'%s' has a meaning of its own and cannot name a system; choose another name", w->text);
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
void statement_system(struct parser *ps)
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
	if (!policy_what_parse(ps->b, &ps->lx, &next, &boxes) ||
		!statement_at_end(ps, next, "one more destination or the end of the line"))
		return;
	if (statement_first_time(ps, next))
		extend_system(ps, s, &boxes);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What several statements need. */
#include "config/statement.h"

#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/text.h"

/* A statement that stands in the file already. */
struct statement {
	const char *text;
	unsigned line;
};

void statement_mistake(struct parser *ps, unsigned i, const char *text)
{
	const struct word w = lexer_word(&ps->lx, i);

	lexer_mistake(&ps->lx, &w, "%s", text);
}

const char *statement_words(struct parser *ps, unsigned from, unsigned to)
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

bool statement_first_time(struct parser *ps, unsigned to)
{
	struct statement *const s = arena_alloc(&ps->b->policy->arena, 1, sizeof *s);
	void *const *node = NULL;

	if (s && (s->text = statement_words(ps, 0, to))) {
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

bool statement_at_end(struct parser *ps, unsigned i, const char *expected)
{
	if (i >= ps->lx.count)
		return true;
	lexer_mistake(&ps->lx, &ps->lx.words[i], "'%s' does not belong here; expected %s", ps->lx.words[i].text, expected);
	return false;
}

bool statement_quoted(struct parser *ps, unsigned i)
{
	const struct word w = lexer_word(&ps->lx, i);

	if (w.quoted && w.text[strspn(w.text, " \t")])
		return true;
	lexer_mistake(&ps->lx, &w, "expected a text in double quotes that is not empty, like \"R8-112\"");
	return false;
}

bool statement_once(struct parser *ps, unsigned *line)
{
	const char *const keyword = ps->lx.words[0].text;

	if (*line) {
		lexer_mistake(
			&ps->lx, &ps->lx.words[0], "%s stands in line %u already; keep one of the two lines", keyword, *line);
		return false;
	}
	*line = ps->lx.line;
	return true;
}

/* "2027-03-31" and nothing else, years that people mean. */
static bool date_form(const char *text)
{
	static const char form[] = "2999-19-39"; /* the most that each place may hold */

	if (strlen(text) != sizeof form - 1 || text[0] != '2')
		return false;
	for (size_t i = 0; form[i]; i++)
		if (form[i] == '-' ? text[i] != '-' : text[i] < '0' || text[i] > form[i])
			return false;
	return true;
}

/* The first instant of a day of the calendar, or of the next that exists where clocks were put ahead over a whole one. */
static bool day_begins(int year, int month, int day, int64_t *out)
{
	for (int skipped = 0; skipped < 2; skipped++) {
		struct tm tm = {.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day + skipped};
		char text[TIME_TEXT];
		(void)timegm(&tm); /* the 32nd becomes the first */
		if (strftime(text, sizeof text, "%Y-%m-%d", &tm) && !time_parse(text, out))
			return true;
	}
	return false;
}

static void no_date(const struct lexer *lx, const struct word *w)
{
	int year, month, day, end = 0;
	char meant[32] = "";

	/* 2027/3/31 */
	if (sscanf(w->text, "%4d%*1[-/.]%2d%*1[-/.]%2d%n", &year, &month, &day, &end) == 3 && !w->text[end])
		snprintf(meant, sizeof meant, "%04d-%02d-%02d", year, month, day);
	if (w->quoted)
		lexer_mistake(lx, w, "a date in quotes; write it without quotes, like 2027-03-31");
	else if (!*w->text)
		lexer_mistake(lx, w, "no date; expected one like 2027-03-31");
	else if (date_form(meant))
		lexer_mistake(lx, w, "'%s' is no date; did you mean '%s'?", w->text, meant);
	else
		lexer_mistake(lx, w, "'%s' is no date; expected one from 2000 to 2999 like 2027-03-31", w->text);
}

bool statement_date(struct parser *ps, unsigned i, int64_t *first, int64_t *after)
{
	const struct word w = lexer_word(&ps->lx, i);
	int year = 0, month = 0, day = 0;

	if (w.quoted || !date_form(w.text)) {
		no_date(&ps->lx, &w);
		return false;
	}
	(void)sscanf(w.text, "%4d-%2d-%2d", &year, &month, &day);
	struct tm tm = {.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day};
	(void)timegm(&tm);
	if (tm.tm_mon != month - 1 || tm.tm_mday != day || !day_begins(year, month, day, first) ||
		!day_begins(year, month, day + 1, after)) {
		lexer_mistake(&ps->lx, &w, "the calendar has no %s; expected a date like 2027-03-31", w.text);
		return false;
	}
	return true;
}

struct term *statement_term(struct parser *ps, enum term_kind kind)
{
	struct term *const t = arena_alloc(&ps->b->policy->arena, 1, sizeof *t);

	if (!t || !(t->text = statement_words(ps, 0, ps->lx.count))) {
		ps->b->error = -ENOMEM;
		return NULL;
	}
	t->kind = kind;
	t->line = ps->lx.line;
	*ps->terms_end = t;
	ps->terms_end = &t->next;
	return t;
}

void statement_owner(struct parser *ps)
{
	if (!statement_quoted(ps, 1) || !statement_at_end(ps, 2, "the end of the line"))
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

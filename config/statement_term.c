/* SPDX-License-Identifier: GPL-3.0-or-later */
/* When a session may exist, and for how long: hours, valid, session. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/text.h"
#include "config/nearest.h"
#include "config/statement.h"

#define DAYS_EXPECTED "expected days: mon-fri, or sat,sun, or daily"
#define HOURS_EXPECTED "expected a time of day like 07:00-22:00"

static const char *const day_names[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun", NULL};

/* A word of DAYS, `size` bytes at `from`, is not the name of a day. */
static void no_day(const struct lexer *lx, const struct word *w, size_t from, size_t size)
{
	const struct word part = word_part(w, from, size);
	char name[NEAREST_NAME_MAX + 1], hint[NEAREST_TEXT];
	struct nearest n;

	if (!size) {
		lexer_mistake(lx, &part, "a day is missing; " DAYS_EXPECTED ", without spaces");
		return;
	}
	snprintf(name, sizeof name, "%.*s", (int)size, w->text + from);
	if (!strcmp(name, "daily")) {
		lexer_mistake(lx, &part, "daily stands alone; " DAYS_EXPECTED);
		return;
	}
	n = nearest_to(name);
	nearest_offer_all(&n, day_names);
	nearest_offer(&n, "daily");
	/* "monday" */
	for (unsigned i = 0; day_names[i] && !n.best; i++)
		if (!strncasecmp(name, day_names[i], strlen(day_names[i])))
			n.best = day_names[i];
	lexer_mistake(lx, &part, "'%.*s' is no day; " DAYS_EXPECTED "%s", (int)size, w->text + from, nearest_hint(&n, hint));
}

static bool parse_day(const struct lexer *lx, const struct word *w, size_t from, size_t size, unsigned *out)
{
	for (unsigned i = 0; day_names[i]; i++)
		if (size == strlen(day_names[i]) && !memcmp(w->text + from, day_names[i], size)) {
			*out = i;
			return true;
		}
	no_day(lx, w, from, size);
	return false;
}

/* "sat" or "mon-fri" */
static bool parse_day_item(const struct lexer *lx, const struct word *w, size_t from, size_t size, unsigned *days)
{
	const char *const dash = memchr(w->text + from, '-', size);
	const size_t front = dash ? (size_t)(dash - (w->text + from)) : size;
	const struct word part = word_part(w, from, size);
	unsigned first = 0, last = 0;

	if (!parse_day(lx, w, from, front, &first))
		return false;
	last = first;
	if (dash && !parse_day(lx, w, from + front + 1, size - front - 1, &last))
		return false;
	if (last < first) {
		lexer_mistake(lx, &part, "the days are in the wrong order: the week begins on mon; write %s%s,mon%s%s",
			day_names[first], first < HOURS_DAYS - 1 ? "-sun" : "", last ? "-" : "", last ? day_names[last] : "");
		return false;
	}
	for (unsigned i = first; i <= last; i++) {
		if (*days & 1U << i) {
			lexer_mistake(lx, &part, "%s stands twice in this list; name every day once", day_names[i]);
			return false;
		}
		*days |= 1U << i;
	}
	return true;
}

/* DAYS in word 1, as hours_add() takes them. */
static bool parse_days(struct parser *ps, unsigned *days)
{
	const struct word w = lexer_word(&ps->lx, 1);
	bool good = true;

	*days = 0;
	if (w.quoted || !*w.text || strchr(w.text, ':')) {
		lexer_mistake(&ps->lx, &w, "the days are missing; " DAYS_EXPECTED ", then a time of day like 07:00-22:00");
		return false;
	}
	if (!strcmp(w.text, "daily")) {
		*days = (1U << HOURS_DAYS) - 1;
		return true;
	}
	for (size_t from = 0;; from++) {
		const size_t size = strcspn(w.text + from, ",");
		good = parse_day_item(&ps->lx, &w, from, size, days) && good;
		from += size;
		if (!w.text[from])
			return good;
	}
}

/* "HH:MM" of `size` bytes; minutes since midnight, at most 24:00. */
static bool parse_clock(const char *text, size_t size, unsigned *out)
{
	const bool digits = size == 5 && text[2] == ':' && strspn(text, "0123456789") == 2 && strspn(text + 3, "0123456789") >= 2;

	if (!digits)
		return false;
	const unsigned hour = (unsigned)(text[0] - '0') * 10 + (unsigned)(text[1] - '0');
	const unsigned minute = (unsigned)(text[3] - '0') * 10 + (unsigned)(text[4] - '0');
	if (minute > 59 || hour * 60 + minute > HOURS_DAY)
		return false;
	*out = hour * 60 + minute;
	return true;
}

/* HH:MM-HH:MM in word 2. */
static bool parse_times(struct parser *ps, unsigned *first, unsigned *end)
{
	const struct word w = lexer_word(&ps->lx, 2);
	const size_t front = strcspn(w.text, "-");
	const char *const back = w.text + front + (w.text[front] == '-');

	if (w.quoted || !w.text[front]) {
		lexer_mistake(&ps->lx, &w, "%s; " HOURS_EXPECTED ", without spaces",
			*w.text ? "this is no period of a day" : "no time of day");
		return false;
	}
	if (!parse_clock(w.text, front, first)) {
		const struct word part = word_part(&w, 0, front);
		lexer_mistake(
			&ps->lx, &part, "'%.*s' is no time of day; " HOURS_EXPECTED ", from 00:00 to 24:00", (int)front, w.text);
		return false;
	}
	if (!parse_clock(back, strlen(back), end)) {
		const struct word part = word_part(&w, front + 1, strlen(back));
		lexer_mistake(&ps->lx, &part, "%s%s%s; " HOURS_EXPECTED ", from 00:00 to 24:00",
			*back ? "'" : "the end is missing", back, *back ? "' is no time of day" : "");
		return false;
	}
	if (*first == *end) {
		lexer_mistake(&ps->lx, &w, "the period is empty; " HOURS_EXPECTED ", or 00:00-24:00 for the whole day");
		return false;
	}
	if (*first > *end) {
		lexer_mistake(&ps->lx, &w,
			"the period ends before it begins; for hours over midnight write two lines, %.*s-24:00 and, for the days "
			"after, "
			"00:00-%s",
			(int)front, w.text, back);
		return false;
	}
	return true;
}

void statement_hours(struct parser *ps)
{
	unsigned days, first, end;

	const bool good = parse_days(ps, &days);
	/* Without days, the time stands in the wrong place: one mistake is enough. */
	if (!good && (ps->lx.count < 2 || ps->lx.words[1].quoted || strchr(ps->lx.words[1].text, ':')))
		return;
	if (!parse_times(ps, &first, &end) || !good)
		return;
	if (!statement_at_end(ps, 3, "the end of the line; write another hours line for other times") ||
		!statement_first_time(ps, ps->lx.count))
		return;
	struct term *const t = statement_term(ps, TERM_HOURS);
	if (!t)
		return;
	t->hours.days = days;
	t->hours.first = first;
	t->hours.end = end;
}

void statement_valid(struct parser *ps)
{
	static const char expected[] = "from DATE, until DATE or both in this order";
	int64_t from = INT64_MIN, until = INT64_MAX, unused;
	unsigned next = 1;

	if (lexer_is(&ps->lx, next, "from")) {
		if (!statement_date(ps, next + 1, &from, &unused))
			return;
		next += 2;
	}
	if (lexer_is(&ps->lx, next, "until")) {
		if (!statement_date(ps, next + 1, &unused, &until))
			return;
		next += 2;
	}
	if (next == 1) {
		statement_mistake(ps, 1, "expected from DATE, until DATE or both, like: valid from 2027-04-01 until 2028-03-31");
		return;
	}
	if (!statement_at_end(ps, next, next == 3 && until == INT64_MAX ? "until DATE or the end of the line" : expected) ||
		!statement_once(ps, &ps->valid_line))
		return;
	if (from >= until) {
		lexer_mistake(&ps->lx, &ps->lx.words[2],
			"the period is empty: it ends before it begins; write the earlier date after from");
		return;
	}
	if (ps->b->context.now && until <= ps->b->context.now)
		lexer_warning(&ps->lx, &ps->lx.words[next - 1],
			"the period is over, so that this user cannot log in; give a later date if that is not meant");
	struct term *const t = statement_term(ps, TERM_VALID);
	if (!t)
		return;
	t->valid.from = from;
	t->valid.until = until;
}

static bool parse_duration(struct parser *ps, unsigned i, int64_t *out)
{
	const struct word w = lexer_word(&ps->lx, i);

	if (!w.quoted && !duration_parse(w.text, out))
		return true;
	lexer_mistake(&ps->lx, &w,
		w.quoted ? "%s%s%s; write it without quotes" : "%s%s%s; expected one like 30m, 8h or 1h30m, at most 3650d",
		*w.text ? "'" : "no time", w.text, *w.text ? "' is no time" : "");
	return false;
}

void statement_session(struct parser *ps)
{
	int64_t seconds, idle = 0;

	if (!parse_duration(ps, 1, &seconds))
		return;
	if (ps->lx.count > 2 && !lexer_is(&ps->lx, 2, "idle")) {
		(void)statement_at_end(ps, 2, "idle and a time, or the end of the line");
		return;
	}
	if (ps->lx.count > 2 && !parse_duration(ps, 3, &idle))
		return;
	if (!statement_at_end(ps, 4, "the end of the line") || !statement_once(ps, &ps->session_line))
		return;
	if (idle > seconds) {
		lexer_mistake(&ps->lx, &ps->lx.words[3], "the idle time is longer than the session; expected at most %s",
			ps->lx.words[1].text);
		return;
	}
	struct term *const t = statement_term(ps, TERM_SESSION);
	if (!t)
		return;
	t->session.seconds = seconds;
	t->session.idle_seconds = idle;
}

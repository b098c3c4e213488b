/* SPDX-License-Identifier: GPL-3.0-or-later */
/* When, from where and for how long: what the files of a subject say together. */
#include "config/policy_internal.h"

static struct line_ref line_of(const struct rule_file *file, const struct term *t)
{
	return (struct line_ref){.file = file->path, .line = t->line, .text = t->text};
}

/* What is in the way of a session, whichever statements say so. */
struct limits {
	struct hours hours;
	bool has_hours;
	int64_t from, until;
	struct line_ref from_line, until_line;
};

static bool file_hours(const struct rule_file *file, struct hours *out)
{
	bool any = false;

	*out = (struct hours){0};
	for (const struct term *t = file->terms; t; t = t->next)
		if (t->kind == TERM_HOURS) {
			hours_add(out, t->hours.days, t->hours.first, t->hours.end);
			any = true;
		}
	return any;
}

static void add_valid(struct limits *l, const struct rule_file *file, const struct term *t)
{
	if (t->valid.from > l->from) {
		l->from = t->valid.from;
		l->from_line = line_of(file, t);
	}
	if (t->valid.until < l->until) {
		l->until = t->valid.until;
		l->until_line = line_of(file, t);
	}
}

static void shorten(int64_t *seconds, struct line_ref *line, int64_t to, const struct rule_file *file, const struct term *t)
{
	if (to && (!*seconds || to < *seconds)) {
		*seconds = to;
		*line = line_of(file, t);
	}
}

/* Everything that one file says. */
static void add_file(const struct rule_file *file, int64_t at, struct limits *l, struct policy_terms *out)
{
	struct hours hours;

	if (file_hours(file, &hours)) {
		if (l->has_hours)
			hours_intersect(&l->hours, &hours);
		else
			l->hours = hours;
		l->has_hours = true;
	}
	for (const struct term *t = file->terms; t; t = t->next) {
		if (t->kind == TERM_VALID)
			add_valid(l, file, t);
		if (t->kind == TERM_SESSION) {
			shorten(&out->session_seconds, &out->session_line, t->session.seconds, file, t);
			shorten(&out->idle_seconds, &out->idle_line, t->session.idle_seconds, file, t);
		}
	}
	for (size_t i = 0; i < file->count; i++)
		if (rule_holds(&file->rules[i], at) && file->rules[i].until < out->changes)
			out->changes = file->rules[i].until;
}

static enum policy_bar bar_at(const struct limits *l, int64_t at)
{
	if (at < l->from)
		return BAR_NOT_YET;
	if (at >= l->until)
		return BAR_PERIOD;
	return l->has_hours && !hours_open(&l->hours, hours_minute(at)) ? BAR_HOURS : BAR_NONE;
}

/* The first instant after `at` at which nothing bars a session. */
static int64_t opening(const struct limits *l, int64_t at)
{
	int64_t t = at < l->from ? l->from : at;

	if (t == at || bar_at(l, t) == BAR_HOURS)
		t = l->has_hours ? hours_next(&l->hours, t, true) : INT64_MAX;
	return t < l->until ? t : INT64_MAX;
}

/* Which `hours` statement closes at an instant: that which was open just before, else the first of a file that is closed. */
static struct line_ref closing_line(const struct policy *p, const struct subject *s, int64_t at)
{
	struct file_walk w = {.policy = p, .subject = s};
	const unsigned now = hours_minute(at), before = hours_minute(at - 1);
	struct line_ref found = {0};

	for (const struct rule_file *file; !found.file && (file = policy_walk(&w));) {
		struct hours hours;
		if (!file_hours(file, &hours) || hours_open(&hours, now))
			continue;
		for (const struct term *t = file->terms; t; t = t->next) {
			struct hours own = {0};
			if (t->kind != TERM_HOURS)
				continue;
			hours_add(&own, t->hours.days, t->hours.first, t->hours.end);
			if (!found.file || hours_open(&own, before))
				found = line_of(file, t);
		}
	}
	return found;
}

static struct line_ref bar_line(
	const struct policy *p, const struct subject *s, const struct limits *l, enum policy_bar bar, int64_t at)
{
	switch (bar) {
	case BAR_NOT_YET:
		return l->from_line;
	case BAR_PERIOD:
		return l->until_line;
	case BAR_HOURS:
		return closing_line(p, s, at);
	default:
		return (struct line_ref){0};
	}
}

void policy_terms(const struct policy *p, const struct subject *s, int64_t at, struct policy_terms *out)
{
	struct limits l = {.from = INT64_MIN, .until = INT64_MAX};
	struct file_walk w = {.policy = p, .subject = s};

	*out = (struct policy_terms){.opens = at, .ends = at, .changes = INT64_MAX};
	for (const struct rule_file *file; (file = policy_walk(&w));)
		add_file(file, at, &l, out);
	out->bar = bar_at(&l, at);
	if (out->bar != BAR_NONE) {
		out->bar_line = bar_line(p, s, &l, out->bar, at);
		out->opens = opening(&l, at);
		return;
	}
	const int64_t closes = l.has_hours ? hours_next(&l.hours, at, false) : INT64_MAX;
	out->ends = closes < l.until ? closes : l.until;
	if (out->ends == INT64_MAX)
		return;
	out->ends_bar = closes < l.until ? BAR_HOURS : BAR_PERIOD;
	out->ends_line = bar_line(p, s, &l, out->ends_bar, out->ends);
}

static bool term_contains(const struct term *t, const struct addr *a)
{
	for (size_t i = 0; i < t->from.count; i++)
		if (networks_contain(t->from.networks[i], a))
			return true;
	return false;
}

bool policy_from(const struct policy *p, const struct subject *s, const struct addr *outer, struct line_ref *line)
{
	struct file_walk w = {.policy = p, .subject = s};

	for (const struct rule_file *file; (file = policy_walk(&w));) {
		const struct term *first = NULL;
		bool inside = false;
		for (const struct term *t = file->terms; t; t = t->next)
			if (t->kind == TERM_FROM) {
				first = first ? first : t;
				inside = inside || term_contains(t, outer);
			}
		if (!first || inside)
			continue;
		if (line)
			*line = line_of(file, first);
		return false;
	}
	return true;
}

void policy_statements(const struct policy *p, const struct subject *s, bool (*each)(const struct line_ref *, void *), void *arg)
{
	struct file_walk w = {.policy = p, .subject = s};

	for (const struct rule_file *file; (file = policy_walk(&w));)
		for (const struct term *t = file->terms; t; t = t->next) {
			const struct line_ref line = line_of(file, t);
			if (!each(&line, arg))
				return;
		}
}

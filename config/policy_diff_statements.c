/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What was written and is no more, or is new: statements whose effect no list of open systems shows. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/policy_diff_internal.h"
#include "config/profile_words.h"

enum { SENTENCE_MAX = 8 };

/* Pointers in the order of `compare`, which takes pointers to them; free(3). */
struct sorted {
	const void **item;
	size_t count;
};

typedef int comparison(const void *, const void *);

/* What is done with an item that only one list has, CHANGE_REMOVES or CHANGE_ADDS, and with two that compare equal. */
struct handler {
	comparison *compare;
	void (*one)(struct differ *d, enum policy_change_kind kind, const void *item, const void *arg);
	void (*both)(struct differ *d, const void *before, const void *after, const void *arg);
};

/* Goes through two sorted lists side by side. */
static void merge(
	struct differ *d, const struct sorted *before, const struct sorted *after, const struct handler *h, const void *arg)
{
	for (size_t i = 0, j = 0; (i < before->count || j < after->count) && !d->error;) {
		const int order = i == before->count ? 1 : j == after->count ? -1 : h->compare(&before->item[i], &after->item[j]);
		if (order < 0)
			h->one(d, CHANGE_REMOVES, before->item[i], arg);
		else if (order > 0)
			h->one(d, CHANGE_ADDS, after->item[j], arg);
		else
			h->both(d, before->item[i], after->item[j], arg);
		i += order <= 0;
		j += order >= 0;
	}
}

/* Room for `count` pointers; false and an error when there is none. */
static bool sorted_room(struct differ *d, struct sorted *s, size_t count)
{
	s->item = calloc(count + 1, sizeof(void *));
	if (!s->item && !d->error)
		d->error = -ENOMEM;
	return s->item;
}

static void sort(struct sorted *s, comparison *compare)
{
	qsort(s->item, s->count, sizeof(void *), compare);
}

/* ---- systems ---- */

static int compare_systems(const void *a, const void *b)
{
	return strcmp((*(const struct system *const *)a)->name, (*(const struct system *const *)b)->name);
}

static void one_system(struct differ *d, enum policy_change_kind kind, const void *item, const void *path)
{
	const struct system *const s = item;
	const struct profile boxes = {.boxes = s->box, .count = s->count};
	struct profile none = {0}, *normal = NULL;
	const char *inside = NULL;
	char *text = NULL;

	d->error = profile_minus(&boxes, &none, &normal);
	if (!d->error)
		d->error = profile_sentence(d->arena, normal, SENTENCE_MAX, &inside);
	profile_free(normal);
	if (!d->error && asprintf(&text, "system %s (%s)", s->name, inside) < 0) {
		text = NULL;
		d->error = -ENOMEM;
	}
	if (!d->error)
		differ_add(d, kind, path, text, false);
	free(text);
}

static void both_systems(struct differ *d, const void *before, const void *after, const void *path)
{
	const struct system *const a = before, *const b = after;

	if (a->count == b->count && !memcmp(a->box, b->box, a->count * sizeof *a->box))
		return;
	one_system(d, CHANGE_REMOVES, a, path);
	if (!d->error)
		one_system(d, CHANGE_ADDS, b, path);
}

static struct sorted sorted_systems(struct differ *d, const struct policy *p)
{
	struct sorted s = {0};

	if (!sorted_room(d, &s, p->system_count))
		return s;
	for (size_t i = 0; i < p->system_count; i++)
		if (p->systems[i]->count)
			s.item[s.count++] = p->systems[i];
	sort(&s, compare_systems);
	return s;
}

void differ_systems(struct differ *d, const char *path)
{
	static const struct handler handler = {compare_systems, one_system, both_systems};
	struct sorted before = sorted_systems(d, d->before), after = sorted_systems(d, d->after);

	merge(d, &before, &after, &handler, path);
	free(before.item);
	free(after.item);
}

/* ---- rules that lapse ---- */

static int compare_rules(const void *a, const void *b)
{
	const struct rule *const x = *(const struct rule *const *)a, *const y = *(const struct rule *const *)b;

	return x->action != y->action ? (x->action < y->action ? -1 : 1) : strcmp(x->what, y->what);
}

static void one_rule(struct differ *d, enum policy_change_kind kind, const void *item, const void *path)
{
	const struct rule *const r = item;

	if (r->until != INT64_MAX)
		differ_add(d, kind, path, r->text, false);
}

/* Of a rule that is in both sets only the date can have changed, which shows nowhere else. */
static void both_rules(struct differ *d, const void *before, const void *after, const void *path)
{
	const struct rule *const a = before, *const b = after;
	const bool loss = a->action == RULE_ALLOW ? b->until < a->until : b->until > a->until;

	if (a->until == b->until)
		return;
	differ_add(d, CHANGE_REMOVES, path, a->text, loss);
	differ_add(d, CHANGE_ADDS, path, b->text, loss);
}

static bool any_lapses(const struct rule_file *file)
{
	for (size_t i = 0; i < file->count; i++)
		if (file->rules[i].until != INT64_MAX)
			return true;
	return false;
}

static struct sorted sorted_rules(struct differ *d, const struct rule_file *file)
{
	struct sorted s = {0};

	if (!sorted_room(d, &s, file->count))
		return s;
	for (size_t i = 0; i < file->count; i++)
		s.item[s.count++] = &file->rules[i];
	sort(&s, compare_rules);
	return s;
}

static void compare_lapsing(struct differ *d, const struct file_pair *f)
{
	static const struct handler handler = {compare_rules, one_rule, both_rules};

	if (!any_lapses(f->before) && !any_lapses(f->after))
		return;
	struct sorted before = sorted_rules(d, f->before), after = sorted_rules(d, f->after);
	merge(d, &before, &after, &handler, f->path);
	free(before.item);
	free(after.item);
}

/* ---- when, from where, for how long ---- */

static int compare_terms(const void *a, const void *b)
{
	const struct term *const x = *(const struct term *const *)a, *const y = *(const struct term *const *)b;

	return x->kind != y->kind ? (x->kind < y->kind ? -1 : 1) : strcmp(x->text, y->text);
}

static const struct term *first_term(const struct rule_file *file, enum term_kind kind)
{
	for (const struct term *t = file->terms; t; t = t->next)
		if (t->kind == kind)
			return t;
	return NULL;
}

static bool shorter(int64_t is, int64_t was)
{
	return is && (!was || is < was);
}

/* Does a file leave less time, or fewer places, after a statement of this kind was added or removed? */
static bool narrows(const struct file_pair *f, enum policy_change_kind change, enum term_kind kind)
{
	const struct term *const was = first_term(f->before, kind), *const is = first_term(f->after, kind);

	switch (kind) {
	case TERM_VALID:
		return is && (!was || is->valid.from > was->valid.from || is->valid.until < was->valid.until);
	case TERM_SESSION:
		return is && (!was || shorter(is->session.seconds, was->session.seconds) ||
				     shorter(is->session.idle_seconds, was->session.idle_seconds));
	case TERM_HOURS:
	case TERM_FROM:
	default:
		/* Several lines add up, so that one more opens, unless it is the first; one less closes, unless it was the last.
		 */
		return change == CHANGE_REMOVES ? is != NULL : was == NULL;
	}
}

static void one_term(struct differ *d, enum policy_change_kind kind, const void *item, const void *pair)
{
	const struct file_pair *const f = pair;
	const struct term *const t = item;

	differ_add(d, kind, f->path, t->text, narrows(f, kind, t->kind));
}

static void both_terms(struct differ *d, const void *before, const void *after, const void *pair)
{
	const struct file_pair *const f = pair;
	const struct term *const b = after;
	char *text;

	const enum networks_change change = b->kind == TERM_FROM ? differ_from(d, before, b) : NETWORKS_SAME;
	if (d->error || change == NETWORKS_SAME)
		return;
	if (asprintf(&text, "%s (with other networks)", b->text) < 0) {
		d->error = -ENOMEM;
		return;
	}
	differ_add(d, CHANGE_ADDS, f->path, text, change == NETWORKS_NARROWER);
	free(text);
}

static struct sorted sorted_terms(struct differ *d, const struct rule_file *file)
{
	struct sorted s = {0};
	size_t count = 0;

	for (const struct term *t = file->terms; t; t = t->next)
		count++;
	if (!sorted_room(d, &s, count))
		return s;
	for (const struct term *t = file->terms; t; t = t->next)
		s.item[s.count++] = t;
	sort(&s, compare_terms);
	return s;
}

static void add_owner(struct differ *d, enum policy_change_kind kind, const char *path, const char *owner)
{
	char *text;

	if (!owner)
		return;
	if (asprintf(&text, "owner \"%s\"", owner) < 0) {
		d->error = -ENOMEM;
		return;
	}
	differ_add(d, kind, path, text, false);
	free(text);
}

void differ_statements(struct differ *d, const struct file_pair *f)
{
	static const struct handler handler = {compare_terms, one_term, both_terms};
	const char *const was = f->before->owner, *const is = f->after->owner;

	if (!was || !is || strcmp(was, is)) {
		add_owner(d, CHANGE_REMOVES, f->path, was);
		add_owner(d, CHANGE_ADDS, f->path, is);
	}
	struct sorted before = sorted_terms(d, f->before), after = sorted_terms(d, f->after);
	merge(d, &before, &after, &handler, f);
	free(before.item);
	free(after.item);
	compare_lapsing(d, f);
}

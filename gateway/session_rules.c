/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/session_rules.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/message.h"
#include "gateway/index.h"

/* One combination of files. */
struct page {
	struct session_rules rules;
	struct page *next;
	size_t mark_count;
	const void *marks[]; /* see policy_marks() */
};

struct rule_book {
	const struct policy *policy;
	int64_t at;
	struct page *pages;
	struct index by_marks, by_contents;
	struct profile_want *wants;
};

static int compare_marks(const void *a, const void *b)
{
	const struct page *x = a, *y = b;
	if (x->mark_count != y->mark_count)
		return x->mark_count < y->mark_count ? -1 : 1;
	return memcmp(x->marks, y->marks, x->mark_count * sizeof *x->marks);
}

static int compare_contents(const void *a, const void *b)
{
	const struct profile *x = ((const struct profile_want *)a)->profile, *y = ((const struct profile_want *)b)->profile;
	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	if (x->count != y->count)
		return x->count < y->count ? -1 : 1;
	return x->count ? memcmp(x->boxes, y->boxes, x->count * sizeof *x->boxes) : 0;
}

int rule_book_new(const struct policy *policy, int64_t at, struct rule_book **out)
{
	struct rule_book *b = calloc(1, sizeof *b);
	if (!b)
		return -ENOMEM;
	b->policy = policy;
	b->at = at;
	b->by_marks.compare = compare_marks;
	b->by_contents.compare = compare_contents;
	*out = b;
	return 0;
}

/* The want of these contents, which it takes over (also on failure). */
static int want_of(struct rule_book *b, struct profile *profile, struct profile_want **out)
{
	struct profile_want like = {.profile = profile}, *want = index_find(&b->by_contents, &like);
	int r = -ENOMEM;
	if (want) {
		profile_free(profile);
		*out = want;
		return 0;
	}
	want = malloc(sizeof *want);
	if (!want)
		goto fail;
	*want = like;
	r = index_add(&b->by_contents, want);
	if (r < 0)
		goto fail;
	want->next = b->wants;
	*out = b->wants = want;
	return 0;
fail:
	free(want);
	profile_free(profile);
	return r;
}

int rule_book_keep(struct rule_book *b, const struct profile *profile, struct profile_want **out)
{
	struct profile_want like = {.profile = (struct profile *)profile}, *want = index_find(&b->by_contents, &like);
	if (want) {
		*out = want;
		return 0;
	}
	struct profile *copy = malloc(sizeof *copy);
	if (!copy)
		return -ENOMEM;
	*copy = *profile;
	copy->boxes = NULL;
	if (profile->count) {
		copy->boxes = reallocarray(NULL, profile->count, sizeof *copy->boxes);
		if (!copy->boxes) {
			free(copy);
			return -ENOMEM;
		}
		memcpy(copy->boxes, profile->boxes, profile->count * sizeof *copy->boxes);
	}
	return want_of(b, copy, out);
}

static int page_fill(struct rule_book *b, const struct subject *s, struct session_rules *rules)
{
	struct profile *profile;
	int r = profile_compile(b->policy, s, b->at, &profile);
	if (r < 0)
		return r;
	rules->access = policy_has_files(b->policy, s);
	policy_terms(b->policy, s, b->at, &rules->terms);
	return want_of(b, profile, &rules->want);
}

int rule_book_look(struct rule_book *b, const struct subject *s, const struct session_rules **out)
{
	struct page *page = calloc(1, sizeof *page + (s->group_count + 2) * sizeof *page->marks);
	if (!page)
		return -ENOMEM;
	page->mark_count = policy_marks(b->policy, s, page->marks);
	struct page *have = index_find(&b->by_marks, page);
	int r = 0;
	if (have)
		goto out;
	r = page_fill(b, s, &page->rules);
	if (r < 0)
		goto out;
	r = index_add(&b->by_marks, page);
	if (r < 0)
		goto out;
	page->next = b->pages;
	b->pages = have = page;
	page = NULL;
out:
	free(page);
	if (r == 0)
		*out = &have->rules;
	return r;
}

void rule_book_want(struct profile_want *w, uint16_t id)
{
	if (!w->before)
		w->before = id;
	w->uses++;
	w->stay += id && id == w->before;
}

struct profile_want *rule_book_wants(const struct rule_book *b)
{
	return b->wants;
}

void rule_book_free(struct rule_book *b)
{
	struct page *page;
	struct profile_want *want;
	if (!b)
		return;
	index_clear(&b->by_marks);
	index_clear(&b->by_contents);
	while ((page = b->pages)) {
		b->pages = page->next;
		free(page);
	}
	while ((want = b->wants)) {
		b->wants = want->next;
		profile_free(want->profile);
		free(want);
	}
	free(b);
}

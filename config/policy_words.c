/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config/policy_words.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "config/profile_sweep.h"

enum {
	SENTENCE_MAX = 4, /* texts in brackets behind a name */
	PIECES_MAX = 65536, /* of one name; beyond that it is not used */
	LOOKED_UP_MAX = 64, /* boxes without a rule's name for which a system is sought */
};

/* Comparisons of two boxes that looking for names may take: a fraction of a second. */
#define PAIRS_MAX 20000000

struct boxes_built {
	struct profile_box *box;
	size_t count, room;
};

struct naming {
	struct arena *arena;
	const struct policy *policy;
	const struct profile *profile;
	struct words words;
	const char **names; /* that were used, words.count of them */
	size_t max;
	struct boxes_built named; /* what the names stand for */
	size_t pairs;
};

static int built_add(struct boxes_built *b, const struct profile_box *boxes, size_t count)
{
	struct profile_box *const more = array_room(b->box, &b->room, b->count, count, sizeof *more);
	if (!more)
		return -ENOMEM;
	b->box = more;
	memcpy(b->box + b->count, boxes, count * sizeof *boxes);
	b->count += count;
	return 0;
}

static bool box_common(const struct profile_box *a, const struct profile_box *b, struct profile_box *out)
{
	if (addr_compare(&a->first, &b->last) > 0 || addr_compare(&b->first, &a->last) > 0 || a->proto_first > b->proto_last ||
		b->proto_first > a->proto_last || a->port_first > b->port_last || b->port_first > a->port_last)
		return false;
	*out = *a;
	if (addr_compare(&b->first, &a->first) > 0)
		out->first = b->first;
	if (addr_compare(&b->last, &a->last) < 0)
		out->last = b->last;
	if (b->proto_first > a->proto_first)
		out->proto_first = b->proto_first;
	if (b->proto_last < a->proto_last)
		out->proto_last = b->proto_last;
	if (b->port_first > a->port_first)
		out->port_first = b->port_first;
	if (b->port_last < a->port_last)
		out->port_last = b->port_last;
	return true;
}

/* What the profile and some boxes have in common. -E2BIG: too much to say it with a name. */
static int find_pieces(struct naming *n, const struct boxes *boxes, struct boxes_built *out)
{
	struct profile_box piece;
	int r = 0;

	n->pairs += n->profile->count * boxes->count;
	if (n->pairs > PAIRS_MAX)
		return -E2BIG;
	for (size_t i = 0; i < boxes->count && !r; i++)
		for (size_t j = 0; j < n->profile->count && !r; j++)
			if (box_common(&boxes->box[i], &n->profile->boxes[j], &piece))
				r = out->count < PIECES_MAX ? built_add(out, &piece, 1) : -E2BIG;
	return r;
}

/* The first boxes without the second. */
static int subtract(const struct profile_box *from, size_t from_count, const struct profile_box *what, size_t what_count,
	struct profile **out)
{
	const struct profile a = {.boxes = (struct profile_box *)from, .count = from_count};
	const struct profile b = {.boxes = (struct profile_box *)what, .count = what_count};

	return profile_minus(&a, &b, out);
}

static bool contains(const struct profile_box *outer, const struct profile_box *inner)
{
	struct profile_box common;

	return box_common(outer, inner, &common) && !memcmp(&common, inner, sizeof common);
}

static bool system_contains(const struct system *s, const struct profile_box *box)
{
	for (size_t i = 0; i < s->count; i++)
		if (contains(&s->box[i], box))
			return true;
	return false;
}

/* The first system to which all boxes belong, or NULL. */
static const struct system *system_of(const struct policy *p, const struct profile_box *boxes, size_t count)
{
	for (size_t i = 0; i < p->system_count && count; i++) {
		size_t j = 0;
		while (j < count && system_contains(p->systems[i], &boxes[j]))
			j++;
		if (j == count)
			return p->systems[i];
	}
	return NULL;
}

/* Does a rule name a system? Otherwise it begins with a protocol, and more follows. */
static bool names_system(const char *what)
{
	return !strchr(what, ' ');
}

/* Is it made of so many ranges that even a part of it is better called by its name? */
static bool wide(const char *what)
{
	return names_system(what) || strstr(what, " internet");
}

static bool used_before(const struct naming *n, const char *name)
{
	for (size_t i = 0; i < n->words.count; i++)
		if (!strcmp(n->names[i], name))
			return true;
	return false;
}

static int keep(struct naming *n, const char *name, bool whole, const struct profile *what)
{
	const char *inside;
	char *text;

	int r = profile_sentence(n->arena, what, SENTENCE_MAX, &inside);
	if (r < 0)
		return r;
	if (asprintf(&text, "%s%s (%s)", whole ? "" : "part of ", name, inside) < 0)
		return -ENOMEM;
	const char *const copy = arena_text(n->arena, text);
	free(text);
	if (!copy)
		return -ENOMEM;
	n->names[n->words.count] = name;
	n->words.text[n->words.count++] = copy;
	return 0;
}

/* Says `what` of its pieces, all of `boxes` or only some. */
static int name_pieces(struct naming *n, const char *what, const struct boxes *boxes, const struct boxes_built *pieces)
{
	struct profile *missing = NULL, *present = NULL;

	int r = subtract(boxes->box, boxes->count, pieces->box, pieces->count, &missing);
	if (!r)
		r = subtract(pieces->box, pieces->count, NULL, 0, &present);
	if (r < 0)
		goto out;
	const bool whole = missing->count == 0;
	const struct system *const system = names_system(what) ? NULL : system_of(n->policy, boxes->box, boxes->count);
	if (!whole && !wide(what))
		goto out;
	if (whole && system) {
		profile_free(missing);
		missing = NULL;
		r = subtract(system->box, system->count, boxes->box, boxes->count, &missing);
		if (!r && !used_before(n, system->name))
			r = keep(n, system->name, missing->count == 0, present);
	} else if (whole && !names_system(what)) {
		const char *const copy = arena_text(n->arena, what);
		n->names[n->words.count] = what;
		n->words.text[n->words.count] = copy;
		n->words.count += copy != NULL;
		r = copy ? 0 : -ENOMEM;
	} else {
		r = keep(n, what, whole, present);
	}
	if (!r)
		r = built_add(&n->named, pieces->box, pieces->count);
out:
	profile_free(missing);
	profile_free(present);
	return r;
}

static int name(struct naming *n, const char *what, const struct boxes *boxes)
{
	struct boxes_built pieces = {0};

	if (n->words.count == n->max || used_before(n, what))
		return 0;
	int r = find_pieces(n, boxes, &pieces);
	if (!r && pieces.count)
		r = name_pieces(n, what, boxes, &pieces);
	free(pieces.box);
	return r == -E2BIG ? 0 : r;
}

static int name_by_rules(struct naming *n, const struct words_rules *rules, int64_t at)
{
	int r = 0;

	for (size_t i = 0; i < rules->count && !r; i++)
		for (size_t j = 0; j < rules->files[i]->count && !r; j++) {
			const struct rule *const rule = &rules->files[i]->rules[j];
			if (rule->action == rules->action && rule_holds(rule, at))
				r = name(n, rule->what, &rule->boxes);
		}
	return r;
}

/* Names the systems to which boxes of `left` belong. */
static int name_by_systems(struct naming *n, const struct profile *left)
{
	int r = 0;

	for (size_t i = 0; i < left->count && i < LOOKED_UP_MAX && !r; i++) {
		const struct system *const s = system_of(n->policy, &left->boxes[i], 1);
		if (s)
			r = name(n, s->name, &(struct boxes){.box = s->box, .count = s->count});
	}
	return r;
}

static int left_over(const struct naming *n, struct profile **out)
{
	profile_free(*out);
	*out = NULL;
	return subtract(n->profile->boxes, n->profile->count, n->named.box, n->named.count, out);
}

int policy_words(struct arena *arena, const struct words_source *from, const struct profile *p, size_t max, struct words *out)
{
	struct naming n = {.arena = arena, .policy = from->policy, .profile = p, .max = max};
	struct profile *left = NULL;
	struct words rest = {0};
	int r = -ENOMEM;

	n.words.text = arena_alloc(arena, max + 1, sizeof(char *));
	n.names = calloc(max + 1, sizeof(char *));
	if (!n.words.text || !n.names)
		goto out;
	r = name_by_rules(&n, &from->rules[0], from->at);
	if (!r)
		r = name_by_rules(&n, &from->rules[1], from->at);
	if (!r)
		r = left_over(&n, &left);
	if (!r)
		r = name_by_systems(&n, left);
	if (!r)
		r = left_over(&n, &left);
	if (!r)
		r = profile_words(arena, left, max - n.words.count, &rest);
	if (r < 0)
		goto out;
	for (size_t i = 0; i < rest.count; i++)
		n.words.text[n.words.count++] = rest.text[i];
	n.words.more = rest.more;
	*out = n.words;
out:
	profile_free(left);
	free(n.names);
	free(n.named.box);
	return r;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where a device may come from: `from`, and the files of networks that it names. */
#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "config/nearest.h"
#include "config/statement.h"

#define NETWORK_EXPECTED "is no network; expected one like 203.0.113.0/24 or 2001:db8::/32, or a bare address"

/* A network that a list holds already. */
struct listed {
	struct range range;
	unsigned line;
};

static int listed_compare(const void *a, const void *b)
{
	const struct range *const x = &((const struct listed *)a)->range, *const y = &((const struct listed *)b)->range;
	const int c = addr_compare(&x->first, &y->first);

	return c ? c : addr_compare(&x->last, &y->last);
}

/* Puts a network into the list, unless it stands there already. */
static void list_network(struct parser *ps, const struct word *w, const struct range *r)
{
	struct listed *const l = arena_alloc(&ps->b->policy->arena, 1, sizeof *l);
	struct networks *const n = &ps->networks;
	void *const *node = NULL;

	if (l) {
		*l = (struct listed){.range = *r, .line = ps->lx.line};
		node = tsearch(l, &ps->seen, listed_compare);
	}
	if (node && *node != l) {
		lexer_mistake(&ps->lx, w, "the network '%s' stands in line %u already; remove one of the two", w->text,
			((const struct listed *)*node)->line);
		return;
	}
	struct range *range = node ? array_room(n->range, &ps->networks_room, n->count, 1, sizeof *range) : NULL;
	if (!range) {
		ps->b->error = -ENOMEM;
		return;
	}
	n->range = range;
	n->range[n->count++] = *r;
}

void statement_networks(struct parser *ps)
{
	static const char complaint[] = NETWORK_EXPECTED "; in a list stand only networks and owner \"TEXT\"";
	struct range r;

	for (unsigned i = 0; i < ps->lx.count && !ps->b->error; i++) {
		const struct word *const w = &ps->lx.words[i];
		if (networks_word(&ps->lx, w, complaint, &r))
			list_network(ps, w, &r);
		else if (!strpbrk(w->text, ".:/"))
			return; /* no attempt at a network: nor is what follows */
	}
}

/* A copy as memory of the policy, sorted. */
static const struct networks *keep(struct build *b, const struct networks *n)
{
	struct networks *const out = arena_alloc(&b->policy->arena, 1, sizeof *out);

	if (!out || !(out->range = arena_alloc(&b->policy->arena, n->count + 1, sizeof *out->range))) {
		b->error = -ENOMEM;
		return NULL;
	}
	if (n->count)
		memcpy(out->range, n->range, n->count * sizeof *n->range);
	out->count = n->count;
	networks_sort(out);
	return out;
}

void statement_list_end(struct parser *ps)
{
	struct address_list *const list = ps->b->error ? NULL : policy_build_list_add(ps->b, ps->file->name, ps->file->path);

	if (!list)
		return;
	list->networks = keep(ps->b, &ps->networks);
	ps->file->networks = list->networks;
	if (!ps->b->d->failed && !ps->networks.count)
		diag_add(ps->b->d, DIAG_WARNING, ps->file->path, 0, 0, 1, NULL,
			"names no network, so that nobody can come from it; write networks like 203.0.113.0/24");
}

/* The list named in word `i`. */
static const struct networks *named_list(struct parser *ps, unsigned i)
{
	const struct word w = lexer_word(&ps->lx, i);
	struct nearest n = nearest_to(w.text);
	char hint[NEAREST_TEXT];

	if (w.quoted || !*w.text) {
		lexer_mistake(&ps->lx, &w, "expected the name of a list, which is a file in lists/, without quotes and .acl");
		return NULL;
	}
	struct address_list *const list = policy_build_list(ps->b, w.text);
	if (list) {
		list->used = true;
		return list->networks;
	}
	if (ps->b->lists_unknown)
		return NULL; /* reported already: a list could not be read */
	for (size_t j = 0; j < ps->b->list_count; j++)
		nearest_offer(&n, ps->b->lists[j]->name);
	lexer_mistake(&ps->lx, &w, "unknown list '%s'%s", w.text,
		n.best ? nearest_hint(&n, hint) : "; expected the name of a file in lists/, without .acl");
	return NULL;
}

/* What one `from` line names, while it is read. */
struct sources {
	struct range range[POLICY_DESTS_MAX];
	struct networks own;
	const struct networks *list[POLICY_DESTS_MAX];
	size_t list_count;
};

static bool add_source(struct parser *ps, const struct word *w, struct sources *s)
{
	struct range r;

	if (!w->quoted && !strcmp(w->text, "internet")) {
		lexer_mistake(&ps->lx, w, "from takes networks; without any from line, a device may come from anywhere");
		return false;
	}
	if (!w->quoted && policy_build_list(ps->b, w->text)) {
		lexer_mistake(&ps->lx, w, "'%s' is a list; write list %s", w->text, w->text);
		return false;
	}
	if (!networks_word(&ps->lx, w, NETWORK_EXPECTED ", or list NAME", &r))
		return false;
	for (size_t i = 0; i < s->own.count; i++)
		if (addr_equal(&s->range[i].first, &r.first) && addr_equal(&s->range[i].last, &r.last)) {
			lexer_mistake(&ps->lx, w, "network '%s' stands twice in this statement; remove one", w->text);
			return false;
		}
	s->range[s->own.count++] = r;
	return true;
}

static bool add_list(struct parser *ps, unsigned i, struct sources *s)
{
	const struct networks *const n = named_list(ps, i);

	for (size_t j = 0; n && j < s->list_count; j++)
		if (s->list[j] == n) {
			lexer_mistake(&ps->lx, &ps->lx.words[i], "list '%s' stands twice in this statement; remove one",
				ps->lx.words[i].text);
			return false;
		}
	if (n)
		s->list[s->list_count++] = n;
	return n != NULL;
}

/* Everything behind `from`. */
static bool parse_sources(struct parser *ps, struct sources *s)
{
	bool good = true;

	s->own.range = s->range;
	for (unsigned i = 1; i < ps->lx.count; i++) {
		if (s->own.count + s->list_count == POLICY_DESTS_MAX) {
			lexer_mistake(&ps->lx, &ps->lx.words[i],
				"more than %d networks in one statement; write a second from line, or a list", POLICY_DESTS_MAX);
			return false;
		}
		if (lexer_is(&ps->lx, i, "list"))
			good = add_list(ps, ++i, s) && good;
		else
			good = add_source(ps, &ps->lx.words[i], s) && good;
	}
	return good;
}

void statement_from(struct parser *ps)
{
	struct arena *const arena = &ps->b->policy->arena;
	struct sources s = {.list_count = 0};

	if (ps->lx.count == 1) {
		statement_mistake(ps, 1, "no network; expected networks like 203.0.113.0/24, or list NAME");
		return;
	}
	if (!parse_sources(ps, &s) || !statement_first_time(ps, ps->lx.count))
		return;
	struct term *const t = statement_term(ps, TERM_FROM);
	const struct networks **const sets = arena_alloc(arena, s.list_count + 1, sizeof(struct networks *));
	if (!t || !sets) {
		ps->b->error = -ENOMEM;
		return;
	}
	for (size_t i = 0; i < s.list_count; i++)
		sets[i] = s.list[i];
	if (s.own.count)
		sets[s.list_count++] = keep(ps->b, &s.own);
	t->from.networks = sets;
	t->from.count = s.list_count;
}

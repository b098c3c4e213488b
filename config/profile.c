/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config/profile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/policy_internal.h"
#include "config/profile_sweep.h"

_Static_assert(sizeof(struct profile_box) == 40, "a box must not have padding, or memcmp() would look at it");

bool profile_box_contains(const struct profile_box *box, const struct target *t)
{
	return t->proto >= box->proto_first && t->proto <= box->proto_last && t->port >= box->port_first &&
	       t->port <= box->port_last && addr_compare(&t->addr, &box->first) >= 0 && addr_compare(&t->addr, &box->last) <= 0;
}

/* FNV-1a, 64 bits (draft-eastlake-fnv). */
static uint64_t hash(const void *data, size_t size)
{
	const uint8_t *const bytes = data;
	uint64_t h = 0xcbf29ce484222325;

	for (size_t i = 0; i < size; i++)
		h = (h ^ bytes[i]) * 0x100000001b3;
	return h;
}

/* All boxes of all rules that hold, one after the other. */
static int gather(const struct rule_file *const *files, size_t count, int64_t at, struct sweep_box **out, size_t *out_count)
{
	size_t total = 0;

	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < files[i]->count; j++)
			total += files[i]->rules[j].boxes.count;
	struct sweep_box *const all = calloc(total ? total : 1, sizeof *all);
	if (!all)
		return -ENOMEM;
	struct sweep_box *next = all;
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < files[i]->count; j++) {
			const struct rule *const r = &files[i]->rules[j];
			for (size_t k = 0; k < r->boxes.count && rule_holds(r, at); k++)
				*next++ = (struct sweep_box){.box = &r->boxes.box[k], .deny = r->action == RULE_DENY};
		}
	*out = all;
	*out_count = (size_t)(next - all);
	return 0;
}

int profile_of_boxes(const struct sweep_box *all, size_t count, struct profile **out)
{
	struct profile *p = NULL;
	struct profile_boxes boxes = {0};

	int r = profile_sweep(all, count, 4, &boxes);
	if (!r)
		r = profile_sweep(all, count, 6, &boxes);
	if (r < 0)
		goto out;
	p = calloc(1, sizeof *p);
	if (!p) {
		r = -ENOMEM;
		goto out;
	}
	*p = (struct profile){.count = boxes.count, .boxes = boxes.box};
	p->hash = hash(p->boxes, p->count * sizeof *p->boxes);
	boxes.box = NULL;
	*out = p;
out:
	free(boxes.box);
	return r;
}

int profile_of_files(const struct rule_file *const *files, size_t count, int64_t at, struct profile **out)
{
	struct sweep_box *all = NULL;
	size_t total = 0;

	int r = gather(files, count, at, &all, &total);
	if (!r)
		r = profile_of_boxes(all, total, out);
	free(all);
	return r;
}

int profile_minus(const struct profile *a, const struct profile *b, struct profile **out)
{
	struct sweep_box *const all = calloc(a->count + b->count + 1, sizeof *all);

	if (!all)
		return -ENOMEM;
	for (size_t i = 0; i < a->count; i++)
		all[i].box = &a->boxes[i];
	for (size_t i = 0; i < b->count; i++)
		all[a->count + i] = (struct sweep_box){.box = &b->boxes[i], .deny = true};
	const int r = profile_of_boxes(all, a->count + b->count, out);
	free(all);
	return r;
}

int profile_compile(const struct policy *p, const struct subject *s, int64_t at, struct profile **out)
{
	struct file_walk w = {.policy = p, .subject = s};
	const struct rule_file **const files = calloc(s->group_count + 2, sizeof(struct rule_file *));
	size_t count = 0;

	if (!files)
		return -ENOMEM;
	for (const struct rule_file *file; (file = policy_walk(&w));)
		files[count++] = file;
	const int r = profile_of_files(files, count, at, out);
	free(files);
	return r;
}

void profile_free(struct profile *p)
{
	if (!p)
		return;
	free(p->boxes);
	free(p);
}

bool profile_equal(const struct profile *a, const struct profile *b)
{
	return a->hash == b->hash && a->count == b->count &&
	       (!a->count || !memcmp(a->boxes, b->boxes, a->count * sizeof *a->boxes));
}

bool profile_allows(const struct profile *p, const struct target *t)
{
	for (size_t i = 0; i < p->count && addr_compare(&p->boxes[i].first, &t->addr) <= 0; i++)
		if (profile_box_contains(&p->boxes[i], t))
			return true;
	return false;
}

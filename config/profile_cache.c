/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config/profile_cache.h"

#include <errno.h>
#include <search.h>
#include <stdint.h>
#include <stdlib.h>

#include "config/policy_internal.h"

/* The profile of a set of files, sorted by address. */
struct compiled {
	struct profile *profile;
	size_t count;
	const struct rule_file *file[];
};

struct profile_cache {
	const struct policy *policy;
	int64_t at;
	void *tree; /* struct compiled, tsearch(3) */
	size_t count;
};

int profile_cache_new(const struct policy *p, int64_t at, struct profile_cache **out)
{
	struct profile_cache *const c = calloc(1, sizeof *c);

	if (!c)
		return -ENOMEM;
	c->policy = p;
	c->at = at;
	*out = c;
	return 0;
}

static int compare_files(const void *a, const void *b)
{
	const struct rule_file *const *const x = a, *const *const y = b;

	return (*x > *y) - (*x < *y);
}

static int compare_compiled(const void *a, const void *b)
{
	const struct compiled *const x = a, *const y = b;

	if (x->count != y->count)
		return x->count < y->count ? -1 : 1;
	for (size_t i = 0; i < x->count; i++)
		if (x->file[i] != y->file[i])
			return x->file[i] < y->file[i] ? -1 : 1;
	return 0;
}

static void compiled_free(void *node)
{
	struct compiled *const e = node;

	profile_free(e->profile);
	free(e);
}

int profile_cache_get(struct profile_cache *c, const struct subject *s, const struct profile **out)
{
	struct file_walk w = {.policy = c->policy, .subject = s};
	struct compiled *e = calloc(1, sizeof *e + (s->group_count + 2) * sizeof(struct rule_file *));
	int r = 0;

	if (!e)
		return -ENOMEM;
	for (const struct rule_file *file; (file = policy_walk(&w));)
		e->file[e->count++] = file;
	qsort(e->file, e->count, sizeof(struct rule_file *), compare_files);
	struct compiled *const *const known = tfind(e, &c->tree, compare_compiled);
	if (known) {
		*out = (*known)->profile;
		goto out;
	}
	r = profile_of_files(e->file, e->count, c->at, &e->profile);
	if (r < 0)
		goto out;
	if (!tsearch(e, &c->tree, compare_compiled)) {
		r = -ENOMEM;
		goto out;
	}
	c->count++;
	*out = e->profile;
	e = NULL;
out:
	if (e)
		compiled_free(e);
	return r;
}

size_t profile_cache_count(const struct profile_cache *c)
{
	return c->count;
}

void profile_cache_free(struct profile_cache *c)
{
	if (!c)
		return;
	tdestroy(c->tree, compiled_free);
	free(c);
}

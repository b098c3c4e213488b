/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Outer networks from which devices may come: compared as what they contain, however they were written. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/policy_diff_internal.h"
#include "config/profile_words.h"

/* Sets of addresses as a profile of every protocol, so that the one geometry serves for them too. */
static int as_profile(const struct networks *const *sets, size_t count, struct profile **out)
{
	const struct profile none = {0};
	struct profile all = {0};
	size_t total = 0;

	for (size_t i = 0; i < count; i++)
		total += sets[i] ? sets[i]->count : 0;
	all.boxes = calloc(total + 1, sizeof *all.boxes);
	if (!all.boxes)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; sets[i] && j < sets[i]->count; j++)
			all.boxes[all.count++] = (struct profile_box){.first = sets[i]->range[j].first,
				.last = sets[i]->range[j].last,
				.proto_last = UINT8_MAX,
				.port_last = UINT16_MAX};
	const int r = profile_minus(&all, &none, out);
	free(all.boxes);
	return r;
}

static void add_excess(
	struct differ *d, enum policy_change_kind kind, const char *path, const struct profile *more, const struct profile *less)
{
	static const char protocol[] = "any ";
	struct profile *excess = NULL;
	struct words words = {0};

	if (d->error)
		return;
	d->error = profile_minus(more, less, &excess);
	if (!d->error)
		d->error = profile_words(d->arena, excess, POLICY_DIFF_TEXTS, &words);
	for (size_t i = 0; i < words.count; i++)
		differ_add(d, kind, path, words.text[i] + strlen(protocol), kind == CHANGE_REMOVES);
	differ_add_more(d, kind, path, words.more, kind == CHANGE_REMOVES);
	profile_free(excess);
}

void differ_networks(struct differ *d, const struct file_pair *f)
{
	struct profile *was = NULL, *is = NULL;

	if (d->error)
		return;
	d->error = as_profile(&f->before->networks, 1, &was);
	if (!d->error)
		d->error = as_profile(&f->after->networks, 1, &is);
	add_excess(d, CHANGE_REMOVES, f->path, was, is);
	add_excess(d, CHANGE_ADDS, f->path, is, was);
	profile_free(was);
	profile_free(is);
}

enum networks_change differ_from(struct differ *d, const struct term *before, const struct term *after)
{
	enum networks_change change = NETWORKS_SAME;
	struct profile *was = NULL, *is = NULL, *lost = NULL;

	d->error = as_profile(before->from.networks, before->from.count, &was);
	if (!d->error)
		d->error = as_profile(after->from.networks, after->from.count, &is);
	if (!d->error)
		d->error = profile_minus(was, is, &lost);
	if (!d->error && !profile_equal(was, is))
		change = lost->count ? NETWORKS_NARROWER : NETWORKS_WIDER;
	profile_free(was);
	profile_free(is);
	profile_free(lost);
	return change;
}

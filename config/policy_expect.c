/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Do the rules of a file do what its author expects of them? */
#include <errno.h>
#include <stdio.h>

#include "config/policy_internal.h"

static uint32_t most(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* How many (protocol, port) pairs the two have in common, if both contain the address of `b`; and one of them. */
static uint32_t common_pairs(const struct profile_box *a, const struct profile_box *b, struct target *one)
{
	const uint32_t proto_first = most(a->proto_first, b->proto_first), proto_last = least(a->proto_last, b->proto_last);
	const uint32_t port_first = most(a->port_first, b->port_first), port_last = least(a->port_last, b->port_last);

	if (addr_compare(&a->first, &b->first) > 0 || addr_compare(&a->last, &b->last) < 0)
		return 0;
	if (proto_first > proto_last || port_first > port_last)
		return 0;
	*one = (struct target){.addr = b->first, .proto = (uint8_t)proto_first, .port = (uint16_t)port_first};
	return (proto_last - proto_first + 1) * (port_last - port_first + 1);
}

/* The first rule with this action that has something in common with the box. */
static const struct rule *taking_part(const struct rule_file *file, enum rule_action action, const struct profile_box *box)
{
	struct target one;

	for (size_t i = 0; i < file->count; i++)
		for (size_t j = 0; file->rules[i].action == action && j < file->rules[i].boxes.count; j++)
			if (common_pairs(&file->rules[i].boxes.box[j], box, &one))
				return &file->rules[i];
	return NULL;
}

static const struct rule *covering(const struct rule_file *file, const struct target *t)
{
	for (size_t i = 0; i < file->count; i++)
		if (file->rules[i].action == RULE_ALLOW && boxes_cover(&file->rules[i].boxes, t))
			return &file->rules[i];
	return NULL;
}

static void complain(
	struct build *b, const struct rule_file *file, const struct expectation *e, const char *finding, const struct rule *r)
{
	char line[40] = "";

	if (r)
		snprintf(line, sizeof line, " (line %u)", r->line);
	diag_add(b->d, DIAG_ERROR, file->path, e->line, e->place.column, e->place.width, e->source,
		"expected %s, but %s%s; change the rules or the expectation", e->allow ? "allow" : "deny", finding, line);
}

static void judge(struct build *b, const struct rule_file *file, const struct profile *p, const struct expectation *e)
{
	for (size_t i = 0; i < e->boxes.count; i++) {
		const struct profile_box *const box = &e->boxes.box[i];
		const uint32_t all =
			(uint32_t)(box->proto_last - box->proto_first + 1) * ((uint32_t)box->port_last - box->port_first + 1);
		struct target one = {0};
		uint32_t allowed = 0;

		/* The boxes of a profile are disjoint, so what they cover adds up. */
		for (size_t j = 0; j < p->count; j++) {
			struct target found;
			const uint32_t pairs = common_pairs(&p->boxes[j], box, &found);
			if (pairs)
				one = found;
			allowed += pairs;
		}
		if (!e->allow && allowed) {
			complain(b, file, e, "this file allows it", covering(file, &one));
			return;
		}
		if (e->allow && allowed < all) {
			const struct rule *const deny = taking_part(file, RULE_DENY, box);
			complain(b, file, e,
				deny	  ? "this file denies it"
				: allowed ? "this file allows only a part of it"
					  : "no rule of this file allows it",
				deny);
			return;
		}
	}
}

void policy_expect_judge(struct build *b, const struct rule_file *file, const struct expectation *first)
{
	struct profile *p;

	if (!first)
		return;
	const int r = profile_of_files(&file, 1, INT64_MIN, &p);
	if (r == -E2BIG) {
		diag_add(b->d, DIAG_ERROR, file->path, 0, 0, 1, NULL,
			"its rules come to more than %d ranges, so that no expectation can be judged; use networks and ranges",
			PROFILE_BOXES_MAX);
		return;
	}
	if (r < 0) {
		b->error = r;
		return;
	}
	for (const struct expectation *e = first; e; e = e->next)
		judge(b, file, p, e);
	profile_free(p);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Judging one packet by the rules as they were written, and saying which of them took part. */
#include "config/policy_internal.h"

bool boxes_cover(const struct boxes *b, const struct target *t)
{
	for (size_t i = 0; i < b->count; i++)
		if (profile_box_contains(&b->box[i], t))
			return true;
	return false;
}

/* Which rules, by their `until`: both ends are in it. */
struct period {
	int64_t first, last;
};

static struct period holding(int64_t at)
{
	return (struct period){at == INT64_MAX ? at : at + 1, INT64_MAX};
}

static bool in_period(const struct rule *r, struct period when)
{
	return r->until >= when.first && r->until <= when.last;
}

typedef bool rule_visitor(const struct rule_file *file, const struct rule *r, void *arg);

/* Every rule of a subject with this action, in file order, until `visit` returns false; returns whether it never did. */
static bool visit_rules(const struct policy *p, const struct subject *s, struct period when, enum rule_action action,
	rule_visitor *visit, void *arg)
{
	struct file_walk w = {.policy = p, .subject = s};

	for (const struct rule_file *file; (file = policy_walk(&w));)
		for (size_t i = 0; i < file->count; i++)
			if (file->rules[i].action == action && in_period(&file->rules[i], when) &&
				!visit(file, &file->rules[i], arg))
				return false;
	return true;
}

static struct rule_ref reference(const struct rule_file *file, const struct rule *r)
{
	return (struct rule_ref){.action = r->action,
		.file = file->path,
		.line = r->line,
		.text = r->text,
		.what = r->what,
		.reason = r->reason,
		.until = r->until};
}

/* The rules that cover a target. */
struct covering {
	const struct target *target;
	struct rule_ref *rules;
	size_t max, count;
};

static bool note_covering(const struct rule_file *file, const struct rule *r, void *arg)
{
	struct covering *const c = arg;

	if (!boxes_cover(&r->boxes, c->target))
		return true;
	if (c->count < c->max)
		c->rules[c->count] = reference(file, r);
	c->count++;
	return true;
}

bool policy_decide(const struct policy *p, const struct subject *s, const struct target *t, int64_t at, struct rule_ref *rules,
	size_t max, size_t *count)
{
	struct covering c = {.target = t, .rules = rules, .max = max};

	visit_rules(p, s, holding(at), RULE_DENY, note_covering, &c);
	const bool denied = c.count > 0;
	visit_rules(p, s, holding(at), RULE_ALLOW, note_covering, &c);
	*count = c.count;
	return !denied && c.count > 0;
}

/* What policy_rules() was asked to call. */
struct listing {
	policy_rule_visitor *each;
	void *arg;
};

static bool list_rule(const struct rule_file *file, const struct rule *r, void *arg)
{
	const struct listing *const l = arg;
	const struct rule_ref ref = reference(file, r);

	return l->each(&ref, l->arg);
}

static void list_rules(const struct policy *p, const struct subject *s, struct period when, policy_rule_visitor *each, void *arg)
{
	struct listing l = {.each = each, .arg = arg};

	if (visit_rules(p, s, when, RULE_ALLOW, list_rule, &l))
		visit_rules(p, s, when, RULE_DENY, list_rule, &l);
}

void policy_rules(const struct policy *p, const struct subject *s, int64_t at, policy_rule_visitor *each, void *arg)
{
	list_rules(p, s, holding(at), each, arg);
}

struct open_listing {
	const struct profile *open;
	struct listing to;
};

static bool boxes_meet(const struct profile_box *a, const struct profile_box *b)
{
	return a->first.family == b->first.family && addr_compare(&a->first, &b->last) <= 0 &&
	       addr_compare(&b->first, &a->last) <= 0 && a->proto_first <= b->proto_last && b->proto_first <= a->proto_last &&
	       a->port_first <= b->port_last && b->port_first <= a->port_last;
}

static bool list_open(const struct rule_file *file, const struct rule *r, void *arg)
{
	struct open_listing *const l = arg;

	for (size_t i = 0; i < r->boxes.count; i++)
		for (size_t j = 0; j < l->open->count; j++)
			if (boxes_meet(&r->boxes.box[i], &l->open->boxes[j]))
				return list_rule(file, r, &l->to);
	return true;
}

void policy_rules_open(const struct policy *p, const struct subject *s, int64_t at, const struct profile *open,
	policy_rule_visitor *each, void *arg)
{
	struct open_listing l = {.open = open, .to = {.each = each, .arg = arg}};

	visit_rules(p, s, holding(at), RULE_ALLOW, list_open, &l);
}

void policy_lapsing_of(
	const struct policy *p, const struct subject *s, int64_t from, int64_t to, policy_rule_visitor *each, void *arg)
{
	if (from < to)
		list_rules(p, s, (struct period){from, to - 1}, each, arg);
}

void policy_lapsing(const struct policy *p, int64_t from, int64_t to, policy_rule_visitor *each, void *arg)
{
	for (size_t i = 0; i < p->file_count && from < to; i++)
		for (size_t j = 0; j < p->files[i].count; j++) {
			const struct rule_ref ref = reference(&p->files[i], &p->files[i].rules[j]);
			if (in_period(&p->files[i].rules[j], (struct period){from, to - 1}) && !each(&ref, arg))
				return;
		}
}

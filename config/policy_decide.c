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

typedef bool rule_visitor(const struct rule_file *file, const struct rule *r, void *arg);

/* Every rule of a subject with this action, in file order, until `visit` returns false; returns whether it never did. */
static bool visit_rules(const struct policy *p, const struct subject *s, enum rule_action action, rule_visitor *visit, void *arg)
{
	struct file_walk w = {.policy = p, .subject = s};

	for (const struct rule_file *file; (file = policy_walk(&w));)
		for (size_t i = 0; i < file->count; i++)
			if (file->rules[i].action == action && !visit(file, &file->rules[i], arg))
				return false;
	return true;
}

static struct rule_ref reference(const struct rule_file *file, const struct rule *r)
{
	return (struct rule_ref){.action = r->action, .file = file->path, .line = r->line, .text = r->text, .what = r->what};
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

bool policy_decide(const struct policy *p, const struct subject *s, const struct target *t, struct rule_ref *rules, size_t max,
	size_t *count)
{
	struct covering c = {.target = t, .rules = rules, .max = max};

	visit_rules(p, s, RULE_DENY, note_covering, &c);
	const bool denied = c.count > 0;
	visit_rules(p, s, RULE_ALLOW, note_covering, &c);
	*count = c.count;
	return !denied && c.count > 0;
}

/* What policy_rules() was asked to call. */
struct listing {
	bool (*each)(const struct rule_ref *, void *);
	void *arg;
};

static bool list_rule(const struct rule_file *file, const struct rule *r, void *arg)
{
	const struct listing *const l = arg;
	const struct rule_ref ref = reference(file, r);

	return l->each(&ref, l->arg);
}

void policy_rules(const struct policy *p, const struct subject *s, bool (*each)(const struct rule_ref *, void *), void *arg)
{
	struct listing l = {.each = each, .arg = arg};

	if (visit_rules(p, s, RULE_ALLOW, list_rule, &l))
		visit_rules(p, s, RULE_DENY, list_rule, &l);
}

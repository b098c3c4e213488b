/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/acl_json.h"

#include "common/text.h"

json_t *acl_json_instant(int64_t usec)
{
	char text[TIME_TEXT];

	return usec == INT64_MAX ? json_null() : json_string(time_format(usec, text));
}

json_t *acl_json_rule(const struct rule_ref *rule)
{
	return json_pack("{s:s, s:s, s:i, s:s, s:s, s:o}", "action", rule->action == RULE_ALLOW ? "allow" : "deny", "file",
		rule->file, "line", (int)rule->line, "what", rule->what, "text", rule->text, "until",
		acl_json_instant(rule->until));
}

json_t *acl_json_line(const struct line_ref *line)
{
	return json_pack("{s:s, s:i, s:s}", "file", line->file, "line", (int)line->line, "text", line->text);
}

static bool add_line(const struct line_ref *line, void *list)
{
	return json_array_append_new(list, acl_json_line(line)) == 0;
}

json_t *acl_json_statements(const struct policy *p, const struct subject *s)
{
	json_t *list = json_array();

	policy_statements(p, s, add_line, list);
	return list;
}

json_t *acl_json_session(const struct policy *p, const struct subject *s, int64_t at)
{
	static const char *const bars[] = {[BAR_NOT_YET] = "not-yet", [BAR_PERIOD] = "period", [BAR_HOURS] = "hours"};
	struct policy_terms t;

	policy_terms(p, s, at, &t);
	const bool barred = t.bar != BAR_NONE;
	const struct line_ref *const line = barred ? &t.bar_line : &t.ends_line;
	return json_pack("{s:s?, s:s?, s:i, s:s?, s:o}", "bar", barred ? bars[t.bar] : NULL, "file", line->file, "line",
		(int)line->line, "text", line->file ? line->text : NULL, barred ? "opens" : "ends",
		acl_json_instant(barred ? t.opens : t.ends));
}

json_t *acl_json_explain(const struct policy *p, const struct subject *s, const struct target *t, int64_t at)
{
	struct rule_ref rules[ACL_JSON_RULES];
	json_t *list = json_array();
	size_t count;

	const bool allowed = policy_decide(p, s, t, at, rules, ACL_JSON_RULES, &count);
	for (size_t i = 0; i < count && i < ACL_JSON_RULES; i++)
		(void)json_array_append_new(list, acl_json_rule(&rules[i]));
	return json_pack("{s:b, s:o, s:s, s:o, s:o, s:o}", "allowed", (int)allowed, "at", acl_json_instant(at), "class",
		device_class_name(s->device_class), "rules", list, "session", acl_json_session(p, s, at), "statements",
		acl_json_statements(p, s));
}

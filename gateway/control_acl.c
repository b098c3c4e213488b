/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "gateway/control_internal.h"
#include "gateway/session.h"

static void add_text(json_t *answer, const char *member, const char *text)
{
	if (text)
		(void)json_object_set_new(answer, member, json_string(text));
}

static json_t *in_force(struct gateway *g, unsigned changed)
{
	struct policy_counts counts = policy_counts(g->policy);
	return json_pack("{s:I, s:i, s:i, s:i, s:i}", "generation", (json_int_t)g->generation, "files", (int)counts.files,
		"rules", (int)counts.rules, "sessions_changed", (int)changed, "profiles", (int)sessions_profiles(g));
}

static void apply(struct exchange *x, int (*what)(struct gateway *, uint32_t, const char *, unsigned *, char **))
{
	const char *verb;
	unsigned changed = 0;
	char *text = NULL;
	if (!exchange_unpack(x, "{s:s}", "verb", &verb))
		return;
	int r = what(x->gateway, x->uid, x->name, &changed, &text);
	if (r < 0) {
		exchange_error(x, "invalid", "mend what is shown and try again", "refused; what was in force stays in force");
		add_text(json_array_get(x->answers, 0), "diagnostics", text ? text : strerror(-r));
	} else {
		json_t *end = in_force(x->gateway, changed);
		add_text(end, "diagnostics", text);
		exchange_end(x, end);
	}
	free(text);
}

void control_acl_apply(struct exchange *x)
{
	apply(x, gateway_apply_acl);
}

void control_reload(struct exchange *x)
{
	apply(x, gateway_reload);
}

static json_t *rules_json(const struct rule_ref *rules, size_t count)
{
	json_t *array = json_array();
	for (size_t i = 0; i < count; i++)
		(void)json_array_append_new(
			array, json_pack("{s:s, s:s, s:i, s:s}", "action", rules[i].action == RULE_ALLOW ? "allow" : "deny",
				       "file", rules[i].file, "line", (int)rules[i].line, "text", rules[i].text));
	return array;
}

static bool group_names(struct exchange *x, const json_t *groups, const char *names[static GROUPS_MAX])
{
	if (json_array_size(groups) > GROUPS_MAX) {
		exchange_error(x, "invalid", "name fewer groups", "more than %d groups", GROUPS_MAX);
		return false;
	}
	for (size_t i = 0; i < json_array_size(groups); i++) {
		names[i] = json_string_value(json_array_get(groups, i));
		if (!names[i] || !text_name_valid(names[i])) {
			exchange_error(
				x, "invalid", "a name has 1 to 64 letters, digits, '.', '_', '-', '@'", "not a group name");
			return false;
		}
	}
	return true;
}

void control_acl_explain(struct exchange *x)
{
	enum { RULES_SHOWN = 32 };
	struct rule_ref rules[RULES_SHOWN];
	const char *names[GROUPS_MAX], *verb, *user, *device_class = "ministry", *proto, *port = NULL, *address;
	json_t *groups = NULL;
	struct subject subject;
	struct target target;
	char why[256];
	size_t count = 0;
	if (!exchange_unpack(x, "{s:s, s:s, s?o, s?s, s:s, s?s, s:s}", "verb", &verb, "user", &user, "groups", &groups, "class",
		    &device_class, "proto", &proto, "port", &port, "address", &address) ||
		!group_names(x, groups, names))
		return;
	subject = (struct subject){.user = user, .groups = names, .group_count = json_array_size(groups)};
	if (!text_name_valid(user)) {
		exchange_error(
			x, "invalid", "a name has 1 to 64 letters, digits, '.', '_', '-', '@'", "'%s' is no user name", user);
	} else if (device_class_parse(device_class, &subject.device_class) < 0) {
		exchange_error(x, "invalid", "choose ministry, private or shared", "'%s' is no class of device", device_class);
	} else if (target_parse(proto, port, address, &target, why, sizeof why) < 0) {
		exchange_error(x, "invalid", "for example: sekisho acl explain USER tcp 443 10.20.0.10", "%s", why);
	} else {
		bool allowed = policy_decide(x->gateway->policy, &subject, &target, time_now(), rules, RULES_SHOWN, &count);
		exchange_end(
			x, json_pack("{s:b, s:I, s:o}", "allowed", (int)allowed, "generation", (json_int_t)x->gateway->generation,
				   "rules", rules_json(rules, count < RULES_SHOWN ? count : RULES_SHOWN)));
	}
}

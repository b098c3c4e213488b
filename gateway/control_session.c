/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "gateway/control_internal.h"
#include "gateway/event.h"
#include "gateway/session.h"

void control_session_list(struct exchange *x)
{
	const char *verb;
	if (!exchange_unpack(x, "{s:s}", "verb", &verb))
		return;
	for (struct session *s = session_next(x->gateway, NULL); s; s = session_next(x->gateway, s))
		exchange_row(x, control_json_session(x->gateway, s));
	exchange_end(x, json_object());
}

void control_session_end(struct exchange *x)
{
	const char *verb;
	json_int_t id;
	struct gateway *g = x->gateway;
	if (!exchange_unpack(x, "{s:s, s:I}", "verb", &verb, "id", &id))
		return;
	struct session *s = id > 0 && id <= SESSION_SERIAL_MAX ? session_by_serial(g, (uint32_t)id) : NULL;
	if (!s) {
		exchange_error(x, "not-found", "`sekisho session list` shows who is logged in", "there is no session %lld",
			(long long)id);
		return;
	}
	json_t *json = control_json_session(g, s);
	json_t *e = event_new("session-kicked", "success", NULL);
	event_device(e, &s->device);
	event_user(e, s->row.user);
	event_session(e, s->serial, s->row.opened);
	event_admin(e, x->uid, x->name);
	int r = session_end(g, s, END_KICKED);
	(void)log_write(g->log, LOG_AUDIT, time_now(), e, true);
	if (r < 0) {
		json_decref(json);
		exchange_error(x, "failed", "`sekisho status` tells what is wrong",
			"the firewall could not be told: %s; the device was taken out of WireGuard instead", strerror(-r));
		return;
	}
	exchange_end(x, json_pack("{s:o}", "session", json));
}

/* ---- ACLs ---- */

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

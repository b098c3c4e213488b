/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The verbs that put ACLs in force, and the one that asks what they say. */
#include <stdlib.h>
#include <string.h>

#include "gateway/acl_json.h"
#include "gateway/control_internal.h"
#include "gateway/device.h"
#include "gateway/session.h"

/* ---- putting in force ---- */

static void add_text(json_t *answer, const char *member, const char *text)
{
	if (text)
		(void)json_object_set_new(answer, member, json_string(text));
}

static json_t *in_force(struct gateway *g, const struct gateway_request *q)
{
	const struct policy_counts counts = policy_counts(g->policy);
	return json_pack("{s:I, s:i, s:i, s:i, s:i, s:b}", "generation", (json_int_t)g->generation, "files", (int)counts.files,
		"rules", (int)counts.rules, "sessions_changed", (int)q->changed, "profiles", (int)sessions_profiles(g),
		"unchanged", (int)q->unchanged);
}

static void answer(struct exchange *x, int r, const struct gateway_request *q)
{
	if (r < 0 && q->conflict) {
		exchange_error(x, "conflict", "look at the difference again: sekisho acl diff",
			"refused: %s; what was in force stays in force", q->text ? q->text : "the files have changed");
	} else if (r < 0) {
		exchange_error(x, "invalid", "mend what is shown and try again", "refused; what was in force stays in force");
		add_text(json_array_get(x->answers, 0), "diagnostics", q->text ? q->text : strerror(-r));
	} else {
		json_t *end = in_force(x->gateway, q);
		add_text(end, "diagnostics", q->text);
		exchange_end(x, end);
	}
}

void control_acl_apply(struct exchange *x)
{
	const char *verb;
	struct gateway_request q = {.by = x->by};
	if (!exchange_unpack(x, "{s:s, s?s}", "verb", &verb, "sha256", &q.sha256))
		return;
	answer(x, gateway_apply_acl(x->gateway, &q), &q);
	free(q.text);
}

void control_reload(struct exchange *x)
{
	const char *verb;
	struct gateway_request q = {.by = x->by};
	if (!exchange_unpack(x, "{s:s}", "verb", &verb))
		return;
	answer(x, gateway_reload(x->gateway, &q), &q);
	free(q.text);
}

/* ---- explaining ---- */

static json_t *device_json(const struct device *d, const struct subject *s, int64_t at)
{
	char id[DEVICE_ID_TEXT];
	return json_pack("{s:s, s:s, s:b, s:b}", "id", device_id_format(d->id, id), "status", device_status_name(d->status),
		"permitted", (int)device_permits_subject(d, s), "valid",
		at >= d->valid_from && (!d->valid_until || at < d->valid_until));
}

bool exchange_groups(struct exchange *x, const json_t *groups, const char *names[static GROUPS_MAX])
{
	if (groups && !json_is_array(groups)) {
		exchange_error(x, "invalid", "use a sekisho command of the gateway's own version", "groups is no array");
		return false;
	}
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

/* The class that is named, or that of the device that is; both is one too many. */
static bool subject_class(struct exchange *x, const char *class_name, const char *id, struct device *d, enum device_class *out)
{
	if (class_name && id) {
		exchange_error(x, "invalid", "name the device or a class", "a device has its class already");
		return false;
	}
	if (id) {
		if (!exchange_device(x, id, d))
			return false;
		*out = d->device_class;
		return true;
	}
	*out = CLASS_MINISTRY;
	if (class_name && device_class_parse(class_name, out) < 0) {
		exchange_error(x, "invalid", "choose ministry, private or shared", "'%s' is no class of device", class_name);
		return false;
	}
	return true;
}

void control_acl_explain(struct exchange *x)
{
	const char *names[GROUPS_MAX], *verb, *user, *class_name = NULL, *id = NULL, *proto, *port = NULL, *address;
	json_t *groups = NULL;
	json_int_t at = 0;
	struct subject subject;
	struct target target;
	struct device device;
	char why[256];
	if (!exchange_unpack(x, "{s:s, s:s, s?o, s?s, s?s, s:s, s?s, s:s, s?I}", "verb", &verb, "user", &user, "groups", &groups,
		    "class", &class_name, "device", &id, "proto", &proto, "port", &port, "address", &address, "at", &at) ||
		!exchange_groups(x, groups, names))
		return;
	subject = (struct subject){.user = user, .groups = names, .group_count = json_array_size(groups)};
	at = at > 0 ? at : time_now();
	if (!text_name_valid(user)) {
		exchange_error(
			x, "invalid", "a name has 1 to 64 letters, digits, '.', '_', '-', '@'", "'%s' is no user name", user);
	} else if (target_parse(proto, port, address, &target, why, sizeof why) < 0) {
		exchange_error(x, "invalid", "for example: sekisho acl explain USER tcp 443 10.20.0.10", "%s", why);
	} else if (subject_class(x, class_name, id, &device, &subject.device_class)) {
		json_t *answer = acl_json_explain(x->gateway->policy, &subject, &target, at);
		(void)json_object_set_new(answer, "generation", json_integer((json_int_t)x->gateway->generation));
		(void)json_object_set_new(answer, "device", id ? device_json(&device, &subject, at) : json_null());
		exchange_end(x, answer);
	}
}

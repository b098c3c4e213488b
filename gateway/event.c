/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/event_internal.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/say.h"

enum { TEXT_MAX = 1024, PATH_PART_MAX = 64, HASH_SIZE = 32 };

/* Values as ECS 8.11 allows them: https://www.elastic.co/guide/en/ecs/8.11/ecs-allowed-values-event-kind.html and following. */
struct action {
	const char *name, *kind, *category, *type, *second_type;
};

static const struct action actions[] = {
	/* auth */
	{"device-admitted", "event", "network", "connection", "allowed"},
	{"device-refused", "event", "network", "connection", "denied"},
	{"device-online", "event", "network", "connection", "start"},
	{"device-offline", "event", "network", "connection", "end"},
	{"device-roamed", "event", "network", "connection", "info"},
	{"login-started", "event", "authentication", "start", NULL},
	{"login-succeeded", "event", "authentication", "end", NULL},
	{"login-failed", "event", "authentication", "end", NULL},
	{"password-changed", "event", "authentication", "info", NULL},
	{"terms-accepted", "event", "authentication", "info", NULL},
	{"session-opened", "event", "session", "start", NULL},
	{"session-renewed", "event", "session", "info", NULL},
	{"session-narrowed", "event", "session", "info", NULL},
	{"session-widened", "event", "session", "info", NULL},
	{"session-ended", "event", "session", "end", NULL},
	/* access */
	{"connection-opened", "event", "network", "connection", "start"},
	{"connection-open", "event", "network", "connection", "info"},
	{"connection-closed", "event", "network", "connection", "end"},
	{"connection-refused", "event", "network", "connection", "denied"},
	/* audit */
	{"device-added", "event", "iam", "creation", NULL},
	{"device-changed", "event", "iam", "change", NULL},
	{"device-suspended", "event", "iam", "change", NULL},
	{"device-resumed", "event", "iam", "change", NULL},
	{"device-lost", "event", "iam", "change", NULL},
	{"device-revoked", "event", "iam", "deletion", NULL},
	{"device-rotated", "event", "iam", "change", NULL},
	{"user-suspended", "event", "iam", "user", "change"},
	{"user-resumed", "event", "iam", "user", "change"},
	{"session-kicked", "event", "session", "info", NULL},
	{"control-denied", "event", "iam", "info", "denied"},
	{"acl-applied", "event", "configuration", "change", NULL},
	{"acl-rejected", "event", "configuration", "info", "error"},
	{"config-applied", "event", "configuration", "change", NULL},
	{"config-rejected", "event", "configuration", "info", "error"},
	{"allow-lapsing", "event", "configuration", "info", NULL},
	{"device-expiring", "event", "iam", "info", NULL},
	{"gateway-started", "event", "process", "start", NULL},
	{"gateway-stopped", "event", "process", "end", NULL},
	{"gateway-key-changed", "event", "configuration", "change", NULL},
	{"firewall-restored", "event", "configuration", "change", NULL},
	{"clock-stepped", "event", "host", "change", NULL},
	{"alert", "alert", "host", "info", NULL},
	/* each */
	{"change-failed", "event", "iam", "info", "error"},
	{"log-recovered", "event", "host", "info", NULL},
	{"acl-applying", "event", "configuration", "info", NULL},
	{"log-gap", "event", "host", "info", "error"},
	{"log-thinned", "event", "host", "info", NULL},
	{"log-opened", "event", "host", "info", NULL},
	{"log-closed", "event", "host", "info", NULL},
	{"log-seal", "event", "host", "info", NULL},
};

static const struct action *action_of(const char *name)
{
	for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
		if (!strcmp(actions[i].name, name))
			return &actions[i];
	say_error("no such log event: %s; this is a fault of the program, report it with this line", name);
	abort();
}

/* An event that lost a part for want of memory must not pass for a whole one: log_write() refuses one without event.action. */
static void spoil(json_t *e)
{
	json_object_clear(e);
}

json_t *event_new(const char *action, const char *outcome, const char *reason)
{
	const struct action *a = action_of(action);
	json_t *type = a->second_type ? json_pack("[s, s]", a->type, a->second_type) : json_pack("[s]", a->type);
	json_t *e = json_pack(
		"{s:{s:s, s:s, s:[s], s:o}}", "event", "action", a->name, "kind", a->kind, "category", a->category, "type", type);
	event_text(e, "event.outcome", outcome ? outcome : "unknown");
	event_text(e, "event.reason", reason);
	return e;
}

/* The object that holds a dotted path's last part, made on the way; `last` is that part. NULL when out of memory. */
static json_t *parent_of(json_t *e, const char *path, const char **last)
{
	char part[PATH_PART_MAX];
	const char *dot;
	for (; e && (dot = strchr(path, '.')); path = dot + 1) {
		snprintf(part, sizeof part, "%.*s", (int)(dot - path), path);
		json_t *child = json_object_get(e, part);
		if (!child) {
			json_object_set_new(e, part, json_object());
			child = json_object_get(e, part);
		}
		e = child;
	}
	*last = path;
	return e;
}

void event_set(json_t *e, const char *path, json_t *value)
{
	const char *last;
	json_t *parent = parent_of(e, path, &last);
	if (json_object_set_new(parent, last, value) < 0)
		spoil(e);
}

void event_text(json_t *e, const char *path, const char *value)
{
	char safe[TEXT_MAX];
	if (e && value && *value)
		event_set(e, path, json_string(text_safe(value, safe, sizeof safe)));
}

void event_number(json_t *e, const char *path, int64_t value)
{
	if (e)
		event_set(e, path, json_integer(value));
}

void event_time(json_t *e, const char *path, int64_t usec)
{
	char text[TIME_TEXT];
	if (usec)
		event_text(e, path, time_format(usec, text));
}

void event_append_text(json_t *e, const char *path, const char *value)
{
	char safe[TEXT_MAX];
	const char *last;
	json_t *parent = parent_of(e, path, &last), *array = json_object_get(parent, last), *item;
	size_t i;
	if (!e || !value || !*value)
		return;
	text_safe(value, safe, sizeof safe);
	if (!array) {
		json_object_set_new(parent, last, json_array());
		array = json_object_get(parent, last);
	}
	json_array_foreach(array, i, item) if (!strcmp(json_string_value(item), safe)) return;
	if (json_array_append_new(array, json_string(safe)) < 0)
		spoil(e);
}

void event_address(json_t *e, const char *path, const struct addr *a)
{
	char text[ADDR_TEXT];
	if (!e || !a->family)
		return;
	addr_format(a, text);
	if (path)
		event_text(e, path, text);
	event_append_text(e, "related.ip", text);
}

void event_device(json_t *e, const struct device *d)
{
	char id[DEVICE_ID_TEXT], key[KEY_TEXT];
	event_text(e, "device.id", device_id_format(d->id, id));
	event_text(e, "sekisho.device.key", key_format(&d->public_key, key));
	event_text(e, "sekisho.device.class", device_class_name(d->device_class));
	event_text(e, "sekisho.device.label", d->label);
	/* A flow's source, which may be the other family's, stays. */
	if (!json_object_get(json_object_get(e, "source"), "ip"))
		event_address(e, "source.ip", d->v4.family ? &d->v4 : &d->v6);
	event_address(e, NULL, &d->v4);
	event_address(e, NULL, &d->v6);
}

void event_endpoint(json_t *e, const struct endpoint *outer)
{
	if (!outer->addr.family)
		return;
	event_address(e, "sekisho.endpoint.ip", &outer->addr);
	event_number(e, "sekisho.endpoint.port", outer->port);
}

void event_user(json_t *e, const char *user)
{
	event_text(e, "user.name", user);
	event_append_text(e, "related.user", user);
}

void event_user_hash(json_t *e, const char *user)
{
	unsigned char hash[HASH_SIZE];
	char hex[2 * HASH_SIZE + 1];
	if (!e)
		return;
	if (EVP_Digest(user, strlen(user), hash, NULL, EVP_sha256(), NULL) != 1) {
		spoil(e);
		return;
	}
	for (size_t i = 0; i < HASH_SIZE; i++)
		snprintf(hex + 2 * i, 3, "%02x", hash[i]);
	event_text(e, "user.hash", hex);
}

void event_session(json_t *e, uint32_t serial, int64_t opened)
{
	event_number(e, "sekisho.session.id", serial);
	event_time(e, "sekisho.session.opened", opened);
}

const char *event_rule_format(const char *file, unsigned line, char text[static EVENT_RULE_TEXT])
{
	snprintf(text, EVENT_RULE_TEXT, "%s:%u", file, line);
	return text;
}

void event_rule(json_t *e, const char *file, unsigned line)
{
	char where[EVENT_RULE_TEXT];
	event_text(e, "rule.name", event_rule_format(file, line, where));
}

void event_admin(json_t *e, const struct actor *by)
{
	event_number(e, "sekisho.admin.uid", by->uid);
	event_text(e, "sekisho.admin.name", by->name);
	event_text(e, "sekisho.admin.role", role_name(by->role));
}

void event_generation(json_t *e, const struct generation *row)
{
	struct actor by = {.uid = row->uid, .role = ROLE_ADMIN};
	snprintf(by.name, sizeof by.name, "%s", row->who);
	event_admin(e, &by);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include "gateway/control_internal.h"
#include "gateway/ledger_record.h"
#include "gateway/ledger_user.h"
#include "gateway/peer.h"
#include "gateway/session.h"

enum { LIVE_TOTALS_MAX = 200 }; /* sessions; beyond that, open flows are not added up for a list */

json_t *control_json_time(int64_t usec)
{
	char text[TIME_TEXT];
	return usec ? json_string(time_format(usec, text)) : json_null();
}

const char *control_endpoint(const struct settings *s, char text[static CONTROL_ENDPOINT_TEXT])
{
	snprintf(text, CONTROL_ENDPOINT_TEXT, strchr(s->endpoint_host, ':') ? "[%s]:%u" : "%s:%u", s->endpoint_host,
		s->endpoint_port);
	return text;
}

json_t *control_json_addr(const struct addr *a)
{
	char text[ADDR_TEXT];
	return a->family ? json_string(addr_format(a, text)) : json_null();
}

static json_t *json_endpoint(const struct endpoint *e)
{
	char text[ENDPOINT_TEXT];
	return e && e->addr.family ? json_string(endpoint_format(e, text)) : json_null();
}

static void add_open_flow(const struct flow_record *r, void *arg)
{
	struct session_row *total = arg;
	total->source_bytes += r->source_bytes;
	total->destination_bytes += r->destination_bytes;
	total->connections++;
}

static json_t *json_groups(const struct session *s)
{
	json_t *groups = json_array();
	for (uint16_t i = 0; i < s->row.group_count; i++)
		(void)json_array_append_new(groups, json_string(s->row.groups[i]));
	return groups;
}

/* "users/t-yamada.acl:3", null when sekisho.conf or the device's period says so. */
static json_t *json_line(const struct line_ref *line)
{
	return line->file ? json_sprintf("%s:%u", line->file, line->line) : json_null();
}

json_t *control_json_session(struct gateway *g, const struct session *s)
{
	char id[DEVICE_ID_TEXT];
	struct session_row total = s->row;
	struct peer *peer = peer_by_device(g, s->device_id);
	if (sessions_count(g) <= LIVE_TOTALS_MAX)
		(void)flow_each(g->flow, s->serial, add_open_flow, &total);
	json_t *json = json_pack("{s:I, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:i, s:o, s:o, s:I, s:I, s:I}", "id",
		(json_int_t)s->serial, "device", device_id_format(s->device_id, id), "label", s->device.label, "class",
		device_class_name(s->device.device_class), "user", s->row.user, "groups", json_groups(s), "v4",
		control_json_addr(&s->device.v4), "v6", control_json_addr(&s->device.v6), "profile", (int)s->profile, "opened",
		control_json_time(s->row.opened), "endpoint",
		json_endpoint(peer && peer->endpoint.addr.family ? &peer->endpoint : &s->row.endpoint), "source_bytes",
		(json_int_t)total.source_bytes, "destination_bytes", (json_int_t)total.destination_bytes, "connections",
		(json_int_t)total.connections);
	json_t *end = json_pack("{s:o, s:o, s:s, s:o, s:I, s:I}", "expires", control_json_time(s->plan.ends), "ends",
		control_json_time(s->plan.ends), "ends_reason", session_end_name(s->plan.reason), "ends_line",
		json_line(&s->plan.line), "idle_seconds", (json_int_t)((time_now() - s->active) / 1000000), "idle_limit_seconds",
		(json_int_t)s->plan.idle_seconds);
	(void)json_object_update_new(json, end);
	return json;
}

/* Those of its users who could not log in for what the directory last said of their accounts. */
static json_t *json_leavers(struct gateway *g, const struct device *d)
{
	char refused[ACCOUNT_TEXT];
	json_t *users = json_array();
	for (unsigned i = 0; i < d->user_count; i++)
		if (*d->users[i] != '@' && ledger_account(g->ledger, d->users[i], refused) == 0 && *refused)
			(void)json_array_append_new(users, json_sprintf("%s (%s)", d->users[i], refused));
	return users;
}

static json_t *json_form(struct gateway *g, uint32_t device)
{
	struct device_form form = {0};
	json_t *json = json_object();
	(void)ledger_form(g->ledger, device, &form);
	for (unsigned i = 0; i < FORM_FIELDS; i++)
		if (*form.text[i])
			(void)json_object_set_new(json, device_form_name(i), json_string(form.text[i]));
	return json;
}

static json_t *json_next_key(const struct device *d)
{
	char key[KEY_TEXT];
	if (key_is_zero(&d->next_key))
		return json_null();
	return json_pack("{s:s, s:o, s:o}", "public_key", key_format(&d->next_key, key), "made", control_json_time(d->next_made),
		"until", control_json_time(d->next_until));
}

json_t *control_json_device(struct gateway *g, const struct device *d)
{
	char id[DEVICE_ID_TEXT], key[KEY_TEXT];
	struct peer *peer = peer_by_device(g, d->id);
	struct session *s = session_by_device(g, d->id);
	const bool there = peer && peer->endpoint.addr.family;
	json_t *users = json_array();
	for (unsigned i = 0; i < d->user_count; i++)
		(void)json_array_append_new(users, json_string(d->users[i]));
	json_t *json = json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:b, s:o, s:o, s:I, s:I, s:o}",
		"id", device_id_format(d->id, id), "label", d->label, "class", device_class_name(d->device_class), "status",
		device_status_name(d->status), "users", users, "v4", control_json_addr(&d->v4), "v6", control_json_addr(&d->v6),
		"public_key", key_format(&d->public_key, key), "valid_from", control_json_time(d->valid_from), "valid_until",
		control_json_time(d->valid_until), "created", control_json_time(d->created), "last_seen",
		control_json_time(peer && peer->moved > d->last_seen ? peer->moved : d->last_seen), "online",
		peer && peer->online, "endpoint", json_endpoint(there ? &peer->endpoint : &d->endpoint), "last_handshake",
		control_json_time(peer ? peer->handshake : 0), "rx_bytes", (json_int_t)(peer ? peer->rx : 0), "tx_bytes",
		(json_int_t)(peer ? peer->tx : 0), "session", s ? control_json_session(g, s) : json_null());
	json_t *more = json_pack("{s:o, s:o, s:o, s:o, s:o}", "key_since", control_json_time(d->key_since), "next_key",
		json_next_key(d), "leavers", json_leavers(g, d), "replaces",
		d->replaces ? json_string(device_id_format(d->replaces, id)) : json_null(), "form", json_form(g, d->id));
	(void)json_object_update_new(json, more);
	return json;
}

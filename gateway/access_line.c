/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/access_line.h"

#include <errno.h>
#include <stdio.h>

#include "gateway/event_internal.h"
#include "gateway/jsonline.h"

static const struct {
	const char *head;
	bool traffic;
} actions[] = {
	[ACCESS_OPENED] = {"\"action\":\"connection-opened\",\"kind\":\"event\",\"category\":[\"network\"],"
			   "\"type\":[\"connection\",\"start\"],\"outcome\":\"success\"",
		false},
	[ACCESS_OPEN] = {"\"action\":\"connection-open\",\"kind\":\"event\",\"category\":[\"network\"],"
			 "\"type\":[\"connection\",\"info\"],\"outcome\":\"success\"",
		true},
	[ACCESS_CLOSED] = {"\"action\":\"connection-closed\",\"kind\":\"event\",\"category\":[\"network\"],"
			   "\"type\":[\"connection\",\"end\"],\"outcome\":\"success\"",
		true},
};

static void put_number(struct jsonline *l, const char *name, uint64_t number)
{
	jsonline_put(l, name);
	jsonline_number(l, number);
}

static void put_text(struct jsonline *l, const char *name, const char *text)
{
	jsonline_put(l, name);
	jsonline_text(l, text);
}

static void put_event(struct jsonline *l, const struct access_story *s)
{
	const struct flow_record *r = s->flow;
	jsonline_put(l, actions[s->action].head);
	if (s->reason)
		put_text(l, ",\"reason\":", s->reason);
	jsonline_put(l, ",\"start\":");
	jsonline_time(l, r->start);
	if (s->action == ACCESS_CLOSED) {
		jsonline_put(l, ",\"end\":");
		jsonline_time(l, r->end);
	}
	/* Not before it began: the clock may have been set back since. */
	if (actions[s->action].traffic)
		put_number(l, ",\"duration\":", r->end > r->start ? (uint64_t)(r->end - r->start) * 1000 : 0);
}

/* All addresses of the line once more, each once. */
static void put_addresses(struct jsonline *l, const struct access_story *s)
{
	const struct addr *all[5] = {&s->flow->source.addr, &s->flow->destination.addr, &s->outer->addr};
	size_t count = 3;
	if (s->session) {
		all[count++] = &s->session->device.v4;
		all[count++] = &s->session->device.v6;
	}
	jsonline_put(l, "\"related\":{\"ip\":[");
	for (size_t i = 0; i < count; i++) {
		bool told = !all[i]->family;
		for (size_t j = 0; j < i && !told; j++)
			told = addr_equal(all[i], all[j]);
		if (told)
			continue;
		jsonline_put(l, i ? "," : "");
		jsonline_address(l, all[i]);
	}
	jsonline_put(l, "]");
	if (s->session && s->session->row.opened) {
		put_text(l, ",\"user\":[", s->session->row.user);
		jsonline_put(l, "]");
	}
	jsonline_put(l, "},");
}

static void put_end(struct jsonline *l, const struct access_story *s, bool source)
{
	const struct flow_record *r = s->flow;
	const struct endpoint *e = source ? &r->source : &r->destination;
	jsonline_put(l, source ? "\"source\":{\"ip\":" : "\"destination\":{\"ip\":");
	jsonline_address(l, &e->addr);
	if (event_has_ports(r->proto))
		put_number(l, ",\"port\":", e->port);
	if (actions[s->action].traffic) {
		put_number(l, ",\"bytes\":", source ? r->source_bytes : r->destination_bytes);
		put_number(l, ",\"packets\":", source ? r->source_packets : r->destination_packets);
	}
	jsonline_put(l, "},");
}

static void put_network(struct jsonline *l, const struct flow_record *r)
{
	char id[COMMUNITY_ID_TEXT];
	const char *transport = event_transport(r->proto);
	put_number(l, "\"network\":{\"iana_number\":\"", r->proto);
	jsonline_put(l, r->source.addr.family == 4 ? "\",\"type\":\"ipv4\"" : "\",\"type\":\"ipv6\"");
	if (transport)
		put_text(l, ",\"transport\":", transport);
	if (event_community_id(r->proto, &r->source, &r->destination, id))
		put_text(l, ",\"community_id\":", id);
	jsonline_put(l, "},");
}

/* Up to where the rule's generation goes, and without the brace behind it. */
static void put_who(struct jsonline *l, const struct access_story *s)
{
	const struct session *session = s->session;
	char id[DEVICE_ID_TEXT], key[KEY_TEXT];
	if (session->row.opened) {
		put_text(l, "\"user\":{\"name\":", session->row.user);
		jsonline_put(l, "},");
	}
	put_text(l, "\"device\":{\"id\":", device_id_format(session->device.id, id));
	put_text(l, "},\"sekisho\":{\"device\":{\"key\":", key_format(&session->device.public_key, key));
	put_text(l, ",\"class\":", device_class_name(session->device.device_class));
	if (*session->device.label)
		put_text(l, ",\"label\":", session->device.label);
	jsonline_put(l, "}");
	if (s->outer->addr.family) {
		jsonline_put(l, ",\"endpoint\":{\"ip\":");
		jsonline_address(l, &s->outer->addr);
		put_number(l, ",\"port\":", s->outer->port);
		jsonline_put(l, "}");
	}
	if (session->row.opened) {
		put_number(l, ",\"session\":{\"id\":", session->row.serial);
		jsonline_put(l, ",\"opened\":");
		jsonline_time(l, session->row.opened);
		jsonline_put(l, "}");
	}
}

static bool is_of(const struct access_who *who, const struct access_story *s)
{
	return who->size && who->serial == s->session->serial && who->device == s->session->device.id &&
	       who->opened == s->session->row.opened && endpoint_equal(&who->outer, s->outer);
}

static void put_session(struct jsonline *l, const struct access_story *s, struct access_who *who)
{
	if (!is_of(who, s)) {
		struct jsonline fresh = {.data = who->text, .size = sizeof who->text};
		put_who(&fresh, s);
		l->full |= fresh.full;
		who->size = fresh.full ? 0 : fresh.used;
		who->serial = s->session->serial;
		who->device = s->session->device.id;
		who->opened = s->session->row.opened;
		who->outer = *s->outer;
	}
	jsonline_copy(l, who->text, who->size);
	if (s->rule) {
		put_number(l, ",\"acl\":{\"generation\":", s->generation);
		jsonline_put(l, "}");
	}
	jsonline_put(l, "},");
}

static void put_rest(struct jsonline *l, const struct access_story *s, struct access_who *who)
{
	char rule[EVENT_RULE_TEXT];
	if (s->session)
		put_session(l, s, who);
	if (s->rule) {
		put_text(l, "\"rule\":{\"name\":", event_rule_format(s->rule->file, s->rule->line, rule));
		jsonline_put(l, "},");
	}
	put_end(l, s, true);
	put_end(l, s, false);
	put_network(l, s->flow);
	put_addresses(l, s);
}

/* Terminated. */
static int finish(struct jsonline *l)
{
	if (l->full || l->used >= l->size)
		return -EMSGSIZE;
	l->data[l->used] = '\0';
	return 0;
}

int access_line(const struct access_story *s, struct access_who *who, char event[static ACCESS_EVENT_MAX],
	char rest[static ACCESS_REST_MAX])
{
	struct jsonline first = {.data = event, .size = ACCESS_EVENT_MAX}, second = {.data = rest, .size = ACCESS_REST_MAX};
	put_event(&first, s);
	put_rest(&second, s, who);
	return finish(&first) < 0 ? -EMSGSIZE : finish(&second);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The verb that changes what is known of a device, and what follows for who is logged in on it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/paths.h"
#include "common/say.h"
#include "gateway/control_internal.h"
#include "gateway/control_record.h"
#include "gateway/device.h"
#include "gateway/device_change.h"
#include "gateway/event.h"
#include "gateway/ledger_record.h"
#include "gateway/login.h"
#include "gateway/peer.h"
#include "gateway/session.h"

struct changing {
	struct exchange *x;
	const struct device_record *before, *after;
	const char *note;
};

static json_t *changed_event(const struct changing *c)
{
	char a[RECORD_TEXT], b[RECORD_TEXT], path[64];
	const struct device *d = &c->after->device;
	json_t *e = event_new("device-changed", "success", NULL);
	event_device(e, d);
	event_admin(e, &c->x->by);
	for (unsigned i = 0; i < RECORD_FIELDS; i++) {
		if (!strcmp(device_record_text(c->before, i, a), device_record_text(c->after, i, b)))
			continue;
		event_append_text(e, "sekisho.device.changed", device_record_name(i));
		snprintf(path, sizeof path, "sekisho.device.before.%s", device_record_name(i));
		event_text(e, path, a);
		snprintf(path, sizeof path, "sekisho.device.after.%s", device_record_name(i));
		event_text(e, path, b);
	}
	event_text(e, "sekisho.note", c->note);
	for (unsigned i = 0; i < d->user_count; i++)
		event_append_text(e, "related.user", d->users[i]);
	return e;
}

static json_t *changed_events(void *arg)
{
	return json_pack("[o]", changed_event(arg));
}

static int change_ledger(void *arg)
{
	const struct changing *c = arg;
	return ledger_record_change(c->x->gateway->ledger, c->before, c->after, &c->x->by, time_now());
}

/* Takes what the request says into `after`, which is a copy of what there is. */
static bool take(struct exchange *x, struct device_record *after, const char **note)
{
	const char *verb, *id, *label = NULL, *device_class = NULL;
	json_t *users = NULL, *form = NULL, *from = NULL, *until = NULL;
	struct record_fault fault = {0};
	if (!exchange_unpack(x, "{s:s, s:s, s?o, s?s, s?s, s?o, s?o, s?o, s?s}", "verb", &verb, "id", &id, "users", &users,
		    "label", &label, "class", &device_class, "valid_from", &from, "valid_until", &until, "form", &form, "note",
		    note))
		return false;
	const json_int_t starts = json_integer_value(from), ends = json_integer_value(until);
	if ((from && !json_is_integer(from)) || (until && !json_is_integer(until))) {
		exchange_error(x, "invalid", "use a sekisho command of the gateway's own version", "an instant is no number");
		return false;
	}
	if ((users && !record_take_users(users, &after->device, &fault)) ||
		!record_take_details(label, device_class, &after->device, &fault) ||
		!record_take_period(from ? &starts : NULL, until ? &ends : NULL, &after->device, &fault) ||
		!record_take_form(form, &after->form, &fault)) {
		exchange_error(x, "invalid", fault.hint, "%s", fault.text);
		return false;
	}
	return true;
}

/* A form that was complete stays so; one that never was need not become so at once. */
static bool still_complete(struct exchange *x, const struct device_record *before, const struct device_record *after)
{
	struct record_fault fault = {0};
	if (record_is_complete(&x->gateway->settings, after, &fault) ||
		!record_is_complete(&x->gateway->settings, before, &(struct record_fault){0}))
		return true;
	exchange_error(x, "invalid", fault.hint, "%s", fault.text);
	return false;
}

/* Who is on the device must be one who may, by the rules of what it is now. */
static void follow(struct gateway *g, const struct device *d)
{
	struct peer *peer = peer_by_device(g, d->id);
	if (peer) {
		peer->valid_until = d->valid_until;
		peer->judged_by = 0;
	}
	login_drop_device(g, d->id);
	sessions_device(g, d);
	if (device_judge(d, time_now()) && peer_remove(g, d, session_end_name(END_PERIOD)) < 0)
		say_error("cannot take device d%u out of WireGuard; trying again with each look at the peers", d->id);
}

static void change(struct exchange *x, struct device_record *before)
{
	struct device_record after = *before;
	const char *note = NULL;
	if (!take(x, &after, &note) || !still_complete(x, before, &after))
		return;
	const bool differs = device_records_differ(before, &after);
	struct changing changing = {x, before, &after, note};
	struct device_grant grant = {.gateway = x->gateway, .event = changed_events, .change = change_ledger, .arg = &changing};
	int r = differs ? device_grant(&grant) : 0;
	if (r < 0) {
		exchange_error(x, "failed", grant.unrecorded ? control_unrecordable : control_make_room,
			"nothing has changed, the %s cannot be written: %s", grant.unrecorded ? "log" : "ledger", strerror(-r));
		return;
	}
	if (differs)
		follow(x->gateway, &after.device);
	exchange_end(
		x, json_pack("{s:o, s:b}", "device", control_json_device(x->gateway, &after.device), "changed", (int)differs));
}

void control_device_change(struct exchange *x)
{
	struct device_record before;
	const char *id = json_string_value(json_object_get(x->request, "id"));
	if (!exchange_device(x, id ? id : "", &before.device))
		return;
	int r = ledger_form(x->gateway->ledger, before.device.id, &before.form);
	if (r < 0)
		exchange_error(x, "failed", control_make_room, "cannot read the ledger: %s", strerror(-r));
	else if (before.device.status == DEVICE_REVOKED)
		exchange_error(x, "conflict", "a revoked device is done with", "device %s is revoked", id);
	else
		change(x, &before);
}

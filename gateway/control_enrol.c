/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The verbs that register devices: one, or many at once. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "common/paths.h"
#include "common/secret.h"
#include "gateway/control_internal.h"
#include "gateway/control_record.h"
#include "gateway/device_change.h"
#include "gateway/event.h"
#include "gateway/ledger_record.h"

json_t *control_json_server(struct gateway *g)
{
	char key[KEY_TEXT], text[ADDR_TEXT], endpoint[CONTROL_ENDPOINT_TEXT], portal[SETTINGS_PORTAL_HOST];
	const struct settings *s = &g->settings;
	json_t *dns = json_array(), *search = json_array();
	for (unsigned i = 0; i < s->resolver_count; i++)
		(void)json_array_append_new(dns, json_string(addr_format(&s->resolvers[i], text)));
	for (unsigned i = 0; i < s->search_count; i++)
		(void)json_array_append_new(search, json_string(s->search[i]));
	return json_pack("{s:s, s:s, s:o, s:s, s:o, s:s}", "public_key", key_format(handshake_public(g->handshake), key),
		"endpoint", control_endpoint(s, endpoint), "dns", dns, "portal", settings_portal_host(s, portal), "search",
		search, "label", s->label);
}

static json_t *added_event(struct exchange *x, const struct device *d)
{
	char id[DEVICE_ID_TEXT];
	json_t *e = event_new("device-added", "success", NULL);
	event_device(e, d);
	event_admin(e, &x->by);
	event_text(e, "sekisho.device.status", device_status_name(d->status));
	if (d->replaces)
		event_text(e, "sekisho.device.replaces", device_id_format(d->replaces, id));
	for (unsigned i = 0; i < d->user_count; i++)
		event_append_text(e, "related.user", d->users[i]);
	return e;
}

json_t *control_json_enrolled(struct gateway *g, const struct device *d)
{
	char key[KEY_TEXT];
	json_t *preshared = key_is_zero(&d->preshared) ? json_null() : json_string(key_format(&d->preshared, key));
	secret_wipe(key, sizeof key);
	return json_pack("{s:o, s:o}", "device", control_json_device(g, d), "preshared_key", preshared);
}

bool control_make_keys(
	struct exchange *x, const struct key *public_key, bool preshared, struct key *out, struct record_fault *fault)
{
	if (key_equal(public_key, handshake_public(x->gateway->handshake))) {
		*fault = (struct record_fault){
			"this is the gateway's own public key", "give the phone's public key, not the gateway's"};
		return false;
	}
	if (preshared && getrandom(out->bytes, KEY_SIZE, 0) != KEY_SIZE) {
		*fault = (struct record_fault){"no random numbers to be had", "try again"};
		return false;
	}
	return true;
}

/* Takes one device of a request: what can be said of it without the ledger. */
static bool take(struct exchange *x, const json_t *object, struct ledger_entry *e, struct record_fault *fault)
{
	bool preshared;
	struct device *d = &e->record.device;
	d->status = DEVICE_ACTIVE;
	if (!record_take_new(object, &e->record, &preshared, fault) ||
		!record_is_complete(&x->gateway->settings, &e->record, fault))
		return false;
	return control_make_keys(x, &d->public_key, preshared, &d->preshared, fault);
}

/* What is about to be registered. */
struct adding {
	struct exchange *x;
	struct ledger_entry *list;
	size_t count;
	bool rehearse;
};

static json_t *added_events(void *arg)
{
	const struct adding *a = arg;
	json_t *events = json_array();
	for (size_t i = 0; i < a->count; i++)
		(void)json_array_append_new(events, added_event(a->x, &a->list[i].record.device));
	return events;
}

static int add_to_ledger(void *arg)
{
	const struct adding *a = arg;
	struct gateway *g = a->x->gateway;
	return ledger_devices_add(
		g->ledger, a->list, a->count, &g->settings.tunnel4, &g->settings.tunnel6, &a->x->by, a->rehearse, time_now());
}

/* Registers the entries and answers for a failure that is nobody's key. 0, -EEXIST, or -errno with the answer made. */
static int put(struct exchange *x, struct ledger_entry *list, size_t count, bool rehearse)
{
	struct adding adding = {x, list, count, rehearse};
	struct device_grant grant = {.gateway = x->gateway, .event = added_events, .change = add_to_ledger, .arg = &adding};
	int r = device_grant(&grant);
	if (grant.unrecorded)
		exchange_error(x, "failed", control_unrecordable, "nothing can be recorded now (%s), so no device is added",
			strerror(-r));
	else if (r == -EADDRNOTAVAIL)
		exchange_error(x, "failed", "set a larger tunnel-network in " PATH_CONFIG,
			"the tunnel network has no address left; addresses are never given twice");
	else if (r < 0 && r != -EEXIST)
		exchange_error(x, "failed", control_make_room, "cannot write the ledger: %s", strerror(-r));
	return grant.unrecorded ? -EIO : r;
}

/* ---- one ---- */

/* The lost device whose place the new one takes, and whose key never comes back. */
static bool replaced(struct exchange *x, struct device *d)
{
	struct device lost;
	const char *id = json_string_value(json_object_get(x->request, "replaces"));
	if (!id)
		return true;
	if (!exchange_device(x, id, &lost))
		return false;
	if (lost.status != DEVICE_LOST)
		exchange_error(x, "conflict", "`sekisho device resume` is for suspended ones", "device %s is %s, not lost", id,
			device_status_name(lost.status));
	d->replaces = lost.id;
	(void)json_object_del(x->request, "replaces");
	return !x->ended;
}

static void add(struct exchange *x, struct ledger_entry *entry)
{
	struct record_fault fault = {0};
	if (!replaced(x, &entry->record.device))
		return;
	(void)json_object_del(x->request, "verb");
	if (!take(x, x->request, entry, &fault)) {
		exchange_error(x, "invalid", fault.hint, "%s", fault.text);
		return;
	}
	int r = put(x, entry, 1, false);
	if (r == -EEXIST)
		exchange_error(x, "conflict", "make a new key on the phone; a key is never used twice",
			"this public key is or was in use");
	if (r < 0)
		return;
	json_t *end = control_json_enrolled(x->gateway, &entry->record.device);
	(void)json_object_set_new(end, "server", control_json_server(x->gateway));
	exchange_end(x, end);
}

void control_device_add(struct exchange *x)
{
	struct ledger_entry entry = {0};
	add(x, &entry);
	secret_wipe(&entry, sizeof entry);
}

/* ---- many ---- */

static void say_fault(json_t *mistakes, const json_t *object, const char *text)
{
	char safe[1024];
	(void)json_array_append_new(mistakes, json_pack("{s:I, s:s}", "row", json_integer_value(json_object_get(object, "row")),
						      "text", text_safe(text, safe, sizeof safe)));
}

static void take_all(struct exchange *x, const json_t *devices, struct ledger_entry *list, json_t *mistakes)
{
	for (size_t i = 0; i < json_array_size(devices); i++) {
		struct record_fault fault = {0};
		json_t *object = json_copy(json_array_get(devices, i));
		(void)json_object_del(object, "row");
		if (!take(x, object, &list[i], &fault))
			say_fault(mistakes, json_array_get(devices, i), fault.text);
		json_decref(object);
	}
}

static void answer_mistakes(struct exchange *x, json_t *mistakes)
{
	exchange_error(x, "invalid", "mend what is shown and try again", "refused; no device was added");
	(void)json_object_set(json_array_get(x->answers, 0), "mistakes", mistakes);
}

static void answer_added(struct exchange *x, const struct ledger_entry *list, size_t count, bool rehearse)
{
	for (size_t i = 0; i < count && !rehearse; i++)
		exchange_row(x, control_json_enrolled(x->gateway, &list[i].record.device));
	exchange_end(x, json_pack("{s:o, s:i, s:b}", "server", control_json_server(x->gateway), "devices", (int)count, "dry_run",
				rehearse));
}

static void import(struct exchange *x, const json_t *devices, bool rehearse)
{
	const size_t count = json_array_size(devices);
	struct ledger_entry *list = calloc(count, sizeof *list);
	json_t *mistakes = json_array();
	int r = -ENOMEM;
	if (!list || !mistakes) {
		exchange_error(x, "failed", "free some memory and try again", "out of memory");
		goto out;
	}
	take_all(x, devices, list, mistakes);
	if (!json_array_size(mistakes))
		r = put(x, list, count, rehearse);
	for (size_t i = 0; i < count && r == -EEXIST; i++)
		if (list[i].result == -EEXIST)
			say_fault(mistakes, json_array_get(devices, i),
				"this public key is or was in use; make a new one on the phone, a key is never used twice");
	if (json_array_size(mistakes))
		answer_mistakes(x, mistakes);
	else if (r == 0)
		answer_added(x, list, count, rehearse);
out:
	if (list)
		secret_wipe(list, count * sizeof *list);
	free(list);
	json_decref(mistakes);
}

void control_device_import(struct exchange *x)
{
	const char *verb;
	json_t *devices = NULL;
	int rehearse = 0;
	if (!exchange_unpack(x, "{s:s, s:o, s?b}", "verb", &verb, "devices", &devices, "dry_run", &rehearse))
		return;
	if (!json_is_array(devices) || !json_array_size(devices) || json_array_size(devices) > CONTROL_IMPORT_MAX)
		exchange_error(x, "invalid", "split the file", "1 to %d devices can be added at once", CONTROL_IMPORT_MAX);
	else
		import(x, devices, rehearse);
}

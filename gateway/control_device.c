/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "common/paths.h"
#include "common/say.h"
#include "gateway/control_internal.h"
#include "gateway/device_change.h"
#include "gateway/event.h"

static const char look_up[] = "`sekisho device list` shows all devices";
static const char unrecordable[] = "`sekisho status` tells what is wrong with the logs; make room in " PATH_LOG_DIR;
static const char make_room[] = "check space and permissions of " PATH_STATE_DIR ", then try again";

/* ---- adding ---- */

static bool add_users(struct exchange *x, const json_t *users, struct device *d)
{
	if (!json_is_array(users) || !json_array_size(users) || json_array_size(users) > DEVICE_USERS_MAX) {
		exchange_error(x, "invalid", "name the users of the device: sekisho device add USER...",
			"a device needs 1 to %d users", DEVICE_USERS_MAX);
		return false;
	}
	for (size_t i = 0; i < json_array_size(users); i++) {
		const char *name = json_string_value(json_array_get(users, i));
		if (!name || !text_name_valid(name)) {
			exchange_error(x, "invalid", "a name has 1 to 64 letters, digits, '.', '_', '-', '@'",
				"'%s' is no user name", name ? name : "");
			return false;
		}
		for (unsigned j = 0; j < d->user_count; j++) {
			if (!strcmp(d->users[j], name)) {
				exchange_error(x, "invalid", "name each user once", "user %s is named twice", name);
				return false;
			}
		}
		snprintf(d->users[d->user_count++], sizeof *d->users, "%s", name);
	}
	return true;
}

static bool add_details(struct exchange *x, const char *label, const char *device_class, const char *public_key, struct device *d)
{
	if (strlen(label) >= sizeof d->label || !text_utf8_valid(label, strlen(label))) {
		exchange_error(x, "invalid", "shorten it", "the label is longer than %zu bytes", sizeof d->label - 1);
		return false;
	}
	text_safe(label, d->label, sizeof d->label);
	if (device_class_parse(device_class, &d->device_class) < 0) {
		exchange_error(x, "invalid", "choose ministry, private or shared", "'%s' is no class of device", device_class);
		return false;
	}
	if (key_parse(public_key, &d->public_key) < 0 || key_is_zero(&d->public_key)) {
		exchange_error(x, "invalid", "copy it from the phone's tunnel: 44 characters of base64",
			"this is no WireGuard public key");
		return false;
	}
	if (d->valid_from && d->valid_until && d->valid_from >= d->valid_until) {
		exchange_error(x, "invalid", "let the period end after it begins", "the period of use is empty");
		return false;
	}
	return true;
}

static json_t *server_json(struct gateway *g)
{
	char key[KEY_TEXT], text[ADDR_TEXT], endpoint[CONTROL_ENDPOINT_TEXT];
	const struct settings *s = &g->settings;
	json_t *dns = json_array(), *search = json_array();
	for (unsigned i = 0; i < s->resolver_count; i++)
		(void)json_array_append_new(dns, json_string(addr_format(&s->resolvers[i], text)));
	for (unsigned i = 0; i < s->search_count; i++)
		(void)json_array_append_new(search, json_string(s->search[i]));
	return json_pack("{s:s, s:s, s:o, s:s, s:o, s:s}", "public_key", key_format(handshake_public(g->handshake), key),
		"endpoint", control_endpoint(s, endpoint), "dns", dns, "portal", s->portal_name, "search", search, "label",
		s->label);
}

struct adding {
	struct exchange *x;
	struct device *device;
};

static json_t *added_event(void *arg)
{
	const struct adding *a = arg;
	const struct device *d = a->device;
	json_t *e = event_new("device-added", "success", NULL);
	event_device(e, d);
	event_admin(e, &a->x->by);
	event_text(e, "sekisho.device.status", device_status_name(d->status));
	for (unsigned i = 0; i < d->user_count; i++)
		event_append_text(e, "related.user", d->users[i]);
	return e;
}

static int add_to_ledger(void *arg)
{
	const struct adding *a = arg;
	struct gateway *g = a->x->gateway;
	return ledger_device_add(g->ledger, a->device, &g->settings.tunnel4, &g->settings.tunnel6, &a->x->by, time_now());
}

static void add_answer(struct exchange *x, const struct device *d)
{
	char key[KEY_TEXT];
	json_t *preshared = key_is_zero(&d->preshared) ? json_null() : json_string(key_format(&d->preshared, key));
	exchange_end(x, json_pack("{s:o, s:o, s:o}", "device", control_json_device(x->gateway, d), "preshared_key", preshared,
				"server", server_json(x->gateway)));
	secret_wipe(key, sizeof key);
}

static void add_device(struct exchange *x, struct device *d)
{
	struct gateway *g = x->gateway;
	if (key_equal(&d->public_key, handshake_public(g->handshake))) {
		exchange_error(
			x, "invalid", "give the phone's public key, not the gateway's", "this is the gateway's own public key");
		return;
	}
	struct adding adding = {x, d};
	struct device_grant grant = {.gateway = g, .event = added_event, .change = add_to_ledger, .arg = &adding};
	int r = device_grant(&grant);
	if (grant.unrecorded) {
		exchange_error(
			x, "failed", unrecordable, "nothing can be recorded now (%s), so no device is added", strerror(-r));
	} else if (r == -EEXIST) {
		exchange_error(x, "conflict", "make a new key on the phone; a key is never used twice",
			"this public key is or was in use");
	} else if (r == -EADDRNOTAVAIL) {
		exchange_error(x, "failed", "set a larger tunnel-network in " PATH_CONFIG,
			"the tunnel network has no address left; addresses are never given twice");
	} else if (r < 0) {
		exchange_error(x, "failed", make_room, "cannot write the ledger: %s", strerror(-r));
	} else {
		add_answer(x, d);
	}
}

void control_device_add(struct exchange *x)
{
	struct device d = {.status = DEVICE_ACTIVE};
	json_t *users = NULL;
	const char *verb, *label = "", *device_class = "ministry", *public_key;
	json_int_t from = 0, until = 0;
	int preshared = 1;
	if (!exchange_unpack(x, "{s:s, s:o, s?s, s?s, s:s, s?b, s?I, s?I}", "verb", &verb, "users", &users, "label", &label,
		    "class", &device_class, "public_key", &public_key, "preshared", &preshared, "valid_from", &from,
		    "valid_until", &until))
		return;
	d.valid_from = from > 0 ? from : 0;
	d.valid_until = until > 0 ? until : 0;
	if (!add_users(x, users, &d) || !add_details(x, label, device_class, public_key, &d))
		return;
	if (preshared && getrandom(d.preshared.bytes, KEY_SIZE, 0) != KEY_SIZE)
		exchange_error(x, "failed", "try again", "no random numbers to be had");
	else
		add_device(x, &d);
	secret_wipe(&d.preshared, sizeof d.preshared);
}

/* ---- looking ---- */

bool exchange_device(struct exchange *x, const char *text, struct device *d)
{
	uint32_t id;
	int r = device_id_parse(text, &id);
	if (r < 0) {
		exchange_error(x, "invalid", look_up, "'%s' is no device id; they look like d7", text);
		return false;
	}
	r = ledger_device_by_id(x->gateway->ledger, id, d);
	if (r == -ENOENT)
		exchange_error(x, "not-found", look_up, "there is no device %s", text);
	else if (r < 0)
		exchange_error(x, "failed", make_room, "cannot read the ledger: %s", strerror(-r));
	if (r == 0)
		secret_wipe(&d->preshared, sizeof d->preshared);
	return r == 0;
}

struct listing {
	struct exchange *x;
	const char *status;
};

static int list_device(const struct device *d, void *arg)
{
	struct listing *listing = arg;
	if (!listing->status || !strcmp(listing->status, device_status_name(d->status)))
		exchange_row(listing->x, control_json_device(listing->x->gateway, d));
	return 0;
}

void control_device_list(struct exchange *x)
{
	const char *verb;
	struct listing listing = {.x = x};
	if (!exchange_unpack(x, "{s:s, s?s}", "verb", &verb, "status", &listing.status))
		return;
	int r = ledger_devices(x->gateway->ledger, list_device, &listing);
	if (r < 0)
		exchange_error(x, "failed", make_room, "cannot read the ledger: %s", strerror(-r));
	else
		exchange_end(x, json_object());
}

void control_device_show(struct exchange *x)
{
	const char *verb, *id;
	struct device d;
	if (exchange_unpack(x, "{s:s, s:s}", "verb", &verb, "id", &id) && exchange_device(x, id, &d))
		exchange_end(x, json_pack("{s:o}", "device", control_json_device(x->gateway, &d)));
}

/* ---- changing the status ---- */

/* The desk lets in again what the desk has shut out: whoever else suspended a device had reasons that the desk may not know. */
static bool may_resume(struct exchange *x, const struct device *d)
{
	struct status_change last;
	if (x->by.role >= ROLE_ADMIN)
		return true;
	int r = ledger_device_last_change(x->gateway->ledger, d->id, &last);
	return exchange_allowed(x, r == 0 && !strcmp(last.role, role_name(ROLE_DESK)) ? ROLE_DESK : ROLE_ADMIN);
}

static void change(struct exchange *x, enum device_status to)
{
	const char *verb, *id, *note = NULL;
	struct device d;
	struct device_change done;
	if (!exchange_unpack(x, "{s:s, s:s, s?s}", "verb", &verb, "id", &id, "note", &note) || !exchange_device(x, id, &d))
		return;
	if (note && strlen(note) > DEVICE_NOTE_MAX) {
		exchange_error(x, "invalid", "shorten it", "the note is longer than %d bytes", DEVICE_NOTE_MAX);
		return;
	}
	if (to == DEVICE_ACTIVE && d.status == DEVICE_SUSPENDED && !may_resume(x, &d))
		return;
	int r = device_change(x->gateway, &d, to, &x->by, note, &done);
	if (r == -EPERM)
		exchange_error(x, "conflict", "a lost or revoked device never comes back; add it again with a new key",
			"device %s is %s", id, device_status_name(d.status));
	else if (r < 0 && done.unrecorded)
		exchange_error(x, "failed", unrecordable, "nothing can be recorded now (%s), so the device stays %s",
			strerror(-r), device_status_name(d.status));
	else if (r < 0)
		exchange_error(x, "failed", make_room,
			"%s, but the ledger could not be written: %s. Until it is, the device can come back",
			to == DEVICE_ACTIVE ? "nothing has changed" : "the device is cut off", strerror(-r));
	else if (done.kernel < 0)
		exchange_error(x, "failed", "`sekisho status` tells when it is out",
			"recorded, but WireGuard still holds the device: %s", strerror(-done.kernel));
	else
		exchange_end(x, json_pack("{s:o, s:i}", "device", control_json_device(x->gateway, &d), "sessions_ended",
					(int)done.sessions_ended));
}

void control_device_suspend(struct exchange *x)
{
	change(x, DEVICE_SUSPENDED);
}

void control_device_resume(struct exchange *x)
{
	change(x, DEVICE_ACTIVE);
}

void control_device_lost(struct exchange *x)
{
	change(x, DEVICE_LOST);
}

void control_device_revoke(struct exchange *x)
{
	change(x, DEVICE_REVOKED);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <string.h>

#include "common/paths.h"
#include "common/secret.h"
#include "gateway/control_internal.h"
#include "gateway/device_change.h"

static const char look_up[] = "`sekisho device list` shows all devices";
const char control_unrecordable[] = "`sekisho status` tells what is wrong with the logs; make room in " PATH_LOG_DIR;
const char control_make_room[] = "check space and permissions of " PATH_STATE_DIR ", then try again";

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
		exchange_error(x, "failed", control_make_room, "cannot read the ledger: %s", strerror(-r));
	if (r == 0)
		secret_wipe(&d->preshared, sizeof d->preshared);
	return r == 0;
}

static void list_part(struct exchange *x)
{
	const char *status = json_string_value(json_object_get(x->request, "status"));
	struct device d;
	int r = 0;
	for (unsigned i = 0; i < EXCHANGE_PART; i++) {
		r = ledger_device_after(x->gateway->ledger, (uint32_t)x->position.number, &d);
		if (r < 0)
			break;
		x->position.number = d.id;
		if (!status || !strcmp(status, device_status_name(d.status)))
			exchange_row(x, control_json_device(x->gateway, &d));
	}
	secret_wipe(&d.preshared, sizeof d.preshared);
	if (r == -ENOENT)
		exchange_end(x, json_object());
	else if (r < 0)
		exchange_error(x, "failed", control_make_room, "cannot read the ledger: %s", strerror(-r));
}

void control_device_list(struct exchange *x)
{
	const char *verb, *status = NULL;
	enum device_status known;
	if (!exchange_unpack(x, "{s:s, s?s}", "verb", &verb, "status", &status))
		return;
	if (status && device_status_parse(status, &known) < 0) {
		exchange_error(
			x, "invalid", "choose active, suspended, lost or revoked", "'%s' is no status of a device", status);
		return;
	}
	x->more = list_part;
	list_part(x);
}

void control_device_show(struct exchange *x)
{
	const char *verb, *id;
	struct device d;
	if (exchange_unpack(x, "{s:s, s:s}", "verb", &verb, "id", &id) && exchange_device(x, id, &d))
		exchange_end(x, json_pack("{s:o}", "device", control_json_device(x->gateway, &d)));
}

/* ---- changing the status ---- */

/* The desk lets in again what the desk has shut out, or a user on the login page: whoever else suspended a device had reasons that the desk may not know. */
static bool may_resume(struct exchange *x, const struct device *d)
{
	struct status_change last;
	if (x->by.role >= ROLE_ADMIN)
		return true;
	int r = ledger_device_last_change(x->gateway->ledger, d->id, &last);
	bool desks = r == 0 && (!strcmp(last.role, role_name(ROLE_DESK)) || !strcmp(last.role, role_name(ROLE_NONE)));
	return exchange_allowed(x, desks ? ROLE_DESK : ROLE_ADMIN);
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
		exchange_error(x, "failed", control_unrecordable, "nothing can be recorded now (%s), so the device stays %s",
			strerror(-r), device_status_name(d.status));
	else if (r < 0)
		exchange_error(x, "failed", control_make_room,
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

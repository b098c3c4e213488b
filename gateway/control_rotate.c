/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The verbs that give a device another key, and take back one that was not used. */
#include <errno.h>
#include <string.h>

#include "common/paths.h"
#include "common/secret.h"
#include "gateway/control_internal.h"
#include "gateway/control_record.h"
#include "gateway/nextkey.h"
#include "gateway/rotation.h"

static const char not_now[] =
	"an active or suspended device can have another key; for a lost one there is `sekisho device found`";

static bool note_fits(struct exchange *x, const char *note)
{
	if (note && strlen(note) > DEVICE_NOTE_MAX)
		exchange_error(x, "invalid", "shorten it", "the note is longer than %d bytes", DEVICE_NOTE_MAX);
	return !x->ended;
}

static bool may_rotate(struct exchange *x, const char *id, struct device *d)
{
	if (!exchange_device(x, id, d))
		return false;
	if (d->status != DEVICE_ACTIVE && d->status != DEVICE_SUSPENDED)
		exchange_error(x, "conflict", not_now, "device %s is %s", id, device_status_name(d->status));
	return !x->ended;
}

static bool take_keys(struct exchange *x, const char *public_key, bool preshared, struct key_pair *out)
{
	struct record_fault fault = {0};
	if (record_take_key(public_key, &out->public_key, &fault) &&
		control_make_keys(x, &out->public_key, preshared, &out->preshared, &fault))
		return true;
	exchange_error(x, "invalid", fault.hint, "%s", fault.text);
	return false;
}

/* The gateway's key that the configuration is for. */
static bool take_server(struct exchange *x, bool next, struct key *out)
{
	char why[512];
	*out = *handshake_public(x->gateway->handshake);
	int r = next ? nextkey_public(out, why, sizeof why) : 0;
	if (r == -ENOENT)
		exchange_error(x, "conflict", "sudo sekisho gateway-key next", "no next key of the gateway is prepared");
	else if (r < 0)
		exchange_error(x, "failed", "mend the file", "%s", why);
	return r == 0;
}

static void answer(struct exchange *x, const struct rotation *r, const struct key *server_key)
{
	char key[KEY_TEXT];
	json_t *server = control_json_server(x->gateway);
	struct device with_key = r->device;
	with_key.preshared = r->next.preshared;
	json_t *end = control_json_enrolled(x->gateway, &with_key);
	secret_wipe(&with_key.preshared, sizeof with_key.preshared);
	(void)json_object_set_new(server, "public_key", json_string(key_format(server_key, key)));
	(void)json_object_set_new(end, "server", server);
	(void)json_object_set_new(end, "sessions_ended", json_integer(r->sessions_ended));
	exchange_end(x, end);
}

static void rotate(struct exchange *x, struct rotation *r, const char *id, const struct key *server_key)
{
	int ret = rotation_begin(r);
	if (r->unrecorded)
		exchange_error(x, "failed", control_unrecordable, "nothing can be recorded now (%s), so device %s has no new key",
			strerror(-ret), id);
	else if (ret == -EEXIST)
		exchange_error(x, "conflict", "make a new key on the phone; a key is never used twice",
			"this public key is or was in use");
	else if (ret < 0)
		exchange_error(x, "failed", control_make_room, "cannot write the ledger: %s; device %s has no new key",
			strerror(-ret), id);
	else
		answer(x, r, server_key);
}

void control_device_rotate(struct exchange *x)
{
	const char *verb, *id, *public_key;
	json_int_t within = x->gateway->settings.key_overlap_seconds;
	int preshared = 1, at_once = 0, next_gateway = 0;
	struct key server_key;
	struct rotation r = {.gateway = x->gateway, .by = &x->by};
	if (!exchange_unpack(x, "{s:s, s:s, s:s, s?b, s?I, s?b, s?b, s?s}", "verb", &verb, "id", &id, "public_key", &public_key,
		    "preshared", &preshared, "within", &within, "at_once", &at_once, "next_gateway_key", &next_gateway, "note",
		    &r.note) ||
		!note_fits(x, r.note) || !may_rotate(x, id, &r.device))
		return;
	if (within < KEY_OVERLAP_LEAST || within > KEY_OVERLAP_MOST) {
		exchange_error(
			x, "invalid", "choose a time from 10s to 90d", "%" JSON_INTEGER_FORMAT " s are not possible", within);
		return;
	}
	r.until = time_now() + within * 1000000;
	r.at_once = at_once;
	if (take_server(x, next_gateway, &server_key) && take_keys(x, public_key, preshared, &r.next))
		rotate(x, &r, id, &server_key);
	secret_wipe(&r, sizeof r);
}

void control_device_rotate_cancel(struct exchange *x)
{
	const char *verb, *id, *note = NULL;
	struct device d;
	if (!exchange_unpack(x, "{s:s, s:s, s?s}", "verb", &verb, "id", &id, "note", &note) || !note_fits(x, note) ||
		!exchange_device(x, id, &d))
		return;
	int r = rotation_withdraw(x->gateway, d.id, &x->by, note);
	if (r == -ENOENT)
		exchange_error(x, "conflict", "`sekisho device show` tells which key the device has, and since when",
			"device %s has no next key, or has come with it already", id);
	else if (r < 0)
		exchange_error(x, "failed", control_make_room,
			"cannot write the ledger: %s; the key is good until it can, or its time is up", strerror(-r));
	else if (exchange_device(x, id, &d))
		exchange_end(x, json_pack("{s:o}", "device", control_json_device(x->gateway, &d)));
}

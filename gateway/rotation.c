/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/rotation.h"

#include <errno.h>
#include <string.h>

#include "common/paths.h"
#include "common/say.h"
#include "common/secret.h"
#include "gateway/device_change.h"
#include "gateway/event.h"
#include "gateway/peer.h"
#include "gateway/session.h"

static const int64_t FRESH_USEC = 15000000; /* a handshake that comes to something takes no longer */

/* `key` is the new one, at "new_key", or the one that was retired, at "old_key": beside the device's own. */
static json_t *rotated(const struct device *d, const char *reason, const char *path, const struct key *key,
	const struct actor *by, const char *note)
{
	char text[KEY_TEXT];
	json_t *e = event_new("device-rotated", "success", reason);
	event_device(e, d);
	event_text(e, path, key_format(key, text));
	if (by)
		event_admin(e, by);
	event_text(e, "sekisho.note", note);
	for (unsigned i = 0; i < d->user_count; i++)
		event_append_text(e, "related.user", d->users[i]);
	return e;
}

static void record(struct gateway *g, const struct device *d, json_t *event)
{
	if (log_write(g->log, LOG_AUDIT, time_now(), event, true) < 0)
		say_error("what became of the next key of device d%u could not be recorded; make room in " PATH_LOG_DIR, d->id);
}

static int device_get(struct gateway *g, uint32_t id, struct device *d)
{
	int r = ledger_device_by_id(g->ledger, id, d);
	if (r == 0)
		secret_wipe(&d->preshared, sizeof d->preshared);
	return r;
}

/* ---- which key is it? ---- */

/* The peer of the device if that is its next key, not confirmed as far as we know. */
static struct peer *unsettled(struct gateway *g, uint32_t device)
{
	struct peer *peer = peer_by_device(g, device);
	return peer && peer->unconfirmed ? peer : NULL;
}

static int confirm(struct gateway *g, uint32_t id, const struct key *next, const struct endpoint *from)
{
	struct device d;
	int r = device_get(g, id, &d);
	if (r < 0)
		return r;
	/* There is none, unless its end could not be written when the key came in. */
	(void)session_end_device(g, id, END_KEY);
	r = ledger_key_promote(g->ledger, id, next, time_now());
	if (r < 0)
		return r;
	const struct key old = d.public_key;
	d.public_key = *next;
	json_t *e = rotated(&d, "confirmed", "sekisho.device.old_key", &old, NULL, NULL);
	event_endpoint(e, from);
	record(g, &d, e);
	return 0;
}

static void confirm_all(struct gateway *g)
{
	struct peer *peer = peer_next(g, NULL), *next;
	for (; peer; peer = next) {
		next = peer_next(g, peer);
		if (!peer->unconfirmed || !peer->handshake)
			continue;
		const uint32_t id = peer->device;
		const struct key key = peer->key;
		const struct endpoint from = peer->endpoint;
		int r = confirm(g, id, &key, &from);
		peer = peer_by_key(g, &key);
		if (r == 0 && peer)
			peer->unconfirmed = false;
		else if (r < 0)
			say_error(
				"device d%u has come with its next key, but the ledger cannot be written: %s; its former key is "
				"good until it can; check space in " PATH_STATE_DIR,
				id, strerror(-r));
	}
}

void rotations_look(struct gateway *g)
{
	int r = peers_poll(g);
	if (r < 0)
		say_warning("cannot look at WireGuard's peers: %s; trying again", strerror(-r));
	confirm_all(g);
}

bool rotation_settled(struct gateway *g, uint32_t device)
{
	if (!unsettled(g, device))
		return true;
	rotations_look(g);
	return !unsettled(g, device);
}

int rotation_make_way(struct gateway *g, const struct device *d)
{
	struct device now;
	unsigned ended;
	if (d->key_use == KEY_CURRENT && !peer_by_device(g, d->id))
		return 0;
	if (!rotation_settled(g, d->id)) {
		/* The next key has knocked and got no further; whichever knocks is let try. */
	} else if (d->key_use == KEY_CURRENT) {
		int r = device_get(g, d->id, &now);
		if (r < 0)
			return r;
		if (!key_equal(&now.public_key, &d->public_key))
			return -EKEYREVOKED;
	}
	int r = device_cut(g, d, END_KEY, &ended);
	/* While the firewall cannot be put right, a session of the former key may still be in it. */
	return g->enforcement_error < 0 ? g->enforcement_error : r;
}

/* ---- the next key goes ---- */

static int end_next(struct gateway *g, uint32_t id, const char *reason, const struct actor *by, const char *note)
{
	struct device d;
	unsigned ended;
	(void)rotation_settled(g, id);
	int r = device_get(g, id, &d);
	if (r < 0)
		return r;
	if (key_is_zero(&d.next_key))
		return -ENOENT;
	if (unsettled(g, id))
		(void)device_cut(g, &d, END_KEY, &ended);
	r = ledger_key_lapse(g->ledger, id, time_now());
	if (r == 0)
		record(g, &d, rotated(&d, reason, "sekisho.device.new_key", &d.next_key, by, note));
	return r;
}

int rotation_withdraw(struct gateway *g, uint32_t device, const struct actor *by, const char *note)
{
	return end_next(g, device, "withdrawn", by, note);
}

static bool any_fresh(struct gateway *g, int64_t now)
{
	const struct peer *peer = NULL;
	while ((peer = peer_next(g, peer)))
		if (peer->unconfirmed && now - peer->installed < FRESH_USEC)
			return true;
	return false;
}

void rotations_tick(struct gateway *g, int64_t now)
{
	uint32_t id;
	if (any_fresh(g, now))
		rotations_look(g);
	while (ledger_key_overdue(g->ledger, now, &id) == 0) {
		int r = end_next(g, id, "expired", NULL, NULL);
		if (r < 0 && r != -ENOENT)
			break; /* it is refused for its time; looked at again in a second */
	}
}

/* ---- and comes ---- */

static json_t *begun_events(void *arg)
{
	const struct rotation *r = arg;
	struct device d = r->device;
	json_t *events = json_array(), *e;
	if (!key_is_zero(&d.next_key))
		(void)json_array_append_new(
			events, rotated(&d, "withdrawn", "sekisho.device.new_key", &d.next_key, r->by, r->note));
	if (r->at_once) {
		d.public_key = r->next.public_key;
		e = rotated(&d, "at-once", "sekisho.device.old_key", &r->device.public_key, r->by, r->note);
	} else {
		e = rotated(&d, "begun", "sekisho.device.new_key", &r->next.public_key, r->by, r->note);
		event_time(e, "sekisho.device.new_key_until", r->until);
	}
	(void)json_array_append_new(events, e);
	return events;
}

static int begin_in_ledger(void *arg)
{
	const struct rotation *r = arg;
	return ledger_device_rotate(r->gateway->ledger, r->device.id, &r->next, r->until, r->at_once, time_now());
}

int rotation_begin(struct rotation *r)
{
	struct gateway *g = r->gateway;
	const uint32_t id = r->device.id;
	struct device_grant grant = {.gateway = g, .event = begun_events, .change = begin_in_ledger, .arg = r};
	(void)rotation_settled(g, id);
	int ret = device_get(g, id, &r->device);
	if (ret < 0)
		return ret;
	ret = ledger_key_known(g->ledger, &r->next.public_key);
	if (ret < 0)
		return ret;
	if (r->at_once || unsettled(g, id))
		(void)device_cut(g, &r->device, END_KEY, &r->sessions_ended);
	ret = device_grant(&grant);
	r->unrecorded = grant.unrecorded;
	return ret < 0 ? ret : device_get(g, id, &r->device);
}

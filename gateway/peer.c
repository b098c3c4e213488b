/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/peer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "common/array.h"
#include "common/say.h"
#include "common/secret.h"
#include "gateway/device.h"
#include "gateway/event.h"
#include "gateway/index.h"

enum {
	OPENING_KEEPALIVE = 5, /* seconds: makes WireGuard open the handshake at once; set back when it is done */
	OPENING_PATIENCE = 15, /* seconds */
	KEEPALIVE_BYTES = 32, /* an empty transport message (white paper, section 5.4.6) */
	KEEPALIVE_SECONDS = 25, /* what phones are configured with */
	HANDSHAKE_BYTES = INITIATION_SIZE + 92, /* sections 5.4.2 and 5.4.3 */
};

static const int64_t SECOND = 1000000;

struct peers {
	struct peer *all; /* in order of installation */
	unsigned count;
	struct index by_key, by_device;
	int64_t polled;
	const struct peer_login *login;
};

static int compare_key(const void *a, const void *b)
{
	const struct peer *x = a, *y = b;
	return memcmp(&x->key, &y->key, sizeof x->key);
}

static int compare_device(const void *a, const void *b)
{
	const struct peer *x = a, *y = b;
	return (x->device > y->device) - (x->device < y->device);
}

int peers_new(const struct peer_login *login, struct peers **out)
{
	struct peers *p = calloc(1, sizeof *p);
	if (!p)
		return -ENOMEM;
	p->by_key.compare = compare_key;
	p->by_device.compare = compare_device;
	p->login = login;
	*out = p;
	return 0;
}

static void peer_forget(struct peers *p, struct peer *peer)
{
	index_remove(&p->by_key, peer);
	index_remove(&p->by_device, peer);
	DL_DELETE(p->all, peer);
	p->count--;
	free(peer);
}

void peers_free(struct peers *p)
{
	if (!p)
		return;
	while (p->all)
		peer_forget(p, p->all);
	free(p);
}

void peers_forget(struct gateway *g)
{
	while (g->peers->all)
		peer_forget(g->peers, g->peers->all);
}

struct peer *peer_by_key(struct gateway *g, const struct key *k)
{
	return index_find(&g->peers->by_key, &(struct peer){.key = *k});
}

struct peer *peer_by_device(struct gateway *g, uint32_t device)
{
	return index_find(&g->peers->by_device, &(struct peer){.device = device});
}

unsigned peers_count(struct gateway *g)
{
	return g->peers->count;
}

struct peer *peer_next(struct gateway *g, const struct peer *peer)
{
	return peer ? peer->next : g->peers->all;
}

void peers_clock_stepped(struct gateway *g, int64_t step)
{
	struct peer *peer;
	DL_FOREACH(g->peers->all, peer)
	{
		peer->installed += step;
		peer->moved += step;
		peer->active += step;
	}
	g->peers->polled += step;
}

static struct peer *peer_note(struct gateway *g, const struct device *d, const struct endpoint *from, int64_t now)
{
	struct peer *peer = calloc(1, sizeof *peer);
	if (!peer)
		return NULL;
	peer->key = d->public_key;
	peer->unconfirmed = d->key_use == KEY_NEXT;
	peer->device = d->id;
	peer->endpoint = *from;
	peer->installed = peer->moved = peer->active = now;
	memcpy(peer->timestamp, d->last_timestamp, TAI64N_SIZE);
	peer->v4 = d->v4;
	peer->v6 = d->v6;
	peer->valid_until = d->valid_until;
	if (index_add(&g->peers->by_key, peer) < 0) {
		free(peer);
		return NULL;
	}
	if (index_add(&g->peers->by_device, peer) < 0) {
		index_remove(&g->peers->by_key, peer);
		free(peer);
		return NULL;
	}
	DL_APPEND(g->peers->all, peer);
	g->peers->count++;
	return peer;
}

int peer_admit(
	struct gateway *g, const struct device *d, const struct endpoint *from, const uint8_t timestamp[static TAI64N_SIZE])
{
	struct peer *peer = peer_by_key(g, &d->public_key);
	if (peer)
		return -EEXIST;
	peer = peer_note(g, d, from, time_now());
	if (!peer)
		return -ENOMEM;
	struct tunnel_peer t = {.public_key = d->public_key,
		.preshared = d->preshared,
		.endpoint = *from,
		.v4 = d->v4,
		.v6 = d->v6,
		.keepalive = OPENING_KEEPALIVE};
	int r = tunnel_peer_install(g->tunnel, &t);
	secret_wipe(&t.preshared, sizeof t.preshared);
	if (r < 0) {
		peer_forget(g->peers, peer);
		return r;
	}
	peer->opening = true;
	peer->place = from->addr; /* admission.c has judged it */
	peer->judged_by = g->generation;
	memcpy(peer->timestamp, timestamp, TAI64N_SIZE);
	return 0;
}

/* With who is logged in on it, if anybody is. */
static json_t *presence_event(
	struct gateway *g, const char *action, const struct device *d, const struct endpoint *outer, const char *reason)
{
	json_t *e = event_new(action, NULL, reason);
	event_device(e, d);
	event_endpoint(e, outer);
	g->peers->login->describe(g, d->id, e);
	return e;
}

static void log_presence(
	struct gateway *g, const char *action, const struct device *d, const struct peer *peer, const char *reason)
{
	json_t *e = presence_event(g, action, d, &peer->endpoint, reason);
	if (!strcmp(action, "device-offline")) {
		event_number(e, "source.bytes", (int64_t)peer->rx);
		event_number(e, "destination.bytes", (int64_t)peer->tx);
	}
	(void)log_write(g->log, LOG_AUTH, time_now(), e, false);
}

/* WireGuard is asked even when we hold no such peer: a removal must not depend on our memory of things. */
static int remove_keys(struct gateway *g, const struct device *d, const struct peer *peer)
{
	const struct key none = {0}, keys[] = {d->public_key, d->next_key, peer ? peer->key : none};
	int worst = 0;
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		int r = key_is_zero(&keys[i]) ? 0 : tunnel_peer_remove(g->tunnel, &keys[i]);
		if (r < 0)
			worst = r;
	}
	return worst;
}

int peer_remove(struct gateway *g, const struct device *d, const char *reason)
{
	struct peer *peer = peer_by_device(g, d->id);
	int r = remove_keys(g, d, peer);
	if (!peer)
		return r;
	if (peer->online)
		log_presence(g, "device-offline", d, peer, reason);
	if (!key_equal(&peer->key, &d->public_key) || memcmp(peer->timestamp, d->last_timestamp, TAI64N_SIZE) > 0)
		(void)ledger_device_seen(g->ledger, d->id, &peer->key, peer->timestamp, &peer->endpoint, peer->moved);
	/* Forgotten even if WireGuard failed: the next look then finds a stranger and takes it out. */
	peer_forget(g->peers, peer);
	return r;
}

void peer_roam(struct gateway *g, struct peer *peer, const struct device *d, const struct endpoint *to)
{
	json_t *e = presence_event(g, "device-roamed", d, to, NULL);
	event_address(e, "sekisho.previous_endpoint.ip", &peer->endpoint.addr);
	event_number(e, "sekisho.previous_endpoint.port", peer->endpoint.port);
	(void)log_write(g->log, LOG_AUTH, time_now(), e, false);
	peer->endpoint = *to;
}

/* ---- what one look at all peers found ---- */

struct look {
	struct gateway *g;
	int64_t now;
	struct key *strangers; /* installed, but not by us */
	size_t stranger_count, stranger_room;
	int error;
};

static int look_stranger(struct look *look, const struct key *k)
{
	struct key *strangers = array_room(look->strangers, &look->stranger_room, look->stranger_count, 1, sizeof *strangers);
	if (!strangers)
		return -ENOMEM;
	look->strangers = strangers;
	look->strangers[look->stranger_count++] = *k;
	return 0;
}

/* More than keepalives and new handshakes explain since the last look. */
static bool look_active(const struct look *look, const struct peer *peer, uint64_t rx)
{
	if (rx <= peer->rx)
		return false;
	int64_t gap = (look->now - look->g->peers->polled) / SECOND;
	uint64_t noise = (uint64_t)(gap > 0 ? gap / KEEPALIVE_SECONDS + 2 : 2) * KEEPALIVE_BYTES + 2 * HANDSHAKE_BYTES;
	return rx - peer->rx > noise;
}

static void look_update(struct look *look, struct peer *peer, const struct tunnel_peer *t)
{
	struct gateway *g = look->g;
	struct device d;
	bool first = t->last_handshake && !peer->online;
	bool roamed = peer->online && t->endpoint.addr.family && !endpoint_equal(&t->endpoint, &peer->endpoint);

	if (t->rx_bytes != peer->rx || t->last_handshake != peer->handshake)
		peer->moved = look->now;
	if (look_active(look, peer, t->rx_bytes)) {
		peer->active = look->now;
		g->peers->login->active(g, peer->device, look->now);
	}
	peer->rx = t->rx_bytes;
	peer->tx = t->tx_bytes;
	peer->handshake = t->last_handshake;
	if (t->endpoint.addr.family && !roamed)
		peer->endpoint = t->endpoint;

	if (peer->opening && (t->last_handshake || look->now - peer->installed > OPENING_PATIENCE * SECOND) &&
		tunnel_peer_keepalive(g->tunnel, &peer->key, 0) == 0)
		peer->opening = false;
	if (!first && !roamed)
		return;
	if (ledger_device_by_key(g->ledger, &peer->key, &d) < 0)
		return;
	if (first) {
		peer->online = true;
		log_presence(g, "device-online", &d, peer, NULL);
	} else {
		peer_roam(g, peer, &d, &t->endpoint);
	}
	secret_wipe(&d.preshared, sizeof d.preshared);
}

/* Somebody else gave it addresses that are not its own: it could speak as another device. */
static bool look_widened(const struct tunnel_peer *t, const struct addr *v4, const struct addr *v6)
{
	return t->extra_addresses || !addr_equal(&t->v4, v4) || !addr_equal(&t->v6, v6);
}

static int look_each(const struct tunnel_peer *t, void *arg)
{
	struct look *look = arg;
	struct peer *peer = peer_by_key(look->g, &t->public_key);
	if (peer && look_widened(t, &peer->v4, &peer->v6)) {
		/* Taken out like a stranger; it comes back with its next knock. */
		peer_forget(look->g->peers, peer);
		peer = NULL;
	}
	if (!peer)
		return look_stranger(look, &t->public_key);
	look_update(look, peer, t);
	return 0;
}

static void drop_strangers(struct look *look)
{
	for (size_t i = 0; i < look->stranger_count; i++) {
		int r = tunnel_peer_remove(look->g->tunnel, &look->strangers[i]);
		if (r < 0)
			look->error = r;
	}
	if (look->stranger_count)
		say_warning("took %zu peer(s) out of WireGuard that this gateway had not put there so; find out who else runs "
			    "wg(8) here",
			look->stranger_count);
	free(look->strangers);
}

/* Why an installed peer has to go, or NULL. */
static const char *drop_reason(const struct gateway *g, const struct peer *peer, int64_t now)
{
	if (peer->valid_until && now >= peer->valid_until)
		return "expired";
	return now - peer->moved >= g->settings.peer_idle_seconds * SECOND ? "idle" : NULL;
}

static void drop_due(struct gateway *g, int64_t now)
{
	struct peer *peer, *next;
	struct device d;
	DL_FOREACH_SAFE(g->peers->all, peer, next)
	{
		const char *reason = drop_reason(g, peer, now);
		if (!reason || ledger_device_by_id(g->ledger, peer->device, &d) < 0)
			continue;
		int r = peer_remove(g, &d, reason);
		if (r < 0)
			say_warning("cannot take device d%u out of WireGuard: %s; trying again", d.id, strerror(-r));
		secret_wipe(&d.preshared, sizeof d.preshared);
	}
}

int peers_poll(struct gateway *g)
{
	struct look look = {.g = g, .now = time_now()};
	int r = tunnel_each(g->tunnel, look_each, &look);
	g->peers->polled = look.now;
	drop_strangers(&look);
	if (r < 0)
		return r;
	drop_due(g, look.now);
	return look.error;
}

/* ---- start-up ---- */

static int adopt_each(const struct tunnel_peer *t, void *arg)
{
	struct look *look = arg;
	struct gateway *g = look->g;
	struct device d;
	int r = ledger_device_by_key(g->ledger, &t->public_key, &d);
	if (r < 0)
		return r == -ENOENT ? look_stranger(look, &t->public_key) : r;
	secret_wipe(&d.preshared, sizeof d.preshared);
	/* One peer a device: two keys of one were never in at once by our doing. */
	if (device_judge(&d, look->now) || look_widened(t, &d.v4, &d.v6) || peer_by_device(g, d.id))
		return look_stranger(look, &t->public_key);
	struct peer *peer = peer_note(g, &d, &t->endpoint, look->now);
	if (!peer)
		return -ENOMEM;
	peer->rx = t->rx_bytes;
	peer->tx = t->tx_bytes;
	peer->handshake = t->last_handshake;
	peer->online = t->last_handshake != 0;
	return 0;
}

int peers_take_over(struct gateway *g)
{
	struct look look = {.g = g, .now = time_now()};
	int r = tunnel_each(g->tunnel, adopt_each, &look);
	g->peers->polled = look.now;
	drop_strangers(&look);
	return r < 0 ? r : look.error;
}

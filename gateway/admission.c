/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/admission.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/paths.h"
#include "common/say.h"
#include "common/secret.h"
#include "gateway/alert.h"
#include "gateway/brute.h"
#include "gateway/device.h"
#include "gateway/event.h"
#include "gateway/merge.h"
#include "gateway/peer.h"
#include "gateway/place.h"
#include "gateway/rotation.h"
#include "gateway/upkeep.h"

enum {
	KNOCKS_PER_TURN = 8, /* then the loop looks at everything else first */
	/*
	 * WireGuard gets the same packet, and drops it for want of a peer. Were the peer installed before that, WireGuard would
	 * answer it while we have it open a handshake of its own; the two overwrite each other's state and both ends wait 5 s
	 * (measured: one in eight). So a knock is judged when WireGuard is surely through with it.
	 */
	SETTLE_USEC = 20000,
};

struct queued {
	int64_t due; /* CLOCK_BOOTTIME microseconds */
	struct endpoint from;
	uint8_t packet[INITIATION_SIZE];
};

struct admission {
	struct queued queue[KNOCK_QUEUE];
	unsigned head, count;
	sd_event_source *work; /* timer for the oldest knock */
	struct admission_counts counts;
};

/* Merged per key, outer address and reason: a phone tries again every few seconds, and may be reported lost meanwhile. */
struct refusal_key {
	struct key device;
	struct addr from;
	char reason[24];
};
_Static_assert(sizeof(struct refusal_key) <= MERGE_KEY_MAX, "fits a merge key");

static void alert_lost(struct gateway *g, const struct device *d, const struct endpoint *from)
{
	json_t *e = alert_new(ALERT_LOST_DEVICE_SEEN);
	event_device(e, d);
	event_endpoint(e, from);
	alert_raise(g, e);
}

static void refuse(struct gateway *g, const struct knock *knock, const struct device *d, const struct endpoint *from,
	const char *reason, const struct line_ref *line)
{
	int64_t now = time_now();
	struct refusal_key key;
	memset(&key, 0, sizeof key);
	key.device = knock->device;
	key.from = from->addr;
	snprintf(key.reason, sizeof key.reason, "%s", reason);
	const bool replayed = !strcmp(reason, "replayed");
	if (replayed)
		g->admission->counts.replayed++;
	else
		g->admission->counts.refused++;
	if (!merge_count(g->refusals, &key, sizeof key, now))
		return;
	bool lost = d && d->status == DEVICE_LOST && !replayed;
	/* Noted once a minute, so that a replay of this very knock is known for one. */
	if (d && !replayed)
		(void)ledger_device_seen(g->ledger, d->id, &knock->device, knock->timestamp, from, now);
	json_t *e = event_new("device-refused", "failure", reason);
	if (d) {
		event_device(e, d);
	} else {
		char text[KEY_TEXT];
		event_text(e, "sekisho.device.key", key_format(&knock->device, text));
	}
	event_endpoint(e, from);
	if (line && line->file)
		event_rule(e, line->file, line->line);
	merge_first(g->refusals, &key, sizeof key, LOG_AUTH, now, e, lost, NULL);
	if (lost)
		alert_lost(g, d, from);
	if (!replayed)
		brute_refused(g, &knock->device, from);
}

static void admit(struct gateway *g, const struct knock *knock, const struct device *d, const struct endpoint *from)
{
	int64_t now = time_now();
	json_t *e = event_new("device-admitted", "success", NULL);
	event_device(e, d);
	event_endpoint(e, from);
	(void)log_write(g->log, LOG_AUTH, now, e, true);
	int r = peer_admit(g, d, from, knock->timestamp);
	if (r < 0) {
		say_error("cannot install device d%u in WireGuard: %s; it will knock again in 5 s", d->id, strerror(-r));
		return;
	}
	g->admission->counts.admitted++;
	r = ledger_device_seen(g->ledger, d->id, &knock->device, knock->timestamp, from, now);
	if (r < 0)
		say_warning("cannot note in the ledger that device d%u was seen: %s; check space in " PATH_STATE_DIR, d->id,
			strerror(-r));
}

/* WireGuard has it and judges this handshake itself; what it cannot judge is the place. The newest timestamp is remembered for
 * when the device is taken out, and tells a replay, which says nothing about where the device is. */
static void know(struct gateway *g, const struct knock *knock, struct peer *peer, const struct endpoint *from)
{
	struct device d;
	struct line_ref line;
	if (memcmp(knock->timestamp, peer->timestamp, TAI64N_SIZE) <= 0)
		return;
	memcpy(peer->timestamp, knock->timestamp, TAI64N_SIZE);
	if (addr_equal(&peer->place, &from->addr) || ledger_device_by_id(g->ledger, peer->device, &d) < 0)
		return;
	secret_wipe(&d.preshared, sizeof d.preshared);
	/* Before the next look at all peers: nobody logs in from where the device no longer is. */
	if (peer->online && !endpoint_equal(&peer->endpoint, from))
		peer_roam(g, peer, &d, from);
	if (place_judge(g, &d, &from->addr, &line)) {
		peer->place = from->addr;
		peer->judged_by = g->generation;
		return;
	}
	place_leave(g, &d);
	refuse(g, knock, &d, from, "network-not-allowed", &line);
}

/* The device may come in; what it has by another of its keys goes first. */
static void let_in(struct gateway *g, const struct knock *knock, const struct device *d, const struct endpoint *from)
{
	int r = rotation_make_way(g, d);
	if (r == -EKEYREVOKED)
		refuse(g, knock, d, from, "key-retired", NULL);
	else if (r < 0)
		say_error("device d%u is not let in with another key while its session cannot be ended: %s; it will knock again "
			  "in 5 s",
			d->id, strerror(-r));
	else
		admit(g, knock, d, from);
}

static void judge(struct gateway *g, const struct queued *q)
{
	struct knock knock;
	struct device d;
	struct line_ref line;
	int r = handshake_open(g->handshake, q->packet, &knock);
	if (r < 0) {
		g->admission->counts.forged++;
		return;
	}
	struct peer *peer = peer_by_key(g, &knock.device);
	if (peer) {
		know(g, &knock, peer, &q->from);
		return;
	}
	r = ledger_device_by_key(g->ledger, &knock.device, &d);
	if (r == -ENOENT) {
		refuse(g, &knock, NULL, &q->from, "unknown-key", NULL);
		return;
	}
	if (r < 0) {
		say_error("cannot look up a knocking device: %s; check the disk with " PATH_LEDGER, strerror(-r));
		return;
	}
	const char *reason = device_judge(&d, time_now());
	if (memcmp(knock.timestamp, d.last_timestamp, TAI64N_SIZE) <= 0)
		refuse(g, &knock, &d, &q->from, "replayed", NULL);
	else if (reason)
		refuse(g, &knock, &d, &q->from, reason, NULL);
	else if (!place_judge(g, &d, &q->from.addr, &line))
		refuse(g, &knock, &d, &q->from, "network-not-allowed", &line);
	else
		let_in(g, &knock, &d, &q->from);
	secret_wipe(&d.preshared, sizeof d.preshared);
}

static int arm(struct admission *a)
{
	if (!a->count)
		return sd_event_source_set_enabled(a->work, SD_EVENT_OFF);
	int r = sd_event_source_set_time(a->work, (uint64_t)a->queue[a->head].due);
	return r < 0 ? r : sd_event_source_set_enabled(a->work, SD_EVENT_ONESHOT);
}

static int on_work(sd_event_source *source, uint64_t usec, void *arg)
{
	struct gateway *g = arg;
	struct admission *a = g->admission;
	int64_t now = time_boot();
	(void)source;
	(void)usec;
	upkeep_clock(g);
	for (unsigned n = 0; n < KNOCKS_PER_TURN && a->count && a->queue[a->head].due <= now; n++) {
		judge(g, &a->queue[a->head]);
		a->head = (a->head + 1) % KNOCK_QUEUE;
		a->count--;
	}
	return arm(a);
}

void admission_knock(const struct nflog_packet *p, void *arg)
{
	struct gateway *g = arg;
	struct admission *a = g->admission;
	if (!p->payload || p->payload_size != INITIATION_SIZE)
		return;
	if (handshake_mac1(g->handshake, p->payload) < 0) {
		a->counts.forged++;
		return;
	}
	if (a->count == KNOCK_QUEUE) {
		a->counts.dropped++;
		return;
	}
	struct queued *q = &a->queue[(a->head + a->count++) % KNOCK_QUEUE];
	q->from = p->source;
	q->due = time_boot() + SETTLE_USEC;
	memcpy(q->packet, p->payload, INITIATION_SIZE);
	if (a->count == 1)
		(void)arm(a);
}

struct admission_counts admission_counts(const struct gateway *g)
{
	return g->admission->counts;
}

int admission_new(struct gateway *g, struct admission **out)
{
	struct admission *a = calloc(1, sizeof *a);
	if (!a)
		return -ENOMEM;
	int r = sd_event_add_time(g->loop, &a->work, CLOCK_BOOTTIME, 0, 1, on_work, g);
	if (r < 0)
		goto fail;
	r = sd_event_source_set_enabled(a->work, SD_EVENT_OFF);
	if (r < 0)
		goto fail;
	(void)sd_event_source_set_priority(a->work, SD_EVENT_PRIORITY_NORMAL + 10);
	(void)sd_event_source_set_description(a->work, "knocks");
	*out = a;
	return 0;
fail:
	admission_free(a);
	return r;
}

void admission_free(struct admission *a)
{
	if (!a)
		return;
	sd_event_source_disable_unref(a->work);
	free(a);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/brute.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "gateway/alert.h"
#include "gateway/event.h"
#include "gateway/index.h"
#include "gateway/login_internal.h"
#include "gateway/peer.h"

struct tally {
	uint8_t key[BRUTE_KEY_MAX]; /* zero-padded */
	int64_t since; /* CLOCK_BOOTTIME microseconds */
	unsigned count;
	bool told;
	uint64_t members[BRUTE_COUNT_MAX];
	struct tally *prev, *next;
};

struct tallies {
	struct tally *list; /* in order of `since` */
	unsigned count;
	struct index by_key;
};

struct brute {
	struct tallies kinds[BRUTE_KINDS];
};

static int compare(const void *a, const void *b)
{
	return memcmp(((const struct tally *)a)->key, ((const struct tally *)b)->key, BRUTE_KEY_MAX);
}

int brute_new(struct brute **out)
{
	struct brute *b = calloc(1, sizeof *b);
	if (!b)
		return -ENOMEM;
	for (unsigned i = 0; i < BRUTE_KINDS; i++)
		b->kinds[i].by_key.compare = compare;
	*out = b;
	return 0;
}

static void drop(struct tallies *all, struct tally *t)
{
	if (!t)
		return;
	index_remove(&all->by_key, t);
	DL_DELETE(all->list, t);
	all->count--;
	free(t);
}

void brute_free(struct brute *b)
{
	if (!b)
		return;
	for (unsigned i = 0; i < BRUTE_KINDS; i++)
		while (b->kinds[i].list)
			drop(&b->kinds[i], b->kinds[i].list);
	free(b);
}

static struct tally *add(struct tallies *all, const struct tally *like)
{
	struct tally *t = malloc(sizeof *t);
	if (!t)
		return NULL;
	if (all->count >= BRUTE_TALLIES)
		drop(all, all->list);
	*t = *like;
	if (index_add(&all->by_key, t) < 0) {
		free(t);
		return NULL;
	}
	DL_APPEND(all->list, t);
	all->count++;
	return t;
}

static bool is_member(const struct tally *t, uint64_t member)
{
	for (unsigned i = 0; member && i < t->count; i++)
		if (t->members[i] == member)
			return true;
	return false;
}

bool brute_count(struct brute *b, enum brute_kind kind, const void *key, size_t size, uint64_t member, unsigned limit,
	int64_t seconds, int64_t now)
{
	struct tallies *all = &b->kinds[kind];
	struct tally like = {.since = now};
	memcpy(like.key, key, size < sizeof like.key ? size : sizeof like.key);
	struct tally *t = index_find(&all->by_key, &like);
	if (t && now - t->since >= seconds * 1000000) {
		drop(all, t);
		t = NULL;
	}
	if (!t)
		t = add(all, &like);
	if (!t || t->told || t->count >= BRUTE_COUNT_MAX || is_member(t, member))
		return false;
	t->members[t->count++] = member;
	t->told = t->count >= limit;
	return t->told;
}

/* ---- what is counted ---- */

static json_t *alert_of(enum alert_kind kind, unsigned count, int64_t seconds)
{
	char within[DURATION_TEXT];
	json_t *e = alert_new(kind);
	event_number(e, "sekisho.count", count);
	event_text(e, "sekisho.alert.within", duration_format(seconds, within));
	return e;
}

static void raise_login(struct gateway *g, const struct attempt *a, json_t *e)
{
	const struct peer *peer = peer_by_device(g, a->device.id);
	event_device(e, &a->device);
	if (peer)
		event_endpoint(e, &peer->endpoint);
	login_event_user(g, e, a, false);
	alert_raise(g, e);
}

void brute_login(struct gateway *g, const struct attempt *a)
{
	const struct settings *s = &g->settings;
	const uint32_t device = a->device.id;
	int64_t now = time_boot();
	if (brute_count(g->brute, BRUTE_DEVICE, &device, sizeof device, 0, s->alert_device_failures,
		    s->alert_device_failures_seconds, now))
		raise_login(g, a, alert_of(ALERT_BRUTE_DEVICE, s->alert_device_failures, s->alert_device_failures_seconds));
	if (a->user[0] && brute_count(g->brute, BRUTE_USER, a->user, strlen(a->user), device, s->alert_user_devices,
				  s->alert_user_devices_seconds, now))
		raise_login(g, a, alert_of(ALERT_BRUTE_USER, s->alert_user_devices, s->alert_user_devices_seconds));
}

/* Who has an IPv6 network (RFC 6177: a /64 at least) has all its addresses. */
static struct addr source_of(const struct addr *a)
{
	struct addr source = *a;
	if (a->family == 6)
		memset(source.bytes + 8, 0, 8);
	return source;
}

void brute_refused(struct gateway *g, const struct key *device, const struct endpoint *from)
{
	const struct settings *s = &g->settings;
	const struct addr source = source_of(&from->addr);
	uint8_t key[1 + sizeof source.bytes];
	uint64_t member;
	key[0] = source.family;
	memcpy(key + 1, source.bytes, sizeof source.bytes);
	memcpy(&member, device->bytes, sizeof member); /* another key with the same beginning is beyond anybody's means */
	if (!brute_count(g->brute, BRUTE_KEYS, key, sizeof key, member, s->alert_refused_keys, s->alert_refused_keys_seconds,
		    time_boot()))
		return;
	json_t *e = alert_of(ALERT_BRUTE_KEYS, s->alert_refused_keys, s->alert_refused_keys_seconds);
	event_endpoint(e, from);
	alert_raise(g, e);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "common/paths.h"
#include "common/say.h"
#include "gateway/event.h"
#include "gateway/peer.h"
#include "gateway/profiles.h"
#include "gateway/session_internal.h"

static int compare_serial(const void *a, const void *b)
{
	const struct session *x = a, *y = b;
	return (x->serial > y->serial) - (x->serial < y->serial);
}

static int compare_device(const void *a, const void *b)
{
	const struct session *x = a, *y = b;
	return (x->device_id > y->device_id) - (x->device_id < y->device_id);
}

int sessions_new(struct sessions **out)
{
	struct sessions *all = calloc(1, sizeof *all);
	if (!all)
		return -ENOMEM;
	all->by_serial.compare = compare_serial;
	all->by_device.compare = compare_device;
	int r = profiles_new(&all->profiles);
	if (r < 0) {
		free(all);
		return r;
	}
	*out = all;
	return 0;
}

void session_forget(struct sessions *all, struct session *s)
{
	index_remove(&all->by_serial, s);
	index_remove(&all->by_device, s);
	DL_DELETE(all->all, s);
	all->count--;
	session_discard(s);
}

void session_discard(struct session *s)
{
	if (!s)
		return;
	ledger_session_clear(&s->row);
	free(s);
}

void sessions_free(struct sessions *all)
{
	if (!all)
		return;
	while (all->all)
		session_forget(all, all->all);
	profiles_free(all->profiles);
	free(all);
}

struct session *session_by_serial(struct gateway *g, uint32_t serial)
{
	return index_find(&g->sessions->by_serial, &(struct session){.serial = serial});
}

struct session *session_by_device(struct gateway *g, uint32_t device)
{
	return index_find(&g->sessions->by_device, &(struct session){.device_id = device});
}

unsigned sessions_count(struct gateway *g)
{
	return g->sessions->count;
}

unsigned sessions_profiles(struct gateway *g)
{
	return profiles_count(g->sessions->profiles);
}

struct session *session_next(struct gateway *g, const struct session *s)
{
	return s ? s->next : g->sessions->all;
}

struct session *session_note(const struct device *d, int64_t now)
{
	struct session *s = calloc(1, sizeof *s);
	if (!s)
		return NULL;
	s->device = *d;
	secret_wipe(&s->device.preshared, sizeof s->device.preshared);
	s->device_id = d->id;
	s->row.device = d->id;
	s->active = now;
	return s;
}

int session_index(struct sessions *all, struct session *s)
{
	s->serial = s->row.serial;
	int r = index_add(&all->by_serial, s);
	if (r < 0)
		return r;
	r = index_add(&all->by_device, s);
	if (r < 0) {
		index_remove(&all->by_serial, s);
		return r;
	}
	DL_APPEND(all->all, s);
	all->count++;
	return 0;
}

struct firewall_session session_element(const struct session *s, int64_t now)
{
	int64_t left = (s->row.expires - now) / 1000;
	return (struct firewall_session){.serial = s->row.serial,
		.profile = s->profile,
		.v4 = s->device.v4,
		.v6 = s->device.v6,
		.timeout_ms = left > 1 ? left : 1};
}

static struct subject subject_of(const struct device *d, const char *user, char (*names)[USER_NAME_MAX + 1], uint16_t count,
	const char *groups[static GROUPS_MAX])
{
	for (uint16_t i = 0; i < count; i++)
		groups[i] = names[i];
	return (struct subject){.user = user, .groups = groups, .group_count = count, .device_class = d->device_class};
}

int session_compile(const struct session *s, const struct policy *policy, struct profile **out)
{
	const char *groups[GROUPS_MAX];
	struct subject subject = subject_of(&s->device, s->row.user, s->row.groups, s->row.group_count, groups);
	return profile_compile(policy, &subject, time_now(), out);
}

bool session_has_access(struct gateway *g, const struct session *s, const struct policy *policy)
{
	const char *groups[GROUPS_MAX];
	struct subject subject = subject_of(&s->device, s->row.user, s->row.groups, s->row.group_count, groups);
	return g->settings.default_login || policy_has_files(policy, &subject);
}

enum login_reason session_may_open(
	struct gateway *g, const struct device *d, const char *user, char (*groups)[USER_NAME_MAX + 1], uint16_t group_count)
{
	const char *names[GROUPS_MAX];
	if (group_count > GROUPS_MAX)
		return LOGIN_INTERNAL_ERROR;
	struct subject subject = subject_of(d, user, groups, group_count, names);
	struct session *old = session_by_device(g, d->id);
	if (!g->settings.default_login && !policy_has_files(g->policy, &subject))
		return LOGIN_ACCOUNT_DENIED;
	return old && strcmp(old->row.user, user) != 0 ? LOGIN_DEVICE_IN_USE : LOGIN_OK;
}

void session_each_reach(struct gateway *g, const struct session *s, bool (*each)(const struct rule_ref *, void *), void *arg)
{
	const char *groups[GROUPS_MAX];
	struct subject subject = subject_of(&s->device, s->row.user, s->row.groups, s->row.group_count, groups);
	policy_rules(g->policy, &subject, time_now(), each, arg);
}

bool session_decide(struct gateway *g, const struct session *s, const struct target *t, struct rule_ref *rule, size_t *count)
{
	const char *groups[GROUPS_MAX];
	struct subject subject = subject_of(&s->device, s->row.user, s->row.groups, s->row.group_count, groups);
	return policy_decide(g->policy, &subject, t, time_now(), rule, 1, count);
}

int session_log(struct gateway *g, const struct session *s, const char *action, const char *reason, int64_t now)
{
	struct peer *peer = peer_by_device(g, s->device_id);
	json_t *e = event_new(action, "success", reason);
	event_device(e, &s->device);
	event_endpoint(e, peer && peer->endpoint.addr.family ? &peer->endpoint : &s->row.endpoint);
	event_user(e, s->row.user);
	event_session(e, s->serial ? s->serial : s->row.serial, s->row.opened);
	event_time(e, "sekisho.session.expires", s->row.expires);
	if (!strcmp(action, "session-ended")) {
		event_time(e, "event.start", s->row.opened);
		event_time(e, "event.end", now);
		event_number(e, "event.duration", (now - s->row.opened) * 1000);
		event_number(e, "source.bytes", (int64_t)s->row.source_bytes);
		event_number(e, "source.packets", (int64_t)s->row.source_packets);
		event_number(e, "destination.bytes", (int64_t)s->row.destination_bytes);
		event_number(e, "destination.packets", (int64_t)s->row.destination_packets);
		event_number(e, "sekisho.session.connections", (int64_t)s->row.connections);
	}
	return log_write(g->log, LOG_AUTH, now, e, true);
}

void session_count_flow(struct session *s, const struct flow_record *r)
{
	s->row.source_bytes += r->source_bytes;
	s->row.source_packets += r->source_packets;
	s->row.destination_bytes += r->destination_bytes;
	s->row.destination_packets += r->destination_packets;
	s->row.connections++;
}

int session_end(struct gateway *g, struct session *s, enum session_end reason)
{
	int64_t now = time_now();
	struct firewall_session element = session_element(s, now);
	int r = firewall_session_remove(g->firewall, &element);
	if (r < 0) {
		/* The device must lose what it had, if not by the firewall then by WireGuard. */
		say_error("cannot take session %u out of the firewall: %s; its device is taken out of WireGuard instead",
			s->serial, strerror(-r));
		g->enforcement_error = r;
		(void)peer_remove(g, &s->device, session_end_name(reason));
	}
	int cut = flow_end(g->flow, s->serial);
	if (cut < 0)
		say_warning("cannot close the connection records of session %u: %s", s->serial, strerror(-cut));

	s->row.ended = now;
	s->row.end_reason = (uint8_t)reason;
	int saved = ledger_session_end(g->ledger, &s->row);
	if (saved < 0 && saved != -ENOENT)
		say_error("cannot note in the ledger that session %u ended: %s; check space in " PATH_STATE_DIR, s->serial,
			strerror(-saved));
	(void)session_log(g, s, "session-ended", session_end_name(reason), now);
	profiles_release(g->sessions->profiles, g->firewall, s->profile);
	session_forget(g->sessions, s);
	return r < 0 ? r : 0;
}

unsigned session_end_device(struct gateway *g, uint32_t device, enum session_end reason)
{
	struct session *s = session_by_device(g, device);
	if (!s)
		return 0;
	(void)session_end(g, s, reason);
	return 1;
}

void sessions_tick(struct gateway *g, int64_t now)
{
	struct session *s, *next;
	DL_FOREACH_SAFE(g->sessions->all, s, next)
	{
		struct session_times t = {.expires = s->row.expires,
			.device_until = s->device.valid_until,
			.active = s->active,
			.idle_seconds = g->settings.session_idle_seconds};
		enum session_end reason = session_due(&t, now);
		if (reason != END_NONE)
			(void)session_end(g, s, reason);
	}
}

void sessions_save(struct gateway *g)
{
	struct session *s, *next;
	DL_FOREACH_SAFE(g->sessions->all, s, next)
	(void)ledger_session_totals(g->ledger, &s->row);
}

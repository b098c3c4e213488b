/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "common/paths.h"
#include "common/say.h"
#include "common/secret.h"
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
	free(s->former_groups);
	free(s);
}

void sessions_free(struct sessions *all)
{
	if (!all)
		return;
	while (all->all)
		session_forget(all, all->all);
	profiles_free(all->profiles);
	policy_unref(all->judged_by);
	free(all);
}

void sessions_judged_by(struct sessions *all, struct policy *policy)
{
	struct policy *former = all->judged_by;
	all->judged_by = policy_ref(policy);
	policy_unref(former);
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
	s->began = s->active = now;
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

struct subject session_subject(const struct device *d, const char *user, char (*names)[USER_NAME_MAX + 1], uint16_t count,
	const char *groups[static GROUPS_MAX])
{
	for (uint16_t i = 0; i < count; i++)
		groups[i] = names[i];
	return (struct subject){.user = user, .groups = groups, .group_count = count, .device_class = d->device_class};
}

static struct subject subject_of(const struct session *s, const char *groups[static GROUPS_MAX])
{
	return session_subject(&s->device, s->row.user, s->row.groups, s->row.group_count, groups);
}

struct session_plan session_plan_of(struct gateway *g, const struct session *s, const struct policy_terms *terms, int64_t at)
{
	struct session_facts facts = {.began = s->began,
		.device_until = s->device.valid_until,
		.session_seconds = g->settings.session_seconds,
		.idle_seconds = g->settings.session_idle_seconds};
	return session_plan(&facts, terms, at);
}

void session_set_plan(struct session *s, const struct session_plan *plan, int64_t at)
{
	s->plan = *plan;
	s->judged = at;
	s->row.expires = plan->ends;
}

enum login_reason session_may_open(struct gateway *g, const struct device *d, const char *user, char (*groups)[USER_NAME_MAX + 1],
	uint16_t group_count, const struct endpoint *from, int64_t *opens)
{
	const char *names[GROUPS_MAX];
	struct policy_terms terms;
	struct session *old = session_by_device(g, d->id);
	*opens = 0;
	if (group_count > GROUPS_MAX)
		return LOGIN_INTERNAL_ERROR;
	struct subject subject = session_subject(d, user, groups, group_count, names);
	if (!g->settings.default_login && !policy_has_files(g->policy, &subject))
		return LOGIN_ACCOUNT_DENIED;
	policy_terms(g->policy, &subject, time_now(), &terms);
	if (terms.bar != BAR_NONE) {
		*opens = terms.opens < INT64_MAX ? terms.opens : 0;
		return session_plan_login(terms.bar);
	}
	if (from->addr.family && !policy_from(g->policy, &subject, &from->addr, NULL))
		return LOGIN_NETWORK;
	const bool taken = old && strcmp(old->row.user, user) != 0;
	return taken && !g->settings.shared_takeover ? LOGIN_DEVICE_IN_USE : LOGIN_OK;
}

int64_t session_opens(struct gateway *g, const struct device *d)
{
	int64_t first = INT64_MAX, now = time_now();
	for (unsigned i = 0; i < d->user_count; i++) {
		const char *names[GROUPS_MAX];
		struct user_groups known = {0};
		struct policy_terms terms;
		(void)ledger_groups_at(g->ledger, d->users[i], now, &known);
		struct subject subject = session_subject(d, d->users[i], known.names, known.count, names);
		policy_terms(g->policy, &subject, now, &terms);
		ledger_groups_clear(&known);
		if (terms.bar == BAR_NONE)
			return 0;
		first = terms.opens < first ? terms.opens : first;
	}
	return first < INT64_MAX ? first : 0;
}

bool session_from(struct gateway *g, const struct session *s, const struct addr *outer, struct line_ref *line)
{
	const char *groups[GROUPS_MAX];
	struct subject subject = subject_of(s, groups);
	return policy_from(g->policy, &subject, outer, line);
}

/* Both ask for the instant of the last judgement: that is what the firewall holds. */
void session_each_reach(struct gateway *g, const struct session *s, bool (*each)(const struct rule_ref *, void *), void *arg)
{
	const char *groups[GROUPS_MAX];
	struct subject subject = subject_of(s, groups);
	const struct profile *open = profiles_get(g->sessions->profiles, s->profile);
	if (open) /* else its rules open nothing */
		policy_rules_open(g->policy, &subject, s->judged, open, each, arg);
}

bool session_decide(struct gateway *g, const struct session *s, const struct target *t, struct rule_ref *rule, size_t *count)
{
	const char *groups[GROUPS_MAX];
	struct subject subject = subject_of(s, groups);
	return policy_decide(g->policy, &subject, t, s->judged, rule, 1, count);
}

static void describe(json_t *event, const struct session *s)
{
	event_user(event, s->row.user);
	event_session(event, s->serial ? s->serial : s->row.serial, s->row.opened);
}

static void peer_describe(struct gateway *g, uint32_t device, json_t *event)
{
	const struct session *s = session_by_device(g, device);
	if (s)
		describe(event, s);
}

static void peer_active(struct gateway *g, uint32_t device, int64_t now)
{
	struct session *s = session_by_device(g, device);
	if (s)
		s->active = now;
}

const struct peer_login session_peer_login = {peer_describe, peer_active};

json_t *session_event(struct gateway *g, const struct session *s, const char *action, const char *reason)
{
	struct peer *peer = peer_by_device(g, s->device_id);
	json_t *e = event_new(action, "success", reason);
	event_device(e, &s->device);
	event_endpoint(e, peer && peer->endpoint.addr.family ? &peer->endpoint : &s->row.endpoint);
	describe(e, s);
	event_time(e, "sekisho.session.expires", s->row.expires);
	return e;
}

void session_put_groups(json_t *e, const char *path, char (*groups)[USER_NAME_MAX + 1], uint16_t count)
{
	for (uint16_t i = 0; i < count; i++)
		event_append_text(e, path, groups[i]);
}

int session_copy_groups(char (*groups)[USER_NAME_MAX + 1], uint16_t count, char (**out)[USER_NAME_MAX + 1])
{
	*out = NULL;
	if (!count)
		return 0;
	*out = malloc((size_t)count * sizeof **out);
	if (!*out)
		return -ENOMEM;
	memcpy(*out, groups, (size_t)count * sizeof **out);
	return 0;
}

void session_count_flow(struct session *s, const struct flow_record *r)
{
	s->row.source_bytes += r->source_bytes;
	s->row.source_packets += r->source_packets;
	s->row.destination_bytes += r->destination_bytes;
	s->row.destination_packets += r->destination_packets;
	s->row.connections++;
}

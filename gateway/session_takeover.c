/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "common/say.h"
#include "gateway/session_internal.h"

static const int64_t TIMEOUT_SLACK_MS = 5000;

/* What the kernel was found to hold. */
struct held {
	struct firewall_session *sessions;
	size_t session_count, session_size;
	uint16_t *profiles;
	size_t profile_count, profile_size;
};

static int held_session(const struct firewall_session *s, void *arg)
{
	struct held *held = arg;
	if (held->session_count == held->session_size) {
		size_t size = held->session_size ? 2 * held->session_size : 64;
		struct firewall_session *more = reallocarray(held->sessions, size, sizeof *more);
		if (!more)
			return -ENOMEM;
		held->sessions = more;
		held->session_size = size;
	}
	held->sessions[held->session_count++] = *s;
	return 0;
}

static int held_profile(uint16_t id, void *arg)
{
	struct held *held = arg;
	if (held->profile_count == held->profile_size) {
		size_t size = held->profile_size ? 2 * held->profile_size : 64;
		uint16_t *more = reallocarray(held->profiles, size, sizeof *more);
		if (!more)
			return -ENOMEM;
		held->profiles = more;
		held->profile_size = size;
	}
	held->profiles[held->profile_count++] = id;
	return 0;
}

static int held_compare(const void *a, const void *b)
{
	const struct firewall_session *x = a, *y = b;
	return (x->serial > y->serial) - (x->serial < y->serial);
}

static const struct firewall_session *held_find(const struct held *held, uint32_t serial)
{
	struct firewall_session wanted = {.serial = serial};
	return held->session_count ? bsearch(&wanted, held->sessions, held->session_count, sizeof wanted, held_compare) : NULL;
}

static int load_row(const struct session_row *row, void *arg)
{
	struct gateway *g = arg;
	struct device d;
	int r = ledger_device_by_id(g->ledger, row->device, &d);
	if (r < 0)
		return r;
	struct session *s = session_note(&d, time_now());
	secret_wipe(&d.preshared, sizeof d.preshared);
	if (!s)
		return -ENOMEM;
	s->row = *row;
	s->row.groups = NULL;
	if (row->group_count) {
		s->row.groups = malloc((size_t)row->group_count * sizeof *row->groups);
		if (!s->row.groups) {
			session_discard(s);
			return -ENOMEM;
		}
		memcpy(s->row.groups, row->groups, (size_t)row->group_count * sizeof *row->groups);
	}
	r = session_index(g->sessions, s);
	if (r < 0)
		session_discard(s);
	return r;
}

/* Why a session of the ledger cannot go on, or END_NONE. */
static enum session_end unfit(struct gateway *g, const struct session *s, int64_t now)
{
	if (g->rebooted && !g->settings.reboot_keeps)
		return END_REBOOT;
	if (s->device.status == DEVICE_LOST)
		return END_DEVICE_LOST;
	if (s->device.status == DEVICE_REVOKED)
		return END_DEVICE_REVOKED;
	if (s->device.status == DEVICE_SUSPENDED)
		return END_SUSPENDED;
	if (!session_has_access(g, s, g->policy))
		return END_ACL_REMOVED;
	struct session_times t = {.expires = s->row.expires,
		.device_until = s->device.valid_until,
		.active = s->active,
		.idle_seconds = g->settings.session_idle_seconds};
	return session_due(&t, now);
}

/* One session into the firewall, untouched if the kernel has it just so. */
static int enforce(struct gateway *g, struct session *s, const struct held *held, int64_t now)
{
	const struct firewall_session *have = held_find(held, s->serial);
	struct profile *profile;
	int r = session_compile(s, g->policy, &profile);
	if (r < 0)
		return r;
	r = profiles_acquire(g->sessions->profiles, g->firewall, profile, have ? have->profile : 0);
	if (r < 0)
		return r;
	s->profile = (uint16_t)r;
	struct firewall_session want = session_element(s, now);
	if (have && have->profile == want.profile && llabs(have->timeout_ms - want.timeout_ms) < TIMEOUT_SLACK_MS &&
		addr_equal(&have->v4, &want.v4) && addr_equal(&have->v6, &want.v6))
		return 0;
	return firewall_session_set(g->firewall, &want);
}

static int remove_rest(struct gateway *g, const struct held *held)
{
	int worst = 0;
	for (size_t i = 0; i < held->session_count; i++) {
		if (session_by_serial(g, held->sessions[i].serial))
			continue;
		int r = firewall_session_remove(g->firewall, &held->sessions[i]);
		if (r < 0)
			worst = r;
		(void)flow_end(g->flow, held->sessions[i].serial);
	}
	for (size_t i = 0; i < held->profile_count; i++) {
		if (profiles_get(g->sessions->profiles, held->profiles[i]))
			continue;
		int r = firewall_profile_remove(g->firewall, held->profiles[i]);
		if (r < 0)
			say_warning("cannot remove the unused profile %u from the firewall: %s; nothing uses it",
				held->profiles[i], strerror(-r));
	}
	return worst;
}

int sessions_take_over(struct gateway *g)
{
	struct held held = {0};
	struct session *s, *next;
	int64_t now = time_now();
	int r = firewall_sessions(g->firewall, held_session, &held);
	if (r < 0)
		goto out;
	r = firewall_profiles(g->firewall, held_profile, &held);
	if (r < 0)
		goto out;
	if (held.session_count)
		qsort(held.sessions, held.session_count, sizeof *held.sessions, held_compare);
	profiles_forget(g->sessions->profiles);
	if (!g->sessions->all) {
		r = ledger_sessions_live(g->ledger, load_row, g);
		if (r < 0)
			goto out;
	}
	DL_FOREACH_SAFE(g->sessions->all, s, next)
	{
		s->profile = 0;
		enum session_end reason = unfit(g, s, now);
		if (reason != END_NONE) {
			(void)session_end(g, s, reason);
			continue;
		}
		r = enforce(g, s, &held, now);
		if (r < 0)
			goto out;
	}
	r = remove_rest(g, &held);
out:
	free(held.sessions);
	free(held.profiles);
	return r;
}

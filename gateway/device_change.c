/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/device_change.h"

#include <errno.h>
#include <string.h>

#include "common/paths.h"
#include "common/say.h"
#include "common/secret.h"
#include "gateway/event.h"
#include "gateway/evidence.h"
#include "gateway/login.h"
#include "gateway/peer.h"
#include "gateway/session.h"

static const struct {
	const char *action;
	enum session_end end;
} changes[DEVICE_STATUSES] = {
	[DEVICE_ACTIVE] = {"device-resumed", END_NONE},
	[DEVICE_SUSPENDED] = {"device-suspended", END_SUSPENDED},
	[DEVICE_LOST] = {"device-lost", END_DEVICE_LOST},
	[DEVICE_REVOKED] = {"device-revoked", END_DEVICE_REVOKED},
};

int device_cut(struct gateway *g, const struct device *d, enum session_end reason, unsigned *sessions_ended)
{
	*sessions_ended = session_end_device(g, d->id, reason);
	login_drop_device(g, d->id);
	int r = peer_remove(g, d, session_end_name(reason));
	if (r < 0)
		say_error("cannot take device d%u out of WireGuard: %s; trying again with each look at the peers", d->id,
			strerror(-r));
	return r;
}

/* What is on record and is not so after all. */
static void take_back(struct gateway *g, const json_t *recorded, int error)
{
	const char *action = json_string_value(json_object_get(json_object_get(recorded, "event"), "action"));
	json_t *e = event_new("change-failed", "failure", action);
	(void)json_object_update_missing(e, (json_t *)recorded);
	event_text(e, "error.message", strerror(-error));
	(void)log_write(g->log, LOG_AUDIT, time_now(), e, true);
}

/* Each of several lines is in order before the last, which takes all of them to the disk. */
static int record_first(void *arg)
{
	struct device_grant *grant = arg;
	int r = -ENOMEM;
	grant->recorded = grant->event(grant->arg);
	const size_t count = json_array_size(grant->recorded);
	for (size_t i = 0; i < count; i++) {
		json_t *e = json_incref(json_array_get(grant->recorded, i));
		r = i + 1 < count ? evidence_write_early(grant->gateway, LOG_AUDIT, time_now(), e)
				  : evidence_write(grant->gateway, LOG_AUDIT, time_now(), e);
		if (r < 0)
			break;
	}
	grant->unrecorded = r < 0;
	return r;
}

int device_grant(struct device_grant *grant)
{
	struct ledger *l = grant->gateway->ledger;
	grant->recorded = NULL;
	grant->unrecorded = false;
	int r = evidence_ready(grant->gateway);
	if (r < 0) {
		grant->unrecorded = true;
		return r;
	}
	ledger_record_first(l, record_first, grant);
	r = grant->change(grant->arg);
	ledger_record_first(l, NULL, NULL);
	for (size_t i = 0; r < 0 && !grant->unrecorded && i < json_array_size(grant->recorded); i++)
		take_back(grant->gateway, json_array_get(grant->recorded, i), r);
	json_decref(grant->recorded);
	return r;
}

/* ---- a change of status ---- */

struct change {
	struct gateway *gateway;
	struct device after;
	enum device_status before;
	const struct actor *by;
	const char *note;
};

static json_t *change_event(const struct change *c)
{
	json_t *e = event_new(changes[c->after.status].action, "success", c->by->role == ROLE_NONE ? "by-user" : NULL);
	event_device(e, &c->after);
	if (c->by->role == ROLE_NONE)
		event_user(e, c->by->name);
	else
		event_admin(e, c->by);
	event_text(e, "sekisho.device.status", device_status_name(c->after.status));
	event_text(e, "sekisho.device.previous_status", device_status_name(c->before));
	event_text(e, "sekisho.note", c->note);
	for (unsigned i = 0; i < c->after.user_count; i++)
		event_append_text(e, "related.user", c->after.users[i]);
	return e;
}

static json_t *change_events(void *arg)
{
	return json_pack("[o]", change_event(arg));
}

static int change_ledger(void *arg)
{
	const struct change *c = arg;
	return ledger_device_status(c->gateway->ledger, c->after.id, c->after.status, c->by, c->note, time_now());
}

static int let_in(struct change *c, struct device_change *out)
{
	struct device_grant grant = {.gateway = c->gateway, .event = change_events, .change = change_ledger, .arg = c};
	int r = device_grant(&grant);
	out->unrecorded = grant.unrecorded;
	return r;
}

static int keep_out(struct change *c, struct device_change *out)
{
	struct gateway *g = c->gateway;
	out->kernel = device_cut(g, &c->after, changes[c->after.status].end, &out->sessions_ended);
	int r = change_ledger(c);
	if (r == 0 && log_write(g->log, LOG_AUDIT, time_now(), change_event(c), true) < 0)
		say_error("%s of device d%u by %s could not be recorded; make room in " PATH_LOG_DIR,
			changes[c->after.status].action, c->after.id, c->by->name);
	return r;
}

int device_change(struct gateway *g, struct device *d, enum device_status to, const struct actor *by, const char *note,
	struct device_change *out)
{
	struct change c = {.gateway = g, .after = *d, .before = d->status, .by = by, .note = note};
	if (!device_status_allowed(d->status, to))
		return -EPERM;
	c.after.status = to;
	*out = (struct device_change){.before = d->status};
	int r = to == DEVICE_ACTIVE ? let_in(&c, out) : keep_out(&c, out);
	if (r == 0)
		d->status = to;
	secret_wipe(&c.after.preshared, sizeof c.after.preshared);
	return r;
}

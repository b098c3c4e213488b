/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/device_change.h"

#include <errno.h>
#include <string.h>

#include "common/paths.h"
#include "common/say.h"
#include "gateway/event.h"
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

static void cut(struct gateway *g, const struct device *d, enum session_end reason, struct device_change *out)
{
	out->sessions_ended = session_end_device(g, d->id, reason);
	login_drop_device(g, d->id);
	out->kernel = peer_remove(g, d, session_end_name(reason));
	if (out->kernel < 0)
		say_error("cannot take device d%u out of WireGuard: %s; trying again with each look at the peers", d->id,
			strerror(-out->kernel));
}

static void record(struct gateway *g, const struct device *d, enum device_status before, const struct actor *by, const char *note)
{
	const char *action = changes[d->status].action;
	json_t *e = event_new(action, "success", by->role == ROLE_NONE ? "by-user" : NULL);
	event_device(e, d);
	if (by->role == ROLE_NONE)
		event_user(e, by->name);
	else
		event_admin(e, by);
	event_text(e, "sekisho.device.status", device_status_name(d->status));
	event_text(e, "sekisho.device.previous_status", device_status_name(before));
	event_text(e, "sekisho.note", note);
	for (unsigned i = 0; i < d->user_count; i++)
		event_append_text(e, "related.user", d->users[i]);
	if (log_write(g->log, LOG_AUDIT, time_now(), e, true) < 0)
		say_error("%s of device d%u by %s could not be recorded; make room in " PATH_LOG_DIR, action, d->id, by->name);
}

int device_change(struct gateway *g, struct device *d, enum device_status to, const struct actor *by, const char *note,
	struct device_change *out)
{
	struct device_change done = {.before = d->status};
	if (!device_status_allowed(d->status, to))
		return -EPERM;
	if (to != DEVICE_ACTIVE)
		cut(g, d, changes[to].end, &done);
	*out = done;
	int r = ledger_device_status(g->ledger, d->id, to, by, note, time_now());
	if (r < 0)
		return r;
	d->status = to;
	record(g, d, done.before, by, note);
	return 0;
}

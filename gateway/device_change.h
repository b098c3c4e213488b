/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A device's status changes: what it has in the kernel goes first, then the ledger, then the audit log. Suspended, lost and
 * revoked devices are cut off before anything is written, so that a full disk keeps no lost phone in. A device that is let in,
 * for the first time or again, is on record before it is in the ledger.
 */
#ifndef SEKISHO_DEVICE_CHANGE_H
#define SEKISHO_DEVICE_CHANGE_H

#include "gateway/gateway.h"

/*
 * Makes a change of the ledger that lets a device in (a new one, or one that was suspended) only with its record on disk: calls
 * `change(arg)`, which writes the ledger once, and `event`, which makes an array of events, just before that is committed. What is on
 * record and could not be committed after all is followed by `change-failed`. 0 or -errno; `*unrecorded`: the log was the reason.
 */
struct device_grant {
	struct gateway *gateway;
	json_t *(*event)(void *arg);
	int (*change)(void *arg);
	void *arg;
	bool unrecorded; /* out */
	json_t *recorded; /* while it is under way: what is on record */
};
int device_grant(struct device_grant *grant);

/* Takes away all that a device has now: its session, which ends for `reason`, its logins under way, its peer. 0, or -errno while
 * WireGuard still holds it (said; each look at the peers tries again). */
int device_cut(struct gateway *g, const struct device *d, enum session_end reason, unsigned *sessions_ended);

/* What came of it. */
struct device_change {
	enum device_status before;
	unsigned sessions_ended;
	bool unrecorded; /* nothing can be recorded, so the device was not let in again */
	int kernel; /* -errno while WireGuard still holds the device; each look at the peers tries again */
};

/*
 * Brings device `d`, as the ledger has it, to the status `to` and notes who did it and why (`note` may be NULL). An actor of
 * ROLE_NONE is a user, on the login page, who may suspend a device of his own: whether it is his is the caller's matter. Recorded
 * as device-suspended, -resumed, -lost or -revoked. 0 with d->status changed; -EPERM when it cannot become that
 * (device_status_allowed()), with nothing done; -errno of the ledger or,
 * for a device that would be active, of the log (then out->unrecorded): it is as before, or cut off but would come back.
 */
int device_change(struct gateway *g, struct device *d, enum device_status to, const struct actor *by, const char *note,
	struct device_change *out);

#endif

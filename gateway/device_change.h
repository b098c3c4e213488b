/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A device's status changes: what it has in the kernel goes first, then the ledger, then the audit log. Suspended, lost and
 * revoked devices are cut off before anything is written, so that a full disk keeps no lost phone in.
 */
#ifndef SEKISHO_DEVICE_CHANGE_H
#define SEKISHO_DEVICE_CHANGE_H

#include "gateway/gateway.h"

/* What came of it. */
struct device_change {
	enum device_status before;
	unsigned sessions_ended;
	int kernel; /* -errno while WireGuard still holds the device; each look at the peers tries again */
};

/*
 * Brings device `d`, as the ledger has it, to the status `to` and notes who did it and why (`note` may be NULL). An actor of
 * ROLE_NONE is a user, on the login page, who may suspend a device of his own: whether it is his is the caller's matter. Recorded
 * as device-suspended, -resumed, -lost or -revoked. 0 with d->status changed; -EPERM when it cannot become that
 * (device_status_allowed()), with nothing done; -errno of the ledger: the device is cut off, but would come back.
 */
int device_change(struct gateway *g, struct device *d, enum device_status to, const struct actor *by, const char *note,
	struct device_change *out);

#endif

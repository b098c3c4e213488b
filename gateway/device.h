/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a device's own row says of it, without clock, kernel or log. */
#ifndef SEKISHO_DEVICE_H
#define SEKISHO_DEVICE_H

#include "config/policy.h"
#include "gateway/ledger.h"

/* May this device be in at `now` (microseconds since the epoch), with the key that it was looked up by? NULL, or the reason as
 * `device-refused` has it: "suspended", "lost", "revoked", "key-retired", "key-lapsed", "expired", "not-yet-valid". */
const char *device_judge(const struct device *d, int64_t now);

/* May this user, in these groups, log in on it? Its users are names, or "@" and a group's name. */
bool device_permits(const struct device *d, const char *user, char (*groups)[USER_NAME_MAX + 1], unsigned group_count);
bool device_permits_subject(const struct device *d, const struct subject *s);

/* May several people use it: users, or a group's members? */
bool device_is_shared(const struct device *d);

#endif

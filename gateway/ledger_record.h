/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Devices with their application forms in the ledger: one or many registered at once, read, and changed with a history. The
 * conventions are those of gateway/ledger.h. */
#ifndef SEKISHO_LEDGER_RECORD_H
#define SEKISHO_LEDGER_RECORD_H

#include "gateway/device_record.h"

/* One of several devices to be registered. */
struct ledger_entry {
	struct device_record record;
	int result; /* out: 0, or -EEXIST: its key is or was in use, also by an entry before it */
};

/*
 * Registers all of them or none, each as ledger_device_add() does, and fills in what that fills in. With `rehearse` nothing is
 * kept either way. 0; -EEXIST when one or more entries' `result` is; -EINVAL, -EADDRNOTAVAIL, -errno.
 */
int ledger_devices_add(struct ledger *l, struct ledger_entry *list, size_t count, const struct prefix *network4,
	const struct prefix *network6, const struct actor *by, bool rehearse, int64_t now);

/* The form of a device; empty for one that has none or does not exist. */
int ledger_form(struct ledger *l, uint32_t id, struct device_form *out);

/*
 * Changes what device_record_name() names from `before`, which is what the ledger holds, to `after`, and notes each field that
 * differs. 0; -EINVAL; -ENOENT.
 */
int ledger_record_change(struct ledger *l, const struct device_record *before, const struct device_record *after,
	const struct actor *by, int64_t now);

#endif

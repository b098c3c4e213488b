/* SPDX-License-Identifier: GPL-3.0-or-later */
/* All that is kept of a device, and each of the fields that an administrator can change, as one text: for the log, the ledger's
 * history of changes, and to compare. */
#ifndef SEKISHO_DEVICE_RECORD_H
#define SEKISHO_DEVICE_RECORD_H

#include "config/device_form.h"
#include "gateway/ledger.h"

struct device_record {
	struct device device;
	struct device_form form;
};

enum { RECORD_FIELDS = 5 + FORM_FIELDS, RECORD_TEXT = DEVICE_USERS_MAX * (USER_NAME_MAX + 1) + 1 };

/* "label", "users", "class", "valid_from", "valid_until", then those of the form. */
const char *device_record_name(unsigned field);

/* The field's text: users separated by spaces, instants as RFC 3339; "" for what is empty. Returns `text`. */
const char *device_record_text(const struct device_record *r, unsigned field, char text[static RECORD_TEXT]);

/* Is any of these fields another one? */
bool device_records_differ(const struct device_record *a, const struct device_record *b);

#endif

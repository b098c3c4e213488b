/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The application form for a device, as handbooks of Japanese ministries have it: who asks for it and why, what device it is, and
 * who has approved. Its fields have one name each, in the setting `device-form`, as options of `sekisho device add`, as columns
 * of a CSV file, in the ledger and in the log.
 */
#ifndef SEKISHO_DEVICE_FORM_H
#define SEKISHO_DEVICE_FORM_H

#include <stdbool.h>
#include <stddef.h>

enum form_field {
	FORM_APPLICANT,
	FORM_DEPARTMENT,
	FORM_TELEPHONE,
	FORM_PURPOSE,
	FORM_INFORMATION, /* work or information that is handled */
	FORM_MODEL,
	FORM_OS,
	FORM_SERIAL, /* serial or asset number */
	FORM_OWNER, /* ministry or private */
	FORM_PLACE, /* main place of use */
	FORM_USE, /* form of use */
	FORM_APPROVER,
	FORM_APPROVAL, /* its number */
	FORM_CONSENT, /* the day on which the user consented to the conditions, YYYY-MM-DD */
	FORM_FIELDS,
	FORM_PERIOD = FORM_FIELDS, /* the device's period of use: no text of the form, but `device-form` may ask for it */
	FORM_NAMES
};

enum { FORM_TEXT = 256 }; /* bytes of a field with its NUL */

struct device_form {
	char text[FORM_FIELDS][FORM_TEXT]; /* "" for a field that is not filled in */
};

/* "applicant", ..., "period" for a number below FORM_NAMES. */
const char *device_form_name(unsigned field);

/* What to call it when a person is asked, "telephone number". */
const char *device_form_title(unsigned field);

/* The field of that name, or FORM_NAMES. */
unsigned device_form_find(const char *name);

/*
 * Puts a text into a field; "" empties it. 0; or -EINVAL with `why` (what is wrong and what is expected) and the form as it was:
 * too long, no UTF-8, control characters, and for `owner` and `consent` what they cannot be.
 */
int device_form_set(struct device_form *form, enum form_field field, const char *text, char *why, size_t why_size);

/* Names of the fields of the mask `required` (1 << field) that are empty, separated by ", ", into `text`. How many. */
unsigned device_form_missing(const struct device_form *form, bool period, unsigned required, char *text, size_t size);

#endif

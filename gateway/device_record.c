/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/device_record.h"

#include <stdio.h>
#include <string.h>

enum { LABEL, USERS, CLASS, VALID_FROM, VALID_UNTIL, FORM };

static const char *const names[FORM] = {"label", "users", "class", "valid_from", "valid_until"};

const char *device_record_name(unsigned field)
{
	return field < FORM ? names[field] : device_form_name(field - FORM);
}

static void put_users(const struct device *d, char text[static RECORD_TEXT])
{
	size_t used = 0;
	for (unsigned i = 0; i < d->user_count; i++) {
		const int n = snprintf(text + used, RECORD_TEXT - used, "%s%s", i ? " " : "", d->users[i]);
		used += n > 0 ? (size_t)n : 0;
	}
}

static void put_time(int64_t usec, char text[static RECORD_TEXT])
{
	char when[TIME_TEXT];
	if (usec)
		snprintf(text, RECORD_TEXT, "%s", time_format(usec, when));
}

const char *device_record_text(const struct device_record *r, unsigned field, char text[static RECORD_TEXT])
{
	const struct device *d = &r->device;
	text[0] = '\0';
	switch (field) {
	case LABEL:
		snprintf(text, RECORD_TEXT, "%s", d->label);
		break;
	case USERS:
		put_users(d, text);
		break;
	case CLASS:
		snprintf(text, RECORD_TEXT, "%s", device_class_name(d->device_class));
		break;
	case VALID_FROM:
		put_time(d->valid_from, text);
		break;
	case VALID_UNTIL:
		put_time(d->valid_until, text);
		break;
	default:
		snprintf(text, RECORD_TEXT, "%s", r->form.text[field - FORM]);
	}
	return text;
}

bool device_records_differ(const struct device_record *a, const struct device_record *b)
{
	char x[RECORD_TEXT], y[RECORD_TEXT];
	for (unsigned i = 0; i < RECORD_FIELDS; i++)
		if (strcmp(device_record_text(a, i, x), device_record_text(b, i, y)) != 0)
			return true;
	return false;
}

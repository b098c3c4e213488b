/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config/device_form.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/text.h"

static const struct {
	const char *name, *title;
} fields[FORM_NAMES] = {
	[FORM_APPLICANT] = {"applicant", "applicant's name"},
	[FORM_DEPARTMENT] = {"department", "department"},
	[FORM_TELEPHONE] = {"telephone", "telephone number"},
	[FORM_PURPOSE] = {"purpose", "purpose"},
	[FORM_INFORMATION] = {"information", "work or information handled"},
	[FORM_MODEL] = {"model", "model of the device"},
	[FORM_OS] = {"os", "operating system"},
	[FORM_SERIAL] = {"serial", "serial or asset number"},
	[FORM_OWNER] = {"owner", "owner (ministry or private)"},
	[FORM_PLACE] = {"place", "main place of use"},
	[FORM_USE] = {"use", "form of use"},
	[FORM_APPROVER] = {"approver", "approver"},
	[FORM_APPROVAL] = {"approval", "approval number"},
	[FORM_CONSENT] = {"consent", "day of the user's consent (YYYY-MM-DD)"},
	[FORM_PERIOD] = {"period", "last day of the period of use (YYYY-MM-DD)"},
};

const char *device_form_name(unsigned field)
{
	return fields[field].name;
}

const char *device_form_title(unsigned field)
{
	return fields[field].title;
}

unsigned device_form_find(const char *name)
{
	unsigned i = 0;
	while (i < FORM_NAMES && strcmp(fields[i].name, name))
		i++;
	return i;
}

/* A day that there is: mktime(3) would make the 31st of April the 1st of May. */
static bool day_valid(const char *text)
{
	struct tm tm = {.tm_isdst = -1};
	int used = 0;
	if (strlen(text) != 10 || strspn(text, "0123456789-") != 10 ||
		sscanf(text, "%4d-%2d-%2d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &used) != 3 || used != 10)
		return false;
	tm.tm_year -= 1900;
	tm.tm_mon--;
	const struct tm wanted = tm;
	return timegm(&tm) != (time_t)-1 && tm.tm_year == wanted.tm_year && tm.tm_mon == wanted.tm_mon &&
	       tm.tm_mday == wanted.tm_mday;
}

static const char *fault(enum form_field field, const char *text)
{
	char safe[FORM_TEXT * TEXT_SAFE_GROWTH];
	const size_t size = strnlen(text, FORM_TEXT);
	if (size == FORM_TEXT)
		return "is longer than 255 bytes; shorten it";
	if (!text_utf8_valid(text, size))
		return "is no UTF-8";
	if (strcmp(text_safe(text, safe, sizeof safe), text) != 0)
		return "has control characters; write it in one line";
	if (field == FORM_OWNER && *text && strcmp(text, "ministry") != 0 && strcmp(text, "private") != 0)
		return "is not possible; write ministry or private";
	if (field == FORM_CONSENT && *text && !day_valid(text))
		return "is no day; write YYYY-MM-DD";
	return NULL;
}

int device_form_set(struct device_form *form, enum form_field field, const char *text, char *why, size_t why_size)
{
	const char *wrong = fault(field, text);
	if (wrong) {
		snprintf(why, why_size, "%s '%.80s' %s", fields[field].name, text, wrong);
		return -EINVAL;
	}
	snprintf(form->text[field], sizeof form->text[field], "%s", text);
	return 0;
}

unsigned device_form_missing(const struct device_form *form, bool period, unsigned required, char *text, size_t size)
{
	unsigned count = 0;
	size_t used = 0;
	text[0] = '\0';
	for (unsigned i = 0; i < FORM_NAMES; i++) {
		const bool given = i == FORM_PERIOD ? period : *form->text[i] != '\0';
		if (!(required & 1U << i) || given)
			continue;
		const int n = snprintf(text + used, size - used, "%s%s", count++ ? ", " : "", fields[i].name);
		if (n > 0 && (size_t)n < size - used)
			used += (size_t)n;
	}
	return count;
}

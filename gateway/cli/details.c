/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/cli/details.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "common/paths.h"
#include "common/text.h"
#include "config/settings.h"
#include "gateway/cli/cli.h"

static const char day_expected[] = "YYYY-MM-DD or YYYY-MM-DDTHH:MM is expected";

void details_options(struct details *d, struct option_spec specs[static DETAILS_OPTIONS])
{
	specs[0] = (struct option_spec){.name = "label", .value = &d->label};
	specs[1] = (struct option_spec){.name = "class", .value = &d->class};
	specs[2] = (struct option_spec){.name = "valid-from", .value = &d->valid_from};
	specs[3] = (struct option_spec){.name = "valid-until", .value = &d->valid_until};
	for (unsigned i = 0; i < FORM_FIELDS; i++)
		specs[4 + i] = (struct option_spec){.name = device_form_name(i), .value = &d->form[i]};
}

int details_day(const char *text, bool whole_day, int64_t *usec)
{
	int64_t at;
	if (time_parse(text, &at))
		return -EINVAL;
	if (whole_day && !strchr(text, 'T')) {
		time_t day = (time_t)(at / 1000000);
		struct tm tm;
		localtime_r(&day, &tm);
		tm.tm_mday++;
		tm.tm_isdst = -1;
		at = (int64_t)mktime(&tm) * 1000000;
	}
	*usec = at;
	return 0;
}

static int check_day(const char *option, const char *text, bool whole_day, int64_t *out)
{
	if (!text || !strcmp(text, "none") || !details_day(text, whole_day, out))
		return CLI_OK;
	return cli_usage("--%s %s is no date: %s", option, text, day_expected);
}

int details_check(struct details *d)
{
	enum device_class class;
	char why[512];
	int code = check_day("valid-from", d->valid_from, false, &d->from);
	if (!code)
		code = check_day("valid-until", d->valid_until, true, &d->until);
	if (!code && d->class && device_class_parse(d->class, &class))
		return cli_usage("'%s' is no class of device: ministry, private or shared", d->class);
	for (unsigned i = 0; i < FORM_FIELDS && !code; i++)
		if (d->form[i] && device_form_set(&d->parsed, (enum form_field)i, d->form[i], why, sizeof why) < 0)
			code = cli_usage("--%s", why);
	return code;
}

/* ---- what is asked for ---- */

unsigned details_required(void)
{
	struct diag diag = diag_new();
	struct settings s;
	const unsigned fields = settings_load(PATH_CONFIG, &s, &diag) == 0 ? s.device_form : 0;
	diag_free(&diag);
	return fields;
}

/* Takes an answer; false with `why` when it is none. */
static bool take(struct details *d, unsigned field, const char *answer, char *why, size_t why_size)
{
	if (field == FORM_PERIOD) {
		snprintf(d->asked_until, sizeof d->asked_until, "%s", answer);
		d->valid_until = d->asked_until;
		if (!details_day(d->asked_until, true, &d->until))
			return true;
		snprintf(why, why_size, "'%s' is no date: %s", answer, day_expected);
		return false;
	}
	return device_form_set(&d->parsed, (enum form_field)field, answer, why, why_size) == 0;
}

/* Asks until there is an answer that will do. */
static int ask(struct details *d, unsigned field)
{
	char answer[512], why[600];
	for (;;) {
		if (!cli_question(device_form_title(field), answer, sizeof answer))
			return cli_fail(CLI_USAGE, "`device-form` in sekisho.conf asks for it", "no answer: nothing was done");
		if (!*answer)
			continue;
		if (take(d, field, answer, why, sizeof why))
			return CLI_OK;
		(void)cli_fail(CLI_USAGE, NULL, "%s", why);
	}
}

int details_complete(struct details *d)
{
	const unsigned required = details_required();
	char missing[256];
	int code = CLI_OK;
	if (!device_form_missing(&d->parsed, d->until != 0, required, missing, sizeof missing))
		return CLI_OK;
	if (!cli_interactive())
		return cli_usage("the form is not complete: %s (device-form in " PATH_CONFIG " asks for them)", missing);
	for (unsigned i = 0; i < FORM_NAMES && !code; i++)
		if (required & 1U << i && device_form_missing(&d->parsed, d->until != 0, 1U << i, missing, sizeof missing))
			code = ask(d, i);
	return code;
}

/* ---- into a request ---- */

int details_put(const struct details *d, json_t *request)
{
	int failed = 0;
	json_t *form = json_object_get(request, "form");
	if (!form) {
		form = json_object();
		failed = json_object_set_new(request, "form", form);
	}
	if (d->label)
		failed |= json_object_set_new(request, "label", json_string(d->label));
	if (d->class)
		failed |= json_object_set_new(request, "class", json_string(d->class));
	if (d->valid_from)
		failed |= json_object_set_new(request, "valid_from", json_integer(d->from));
	if (d->valid_until)
		failed |= json_object_set_new(request, "valid_until", json_integer(d->until));
	for (unsigned i = 0; i < FORM_FIELDS && !failed; i++)
		if (d->form[i] || *d->parsed.text[i])
			failed = json_object_set_new(form, device_form_name(i), json_string(d->parsed.text[i]));
	if (!failed && !json_object_size(form))
		(void)json_object_del(request, "form");
	return failed ? cli_fail(CLI_FAILED, "free some memory and try again", "out of memory") : CLI_OK;
}

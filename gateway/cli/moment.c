/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/cli/moment.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/text.h"
#include "gateway/cli/cli.h"

enum { DATE_TEXT = 11 }; /* "YYYY-MM-DD" */

static bool has_time(const char *text)
{
	return strchr(text, 'T');
}

/* The local date of an instant, `days` later. */
static void date_of(int64_t usec, int days, char text[static DATE_TEXT])
{
	const time_t seconds = (time_t)(usec / 1000000);
	struct tm tm = {0};

	localtime_r(&seconds, &tm);
	tm.tm_mday += days;
	tm.tm_hour = 12;
	tm.tm_isdst = -1;
	mktime(&tm);
	if (!strftime(text, DATE_TEXT, "%Y-%m-%d", &tm))
		text[0] = '\0';
}

static int parse_at(const char *on, const char *at, int64_t now, int64_t *out)
{
	char date[DATE_TEXT], whole[2 * DATE_TEXT];

	if (has_time(at) && !on)
		return time_parse(at, out) ? cli_usage("'%s' is no time: YYYY-MM-DDTHH:MM or HH:MM", at) : CLI_OK;
	date_of(now, 0, date);
	snprintf(whole, sizeof whole, "%.10sT%.8s", on ? on : date, at);
	if (time_parse(whole, out))
		return cli_usage("'%s' is no time: HH:MM%s", at, on ? "" : " or YYYY-MM-DDTHH:MM");
	return CLI_OK;
}

int moment_parse(const char *on, const char *at, int64_t now, struct moment *out)
{
	struct moment m = {.at = now, .past = on || at};
	char next[DATE_TEXT], noon[2 * DATE_TEXT];

	if (on && time_parse(on, &m.from))
		return cli_usage("'%s' is no date: YYYY-MM-DD or YYYY-MM-DDTHH:MM", on);
	if (on && at && has_time(on))
		return cli_usage("--on names a time already: leave --at out");
	m.at = on ? m.from : now;
	const int code = at ? parse_at(on, at, now, &m.at) : CLI_OK;
	if (code)
		return code;
	m.day = on && !has_time(on) && !at;
	if (m.day) {
		date_of(m.from, 1, next);
		snprintf(noon, sizeof noon, "%.10sT12:00", on);
		if (time_parse(next, &m.to) || time_parse(noon, &m.at))
			return cli_usage("'%s' is no date: YYYY-MM-DD or YYYY-MM-DDTHH:MM", on);
	} else {
		m.from = m.at;
		m.to = m.at + 1;
	}
	*out = m;
	return CLI_OK;
}

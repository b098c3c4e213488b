/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/cli/logperiod.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/text.h"
#include "gateway/cli/cli.h"
#include "gateway/cli/logvalue.h"

enum { DATE_SIZE = 10, MINUTE_SIZE = 16, SECOND_SIZE = 19, WORD_MAX = 40 };

static const int64_t SECOND_USEC = 1000000;

static bool instant(const char *text, int64_t *out)
{
	const int64_t usec = logvalue_time((struct logvalue){text, strlen(text), true});
	if (usec == LOGVALUE_NONE)
		return false;
	*out = usec;
	return true;
}

/* "2026-11-20", "2026-11-20T09:00" or "2026-11-20T09:00:30", local or UTC. */
static bool calendar(const char *text, bool utc, int64_t *out)
{
	const size_t size = strlen(text);
	char whole[WORD_MAX];
	int64_t checked;

	if (size != DATE_SIZE && size != MINUTE_SIZE && size != SECOND_SIZE)
		return false;
	/* Whatever is no time of the calendar at all is none in UTC either; time_parse() knows no seconds. */
	snprintf(whole, sizeof whole, "%s%sZ", text, size == DATE_SIZE ? "T00:00:00" : size == MINUTE_SIZE ? ":00" : "");
	if (!instant(whole, &checked) || checked < 0)
		return false;
	if (utc) {
		*out = checked;
		return true;
	}
	snprintf(whole, sizeof whole, "%.*s", size == DATE_SIZE ? DATE_SIZE : MINUTE_SIZE, text);
	if (time_parse(whole, out))
		return false;
	if (size == SECOND_SIZE)
		*out += (checked / SECOND_USEC % 60) * SECOND_USEC;
	return true;
}

/* The date of an instant, `days` later. */
static bool date_of(int64_t usec, bool utc, int days, char text[static WORD_MAX])
{
	const time_t seconds = (time_t)(usec / SECOND_USEC);
	struct tm tm;

	if (!(utc ? gmtime_r(&seconds, &tm) : localtime_r(&seconds, &tm)))
		return false;
	tm.tm_mday += days;
	tm.tm_hour = 12;
	tm.tm_isdst = -1;
	if ((utc ? timegm(&tm) : mktime(&tm)) == (time_t)-1)
		return false;
	return strftime(text, WORD_MAX, "%Y-%m-%d", &tm) > 0;
}

/* The first instant of the day behind `date`. */
static bool day_after(const char *date, bool utc, int64_t *out)
{
	char noon[WORD_MAX], next[WORD_MAX];
	int64_t at;

	snprintf(noon, sizeof noon, "%.*sT12:00", DATE_SIZE, date);
	return calendar(noon, utc, &at) && date_of(at, utc, 1, next) && calendar(next, utc, out);
}

/* `end`: a whole day is meant to its end. */
static bool moment(const char *text, bool utc, bool end, int64_t now, int64_t *out)
{
	char date[WORD_MAX], whole[WORD_MAX];
	int64_t ago;

	if (!strcmp(text, "now")) {
		*out = now;
		return true;
	}
	if (text[0] == '-') {
		if (duration_parse(text + 1, &ago))
			return false;
		*out = now - ago * SECOND_USEC;
		return true;
	}
	if (strlen(text) >= WORD_MAX || !date_of(now, utc, !strcmp(text, "yesterday") ? -1 : 0, date))
		return false;
	if (strlen(text) == 5 && text[2] == ':')
		snprintf(whole, sizeof whole, "%.*sT%s", DATE_SIZE, date, text);
	else if (!strcmp(text, "today") || !strcmp(text, "yesterday"))
		snprintf(whole, sizeof whole, "%.*s", DATE_SIZE, date);
	else
		snprintf(whole, sizeof whole, "%s", text);
	if (strlen(whole) > DATE_SIZE && whole[DATE_SIZE] == ' ')
		whole[DATE_SIZE] = 'T';
	/* The last year has no day after its last. */
	if (strlen(whole) <= SECOND_SIZE && strncmp(whole, "9999", 4) >= 0)
		return false;
	if (end && strlen(whole) == DATE_SIZE)
		return calendar(whole, utc, out) && day_after(whole, utc, out);
	return calendar(whole, utc, out) || instant(whole, out);
}

static int complain(const char *option, const char *text)
{
	return cli_usage("--%s: '%s' is no time: -4h, -7d, today, yesterday, HH:MM, YYYY-MM-DD, YYYY-MM-DDTHH:MM or RFC 3339",
		option, text);
}

int logperiod_parse(const char *since, const char *until, bool utc, int64_t now, struct logperiod *out)
{
	struct logperiod p = {.since = INT64_MIN, .until = INT64_MAX, .utc = utc};

	if (since && !moment(since, utc, false, now, &p.since))
		return complain("since", since);
	if (until && !moment(until, utc, true, now, &p.until))
		return complain("until", until);
	if (p.since >= p.until)
		return cli_usage("--since %s is not before --until %s", since, until);
	*out = p;
	return CLI_OK;
}

bool logperiod_contains(const struct logperiod *p, int64_t when)
{
	if (when == LOGVALUE_NONE)
		return p->since == INT64_MIN && p->until == INT64_MAX;
	return when >= p->since && when < p->until;
}

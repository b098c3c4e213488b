/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Language and instants for auth/page.h. */
#include "auth/page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

static bool local_time(int64_t usec, struct tm *out)
{
	time_t seconds = (time_t)(usec / 1000000);

	return localtime_r(&seconds, out) != NULL;
}

const char *page_text_clock(int64_t usec, char text[static PAGE_TIME_TEXT])
{
	struct tm t;

	if (local_time(usec, &t))
		snprintf(text, PAGE_TIME_TEXT, "%d:%02d", t.tm_hour, t.tm_min);
	else
		snprintf(text, PAGE_TIME_TEXT, "?");
	return text;
}

static const char weekdays[LANGUAGES][7][4] = {
	{"日", "月", "火", "水", "木", "金", "土"},
	{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"},
};
static const char months[12][10] = {
	"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"};

const char *page_text_date(enum language l, int64_t usec, char text[static PAGE_TIME_TEXT])
{
	struct tm t;

	text[0] = '\0';
	if (!local_time(usec, &t))
		return text;
	/* The zone is named: whoever reads this may be abroad. */
	if (l == LANGUAGE_JA)
		snprintf(text, PAGE_TIME_TEXT, "%d月%d日（%s）%s", t.tm_mon + 1, t.tm_mday, weekdays[l][t.tm_wday], t.tm_zone);
	else
		snprintf(text, PAGE_TIME_TEXT, "%s %d %s, %s", weekdays[l][t.tm_wday], t.tm_mday, months[t.tm_mon], t.tm_zone);
	return text;
}

const char *page_text_instant(enum language l, int64_t usec, int64_t now, char text[static PAGE_TIME_TEXT])
{
	struct tm t, today;
	char year[16] = "";

	text[0] = '\0';
	if (!local_time(usec, &t) || !local_time(now, &today))
		return text;
	if (t.tm_year != today.tm_year)
		snprintf(year, sizeof year, l == LANGUAGE_JA ? "%d年" : " %d", t.tm_year + 1900);
	if (l == LANGUAGE_JA)
		snprintf(text, PAGE_TIME_TEXT, "%s%d月%d日（%s）%d:%02d（%s）", year, t.tm_mon + 1, t.tm_mday,
			weekdays[l][t.tm_wday], t.tm_hour, t.tm_min, t.tm_zone);
	else
		snprintf(text, PAGE_TIME_TEXT, "%s %d %s%s, %d:%02d (%s)", weekdays[l][t.tm_wday], t.tm_mday, months[t.tm_mon],
			year, t.tm_hour, t.tm_min, t.tm_zone);
	return text;
}

const char *page_text_span(enum language l, int64_t usec, char text[static PAGE_TIME_TEXT])
{
	static const char *const units[LANGUAGES][4] = {{"日", "時間", "分", "秒"}, {" d", " h", " min", " s"}};
	int64_t seconds = usec > 0 ? usec / 1000000 : 0;
	int64_t days = seconds / 86400, hours = seconds / 3600 % 24, minutes = seconds / 60 % 60;
	const char *const *u = units[l], *gap = l == LANGUAGE_EN ? " " : "";

	if (days)
		snprintf(text, PAGE_TIME_TEXT, "%lld%s%s%lld%s", (long long)days, u[0], gap, (long long)hours, u[1]);
	else if (hours)
		snprintf(text, PAGE_TIME_TEXT, "%lld%s%s%lld%s", (long long)hours, u[1], gap, (long long)minutes, u[2]);
	else if (minutes)
		snprintf(text, PAGE_TIME_TEXT, "%lld%s", (long long)minutes, u[2]);
	else
		snprintf(text, PAGE_TIME_TEXT, "%lld%s", (long long)seconds, u[3]);
	return text;
}

const char *page_language_tag(enum language l)
{
	return l == LANGUAGE_EN ? "en" : "ja";
}

/* The weight of one list element in thousandths (RFC 9110 section 12.4.2); 1000 when it has none, 0 when it is no weight. */
static int weight(const char *range, size_t size)
{
	const char *q = memchr(range, ';', size);
	int value = 0, unit = 1000;

	if (!q)
		return 1000;
	q += 1 + strspn(q + 1, " \t");
	if (strncasecmp(q, "q=", 2) != 0)
		return 0;
	for (q += 2; q < range + size && unit; q++) {
		if (*q == '.')
			continue;
		if (*q < '0' || *q > '9')
			break;
		value += (*q - '0') * unit;
		unit /= 10;
	}
	return value > 1000 ? 1000 : value;
}

enum language page_language(const char *accept)
{
	enum language best = LANGUAGE_JA;
	int best_weight = 0;

	while (*accept) {
		accept += strspn(accept, " \t,");
		size_t n = strcspn(accept, ",");
		for (enum language l = 0; l < LANGUAGES; l++) {
			bool is =
				n >= 2 && !strncasecmp(accept, page_language_tag(l), 2) && (n == 2 || strchr("-; \t", accept[2]));
			if (is && weight(accept, n) > best_weight) {
				best = l;
				best_weight = weight(accept, n);
			}
		}
		accept += n;
	}
	return best;
}

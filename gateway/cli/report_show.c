/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/cli/report_show.h"

#include <stdio.h>
#include <string.h>

#include "gateway/cli/cli.h"

struct tm report_local(const json_t *instant)
{
	const char *text = json_string_value(instant);
	int64_t usec = 0;
	struct tm tm = {0};
	if (text && cli_instant(text, &usec) == 0) {
		time_t seconds = (time_t)(usec / 1000000);
		localtime_r(&seconds, &tm);
	}
	return tm;
}

enum form { FORM_WHOLE, FORM_TIME, FORM_DAY };

static const char *local_text(const json_t *instant, enum form form, char out[static TIME_TEXT])
{
	const struct tm tm = report_local(instant);
	size_t size = 0;
	if (json_string_length(instant))
		size = form == FORM_WHOLE  ? strftime(out, TIME_TEXT, "%Y-%m-%d %H:%M", &tm)
		       : form == FORM_TIME ? strftime(out, TIME_TEXT, "%m-%d %H:%M", &tm)
					   : strftime(out, TIME_TEXT, "%m-%d", &tm);
	if (!size)
		snprintf(out, TIME_TEXT, "-");
	return out;
}

const char *report_time_text(const json_t *instant, char out[static TIME_TEXT])
{
	return local_text(instant, FORM_WHOLE, out);
}

static bool is_midnight(struct tm tm)
{
	return !tm.tm_hour && !tm.tm_min && !tm.tm_sec;
}

bool report_period_text(const json_t *period, char since[static TIME_TEXT], char until[static TIME_TEXT])
{
	const json_t *begin = json_object_get(period, "since"), *end = json_object_get(period, "until");
	struct tm first = report_local(begin), last = report_local(end);
	if (!is_midnight(first) || !is_midnight(last)) {
		report_time_text(begin, since);
		report_time_text(end, until);
		return false;
	}
	last.tm_mday--;
	last.tm_hour = 12;
	last.tm_isdst = -1;
	mktime(&last);
	if (!strftime(since, TIME_TEXT, "%Y-%m-%d", &first) || !strftime(until, TIME_TEXT, "%Y-%m-%d", &last))
		since[0] = until[0] = '\0';
	return !strcmp(since, until);
}

const char *report_offset_text(const json_t *instant)
{
	size_t size = json_string_length(instant);
	return size > 6 ? json_string_value(instant) + size - 6 : "";
}

const char *report_figure_text(const json_t *figure, const char *kind, char *out, size_t size)
{
	json_int_t value = json_integer_value(json_object_get(figure, "value"));
	char text[CLI_SIZE];
	if (!strcmp(kind, "bytes"))
		cli_size((uint64_t)value, text);
	else
		snprintf(text, sizeof text, "%" JSON_INTEGER_FORMAT, value);
	snprintf(out, size, "%s%s", json_is_true(json_object_get(figure, "at_least")) ? "≥" : "", text);
	return out;
}

const char *report_cell_text(const json_t *row, const json_t *column, char *out, size_t size)
{
	const json_t *cell = json_object_get(row, cli_text(column, "id"));
	const char *kind = cli_text(column, "kind");
	char time[TIME_TEXT];
	if (json_is_object(cell))
		return report_figure_text(cell, kind, out, size);
	if (json_is_integer(cell))
		snprintf(out, size, "%" JSON_INTEGER_FORMAT, json_integer_value(cell));
	else if (!strcmp(kind, "time"))
		snprintf(out, size, "%s", local_text(cell, FORM_TIME, time));
	else if (!strcmp(kind, "day"))
		snprintf(out, size, "%s", local_text(cell, FORM_DAY, time));
	else
		snprintf(out, size, "%s", json_string_value(cell) ? json_string_value(cell) : "");
	return out;
}

static bool chart_empty(const json_t *chart)
{
	const json_t *bucket, *figure;
	size_t i, j;
	json_array_foreach(json_object_get(chart, "buckets"), i, bucket)
	{
		json_array_foreach(json_object_get(bucket, "values"), j, figure)
		{
			if (json_integer_value(json_object_get(figure, "value")))
				return false;
		}
	}
	return true;
}

bool report_section_empty(const json_t *section)
{
	const json_t *item;
	size_t i;
	json_array_foreach(json_object_get(section, "tables"), i, item)
	{
		if (json_array_size(json_object_get(item, "rows")))
			return false;
	}
	json_array_foreach(json_object_get(section, "charts"), i, item)
	{
		if (!chart_empty(item))
			return false;
	}
	return true;
}

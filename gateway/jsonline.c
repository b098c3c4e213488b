/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/jsonline.h"

#include <string.h>

#include "common/text.h"

enum {
	NUMBER_MAX = 20,
	MINUTES = 64,
	MINUTE_SIZE = 17 /* "2026-11-23T10:05:" */,
	SECOND_SIZE = 9 /* "00.000000" */
};

static const int64_t YEAR_10000 = INT64_C(253402300800) * 1000000;

void jsonline_copy(struct jsonline *l, const char *text, size_t size)
{
	if (size > l->size - l->used) {
		l->full = true;
		return;
	}
	memcpy(l->data + l->used, text, size);
	l->used += size;
}

/* Is it such that text_safe() would leave it alone? */
static bool is_plain(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (text[i] < ' ' || text[i] > '~')
			return false;
	return size < JSONLINE_TEXT;
}

void jsonline_text(struct jsonline *l, const char *text)
{
	char safe[JSONLINE_TEXT];
	jsonline_copy(l, "\"", 1);
	/* Free of control characters from here on: only these two are left to be escaped. */
	for (const char *from = is_plain(text, strlen(text)) ? text : text_safe(text, safe, sizeof safe); *from;) {
		size_t plain = strcspn(from, "\"\\");
		jsonline_copy(l, from, plain);
		from += plain;
		if (*from) {
			jsonline_copy(l, "\\", 1);
			jsonline_copy(l, from++, 1);
		}
	}
	jsonline_copy(l, "\"", 1);
}

/* Writes the digits before `end`; where they begin. */
static char *digits(uint64_t number, char *end)
{
	do {
		*--end = (char)('0' + number % 10);
		number /= 10;
	} while (number);
	return end;
}

void jsonline_number(struct jsonline *l, uint64_t number)
{
	char text[NUMBER_MAX], *from = digits(number, text + sizeof text);
	jsonline_copy(l, from, (size_t)(text + sizeof text - from));
}

/* `text` of a minute, as "2026-11-23T10:05:??.??????+09:00". */
static const char *minute_text(int64_t minute)
{
	static _Thread_local struct {
		int64_t minute;
		char text[TIME_TEXT];
	} known[MINUTES];
	unsigned i = (unsigned)minute % MINUTES;
	if (known[i].minute != minute || !*known[i].text) {
		known[i].minute = minute;
		time_format(minute * 60 * 1000000, known[i].text);
	}
	return known[i].text;
}

void jsonline_time(struct jsonline *l, int64_t usec)
{
	char text[TIME_TEXT];
	int64_t rest = usec % 60000000;
	if (usec < 0 || usec >= YEAR_10000) { /* of another shape, and in no hurry */
		jsonline_copy(l, "\"", 1);
		jsonline_put(l, time_format(usec, text));
		jsonline_copy(l, "\"", 1);
		return;
	}
	memcpy(text, minute_text(usec / 60000000), sizeof text);
	char *seconds = text + MINUTE_SIZE;
	seconds[0] = (char)('0' + rest / 10000000);
	seconds[1] = (char)('0' + rest / 1000000 % 10);
	rest %= 1000000;
	for (size_t i = SECOND_SIZE - 1; i > 2; i--, rest /= 10)
		seconds[i] = (char)('0' + rest % 10);
	jsonline_copy(l, "\"", 1);
	jsonline_put(l, text);
	jsonline_copy(l, "\"", 1);
}

void jsonline_address(struct jsonline *l, const struct addr *a)
{
	char text[ADDR_TEXT], *from = text + sizeof text;
	if (a->family != 4) {
		jsonline_copy(l, "\"", 1);
		jsonline_put(l, addr_format(a, text));
		jsonline_copy(l, "\"", 1);
		return;
	}
	/* inet_ntop(3) goes by way of printf(3). */
	*--from = '"';
	for (int i = 3; i >= 0; i--) {
		from = digits(a->bytes[i], from);
		*--from = i ? '.' : '"';
	}
	jsonline_copy(l, from, (size_t)(text + sizeof text - from));
}

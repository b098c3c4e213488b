/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { DAY = 86400, DURATION_DAYS_MAX = 3650 };

size_t text_utf8_decode(const char *data, size_t size, uint32_t *code)
{
	const uint8_t *b = (const uint8_t *)data;
	/* Smallest code of each length: anything below is an overlong form. */
	static const uint32_t least[] = {0, 1, 0x80, 0x800, 0x10000};
	if (size == 0)
		return 0;
	size_t n = b[0] < 0x80 ? 1 : (b[0] & 0xe0) == 0xc0 ? 2 : (b[0] & 0xf0) == 0xe0 ? 3 : (b[0] & 0xf8) == 0xf0 ? 4 : 0;
	if (n == 0 || n > size)
		return 0;
	uint32_t c = n == 1 ? b[0] : b[0] & (0xffu >> (n + 1));
	for (size_t i = 1; i < n; i++) {
		if ((b[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (b[i] & 0x3f);
	}
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*code = c;
	return n;
}

bool text_utf8_valid(const char *data, size_t size)
{
	uint32_t code;
	while (size) {
		size_t n = text_utf8_decode(data, size, &code);
		if (n == 0)
			return false;
		data += n;
		size -= n;
	}
	return true;
}

struct range {
	uint32_t first, last;
};

static bool within(uint32_t code, const struct range *ranges, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (code >= ranges[i].first && code <= ranges[i].last)
			return true;
	return false;
}

unsigned text_columns(uint32_t code)
{
	static const struct range none[] = {
		{0x300, 0x36f},
		{0x200b, 0x200f},
		{0x3099, 0x309a},
		{0xfe00, 0xfe0f},
		{0xfe20, 0xfe2f},
		{0xfeff, 0xfeff},
	};
	static const struct range wide[] = {
		{0x1100, 0x115f},
		{0x2e80, 0x303e},
		{0x3041, 0xa4cf},
		{0xac00, 0xd7a3},
		{0xf900, 0xfaff},
		{0xfe30, 0xfe6f},
		{0xff00, 0xff60},
		{0xffe0, 0xffe6},
		{0x1f300, 0x1f64f},
		{0x1f900, 0x1f9ff},
		{0x20000, 0x3fffd},
	};
	if (within(code, none, sizeof none / sizeof *none))
		return 0;
	return within(code, wide, sizeof wide / sizeof *wide) ? 2 : 1;
}

bool text_name_valid(const char *name)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.@-";
	size_t size = strnlen(name, USER_NAME_MAX + 1);
	if (size == 0 || size > USER_NAME_MAX || name[0] == '-' || name[0] == '.')
		return false;
	return strspn(name, allowed) == size;
}

/* Characters that move, hide or reorder what a reader sees. */
static bool unsafe(uint32_t code)
{
	static const struct range ranges[] = {
		{0, 0x1f},
		{0x7f, 0x9f},
		{0x61c, 0x61c},
		{0x200e, 0x200f},
		{0x2028, 0x202e},
		{0x2066, 0x2069},
	};
	return within(code, ranges, sizeof ranges / sizeof *ranges);
}

/* How the character at `from` is shown, in `out`; returns the bytes read. */
static size_t show(const char *from, size_t left, char out[static 12])
{
	uint32_t code;
	size_t n = text_utf8_decode(from, left, &code);
	if (n <= 1 && (n == 0 || unsafe(code))) {
		snprintf(out, 12, "\\x%02x", (unsigned char)*from);
		return 1;
	}
	if (unsafe(code)) {
		snprintf(out, 12, "\\u{%04x}", (unsigned)code);
	} else {
		memcpy(out, from, n);
		out[n] = '\0';
	}
	return n;
}

const char *text_safe(const char *from, char *to, size_t size)
{
	static const char ellipsis[] = "…";
	size_t left = strlen(from), used = 0, cut = 0;
	if (size == 0)
		return to;
	while (left) {
		char shown[12];
		size_t n = show(from, left, shown), length = strlen(shown);
		if (length >= size - used) {
			used = cut;
			if (sizeof ellipsis <= size - used) {
				memcpy(to + used, ellipsis, sizeof ellipsis - 1);
				used += sizeof ellipsis - 1;
			}
			break;
		}
		memcpy(to + used, shown, length);
		used += length;
		from += n;
		left -= n;
		/* The last place where the mark of a cut would still fit. */
		if (sizeof ellipsis <= size - used)
			cut = used;
	}
	to[used] = '\0';
	return to;
}

static const char *html_entity(uint32_t code)
{
	switch (code) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return NULL;
	}
}

size_t text_html(const char *from, size_t left, char out[static TEXT_HTML])
{
	uint32_t code;
	size_t n = text_utf8_decode(from, left, &code);
	bool shown = n && (!unsafe(code) || code == '\t' || code == '\n') && code != 0xfeff && (code & 0xfffe) != 0xfffe;
	const char *entity = shown ? html_entity(code) : "\xef\xbf\xbd";
	snprintf(out, TEXT_HTML, "%.*s", (int)(entity ? strlen(entity) : n), entity ? entity : from);
	return n ? n : 1;
}

static const struct unit {
	char letter;
	int64_t seconds;
} units[] = {{'d', DAY}, {'h', 3600}, {'m', 60}, {'s', 1}};

enum { UNITS = sizeof units / sizeof *units };

int duration_parse(const char *text, int64_t *seconds)
{
	const int64_t most = (int64_t)DURATION_DAYS_MAX * DAY;
	int64_t sum = 0;
	size_t next = 0;
	while (*text) {
		int64_t n = 0;
		if (*text < '0' || *text > '9')
			return -EINVAL;
		for (; *text >= '0' && *text <= '9'; text++)
			if ((n = n * 10 + (*text - '0')) > most)
				return -EINVAL;
		while (next < UNITS && units[next].letter != *text)
			next++;
		if (next == UNITS)
			return -EINVAL;
		sum += n * units[next++].seconds;
		if (sum > most)
			return -EINVAL;
		text++;
	}
	if (sum < 1)
		return -EINVAL;
	*seconds = sum;
	return 0;
}

const char *duration_format(int64_t seconds, char text[static DURATION_TEXT])
{
	size_t used = 0;
	text[0] = '\0';
	for (size_t i = 0; i < UNITS && seconds > 0; i++) {
		int64_t n = seconds / units[i].seconds;
		seconds %= units[i].seconds;
		if (n && used < DURATION_TEXT)
			used += (size_t)snprintf(text + used, DURATION_TEXT - used, "%lld%c", (long long)n, units[i].letter);
	}
	if (!used)
		snprintf(text, DURATION_TEXT, "0s");
	return text;
}

const char *time_format(int64_t usec, char text[static TIME_TEXT])
{
	int64_t part = usec % 1000000, whole = usec / 1000000;
	if (part < 0) {
		part += 1000000;
		whole--;
	}
	time_t t = whole;
	struct tm tm;
	if (!localtime_r(&t, &tm)) {
		snprintf(text, TIME_TEXT, "invalid");
		return text;
	}
	long east = tm.tm_gmtoff / 60;
	unsigned minutes = (unsigned)(east < 0 ? -east : east);
	size_t used = strftime(text, TIME_TEXT, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text + used, TIME_TEXT - used, ".%06u%c%02u:%02u", (unsigned)part, east < 0 ? '-' : '+', minutes / 60 % 100,
		minutes % 60);
	return text;
}

/* Reads exactly `size` digits; -1 when there are not. */
static int digits(const char *text, size_t size)
{
	int n = 0;
	for (size_t i = 0; i < size; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -1;
		n = n * 10 + (text[i] - '0');
	}
	return n;
}

/* Local time to seconds; false when the calendar has no such day. */
static bool local_time(int year, int month, int day, int hour, int minute, time_t *out)
{
	struct tm tm = {
		.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day, .tm_hour = hour, .tm_min = minute, .tm_isdst = -1};
	time_t t = mktime(&tm);
	/* mktime(3) turns 30 February into 1 March: what comes back tells. */
	if (tm.tm_year != year - 1900 || tm.tm_mon != month - 1 || tm.tm_mday != day)
		return false;
	*out = t;
	return true;
}

int time_parse(const char *text, int64_t *usec)
{
	size_t size = strlen(text);
	bool timed = size == 16;
	int hour = 0, minute = 0;
	time_t t;
	if ((size != 10 && !timed) || text[4] != '-' || text[7] != '-')
		return -EINVAL;
	int year = digits(text, 4), month = digits(text + 5, 2), day = digits(text + 8, 2);
	if (year < 1970 || month < 1 || month > 12 || day < 1 || day > 31)
		return -EINVAL;
	if (timed) {
		hour = digits(text + 11, 2);
		minute = digits(text + 14, 2);
		if (text[10] != 'T' || text[13] != ':' || hour < 0 || hour > 23 || minute < 0 || minute > 59)
			return -EINVAL;
	}
	/* Where the clock jumps over midnight, mktime(3) answers with the instant of the jump: the first of that day. */
	if (!local_time(year, month, day, hour, minute, &t))
		return -EINVAL;
	*usec = (int64_t)t * 1000000;
	return 0;
}

static int64_t clock_now(clockid_t clock)
{
	struct timespec ts;
	clock_gettime(clock, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t time_now(void)
{
	return clock_now(CLOCK_REALTIME);
}

int64_t time_boot(void)
{
	return clock_now(CLOCK_BOOTTIME);
}

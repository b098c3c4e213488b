/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/cli/logvalue.h"

#include <string.h>

/* ---- numbers and instants ---- */

int64_t logvalue_number(struct logvalue v)
{
	int64_t n = 0;
	if (!v.text || v.string || !v.size)
		return LOGVALUE_NONE;
	bool negative = *v.text == '-';
	if (negative && v.size == 1)
		return LOGVALUE_NONE;
	for (size_t i = negative; i < v.size; i++)
		if (v.text[i] < '0' || v.text[i] > '9' || __builtin_mul_overflow(n, 10, &n) ||
			__builtin_add_overflow(n, v.text[i] - '0', &n))
			return LOGVALUE_NONE;
	return negative ? -n : n;
}

/* `count` digits; -1 for anything else. */
static int digits(const char *text, unsigned count)
{
	int n = 0;
	for (unsigned i = 0; i < count; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -1;
		n = n * 10 + (text[i] - '0');
	}
	return n;
}

/* Days from 1970-01-01 in the Gregorian calendar, years beginning in March so that the leap day is the last. */
static int64_t days(int year, int month, int day)
{
	int from_march = (month + 9) % 12;
	int64_t y = year - (month < 3);
	return y * 365 + y / 4 - y / 100 + y / 400 + (from_march * 306 + 5) / 10 + day - 1 - 719468;
}

static bool date_valid(int year, int month, int day)
{
	static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	if (year < 1 || month < 1 || month > 12 || day < 1)
		return false;
	bool leap = (year % 4 == 0 && year % 100) || year % 400 == 0;
	return day <= lengths[month - 1] + (month == 2 && leap);
}

/* "Z" or "+09:00", nothing behind it: seconds, or a number that is none. */
static bool offset_parse(const char *text, size_t size, int *seconds)
{
	if (size == 1 && (*text == 'Z' || *text == 'z')) {
		*seconds = 0;
		return true;
	}
	if (size != 6 || (*text != '+' && *text != '-') || text[3] != ':')
		return false;
	int hours = digits(text + 1, 2), minutes = digits(text + 4, 2);
	if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59)
		return false;
	*seconds = (hours * 3600 + minutes * 60) * (*text == '-' ? -1 : 1);
	return true;
}

/* ".123456" behind the seconds; how many bytes it takes. */
static size_t fraction_parse(const char *text, size_t size, int *usec)
{
	int unit = 100000, sum = 0;
	size_t i = 1;
	if (!size || *text != '.')
		return 0;
	for (; i < size && text[i] >= '0' && text[i] <= '9'; i++, unit /= 10)
		sum += (text[i] - '0') * unit;
	*usec = sum;
	return i == 1 ? 0 : i;
}

int64_t logvalue_time(struct logvalue v)
{
	const char *t = v.text;
	int usec = 0, offset;
	if (!t || !v.string || v.size < 20 || t[4] != '-' || t[7] != '-' || (t[10] != 'T' && t[10] != 't') || t[13] != ':' ||
		t[16] != ':')
		return LOGVALUE_NONE;
	int year = digits(t, 4), month = digits(t + 5, 2), day = digits(t + 8, 2);
	int hour = digits(t + 11, 2), minute = digits(t + 14, 2), second = digits(t + 17, 2);
	if (!date_valid(year, month, day) || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60)
		return LOGVALUE_NONE;
	size_t used = 19 + fraction_parse(t + 19, v.size - 19, &usec);
	if (!offset_parse(t + used, v.size - used, &offset))
		return LOGVALUE_NONE;
	return (days(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - offset) * 1000000 + usec;
}

/* ---- texts ---- */

static unsigned hex4(const char *text)
{
	unsigned n = 0;
	for (unsigned i = 0; i < 4; i++) {
		unsigned c = (unsigned char)text[i];
		n = n << 4 | (c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
	}
	return n;
}

/* The character behind `\u`, and where it ends: two escapes make one outside of the first plane (RFC 8259 section 7). */
static uint32_t unicode(const char **at, const char *end)
{
	uint32_t high = hex4(*at), low;
	*at += 4;
	if (high < 0xd800 || high > 0xdfff)
		return high ? high : 0xfffd;
	if (high > 0xdbff || end - *at < 6 || (*at)[0] != '\\' || (*at)[1] != 'u')
		return 0xfffd;
	low = hex4(*at + 2);
	if (low < 0xdc00 || low > 0xdfff)
		return 0xfffd;
	*at += 6;
	return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
}

static size_t utf8(uint32_t code, char out[static 4])
{
	if (code < 0x80) {
		out[0] = (char)code;
		return 1;
	}
	size_t more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
	static const unsigned char leads[] = {0, 0xc0, 0xe0, 0xf0};
	for (size_t i = more; i; i--, code >>= 6)
		out[i] = (char)(0x80 | (code & 0x3f));
	out[0] = (char)(leads[more] | code);
	return more + 1;
}

/* The next piece of a checked string: a byte, or the character of an escape. */
static size_t piece(const char **at, const char *end, char out[static 4])
{
	static const char letters[] = "bfnrt", plain[] = "\b\f\n\r\t";
	if (**at != '\\' || end - *at < 2) {
		out[0] = *(*at)++;
		return 1;
	}
	char c = (*at)[1];
	*at += 2;
	if (c == 'u')
		return utf8(unicode(at, end), out);
	const char *letter = memchr(letters, c, sizeof letters - 1);
	out[0] = letter ? plain[letter - letters] : c;
	return 1;
}

size_t logvalue_text(struct logvalue v, char *out, size_t size)
{
	size_t used = 0;
	const char *at = v.text, *end = v.text ? v.text + v.size : NULL;
	if (at && (!v.string || !memchr(at, '\\', v.size))) {
		used = v.size < size ? v.size : size - 1;
		memcpy(out, at, used);
		at = end;
	}
	while (at < end) {
		char bytes[4];
		size_t n = piece(&at, end, bytes);
		if (n >= size - used)
			break;
		memcpy(out + used, bytes, n);
		used += n;
	}
	out[used] = '\0';
	return used;
}

/* Does the checked string begin with the text? Then `*at` is behind it. */
static bool begins(const char **at, const char *end, const char *text)
{
	const char *from = *at;
	size_t size = strlen(text);
	while (size && from < end) {
		char bytes[4];
		size_t n = piece(&from, end, bytes);
		if (n > size || memcmp(bytes, text, n) != 0)
			return false;
		text += n;
		size -= n;
	}
	*at = from;
	return !size;
}

bool logvalue_equals(struct logvalue v, const char *text)
{
	const char *at = v.text;
	return v.text && v.string && begins(&at, v.text + v.size, text) && at == v.text + v.size;
}

bool logvalue_contains(struct logvalue v, const char *text)
{
	if (!v.text || !v.string)
		return false;
	if (!memchr(v.text, '\\', v.size))
		return memmem(v.text, v.size, text, strlen(text));
	const char *end = v.text + v.size;
	for (const char *at = v.text; at < end;) {
		char bytes[4];
		const char *behind = at;
		if (begins(&behind, end, text))
			return true;
		piece(&at, end, bytes);
	}
	return !*text;
}

/* Where a string of an array ends, given that the array was checked. */
static size_t string_size(const char *text, size_t left)
{
	size_t i = 0;
	while (i < left && text[i] != '"')
		i += text[i] == '\\' ? 2 : 1;
	return i < left ? i : left;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Of an item that is no string: up to the comma that ends it. */
static size_t other_size(const char *text, size_t left)
{
	unsigned depth = 0;
	size_t i = 0;
	for (; i < left && (depth || (text[i] != ',' && text[i] != ']')); i++) {
		if (text[i] == '"')
			i += 1 + string_size(text + i + 1, left - i - 1);
		else if (text[i] == '[' || text[i] == '{')
			depth++;
		else if (text[i] == ']' || text[i] == '}')
			depth--;
	}
	while (i && i <= left && is_blank(text[i - 1]))
		i--;
	return i < left ? i : left;
}

bool logvalue_next(struct logvalue array, size_t *at, struct logvalue *item)
{
	const char *text = array.text;
	size_t i = *at;
	if (!text || array.string || array.size < 2 || *text != '[')
		return false;
	size_t end = array.size - 1; /* the closing bracket */
	while (i < end && (i == 0 || text[i] == ',' || is_blank(text[i])))
		i++;
	if (i >= end)
		return false;
	if (text[i] == '"') {
		*item = (struct logvalue){text + i + 1, string_size(text + i + 1, end - i - 1), true};
		*at = i + item->size + 2;
	} else {
		*item = (struct logvalue){text + i, other_size(text + i, end - i), false};
		*at = i + (item->size ? item->size : 1);
	}
	return true;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config/lexer.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "common/text.h"

enum { MESSAGE_SIZE = LEXER_LINE_MAX + 512, SHOWN_OF_LONG_LINE = 60 }; /* a message may quote a whole line */

static unsigned characters(const char *text, size_t size)
{
	unsigned n = 0;

	for (size_t i = 0; i < size; i++)
		n += ((unsigned char)text[i] & 0xc0) != 0x80;
	return n;
}

/* Characters that make a line look different from what it says: controls, and the bidirectional ones (Unicode UAX #9). */
static bool misleading(uint32_t c)
{
	return (c < 0x20 && c != '\t') || (c >= 0x7f && c <= 0x9f) || c == 0x061c || c == 0x200e || c == 0x200f ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

/* Blanks that are not the blank: input methods and word processors make them, nobody sees them. */
static bool odd_blank(uint32_t c)
{
	return c == 0xa0 || (c >= 0x2000 && c <= 0x200b) || c == 0x202f || c == 0x3000 || c == 0xfeff;
}

void lexer_say(const struct lexer *lx, enum diag_level level, const struct word *at, const char *format, ...)
{
	char text[MESSAGE_SIZE];
	va_list ap;

	if (!lx->d)
		return;
	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	diag_add(lx->d, level, lx->name, lx->line, at->column, at->width, lx->source, "%s", text);
}

struct word lexer_word(const struct lexer *lx, unsigned i)
{
	if (i < lx->count)
		return lx->words[i];
	const struct word *last = &lx->words[lx->count - 1];
	return (struct word){.text = "", .column = last->column + last->width, .width = 1};
}

struct word word_part(const struct word *w, size_t from, size_t size)
{
	const unsigned width = characters(w->text + from, size);

	return (struct word){.text = w->text, .column = w->column + characters(w->text, from), .width = width ? width : 1};
}

bool word_number(const char *text, size_t size, unsigned max, unsigned *out)
{
	unsigned long n = 0;

	if (!size || (size > 1 && *text == '0'))
		return false;
	for (size_t i = 0; i < size; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		n = n * 10 + (unsigned long)(text[i] - '0');
		if (n > max)
			return false;
	}
	*out = (unsigned)n;
	return true;
}

bool lexer_is(const struct lexer *lx, unsigned i, const char *keyword)
{
	return i < lx->count && !lx->words[i].quoted && !strcmp(lx->words[i].text, keyword);
}

void lexer_join(const struct lexer *lx, unsigned from, unsigned to, char *text)
{
	char *end = text + LEXER_LINE_MAX + 1;

	*text = '\0';
	for (unsigned i = from; i < to; i++) {
		const char *const quote = lx->words[i].quoted ? "\"" : "";
		/* Never more than the line, for blanks between words only shrink. */
		text += snprintf(text, (size_t)(end - text), "%s%s%s%s", i > from ? " " : "", quote, lx->words[i].text, quote);
	}
}

/* Reports something at a byte of the current line. */
#define complain(lx, at, ...) lexer_mistake(lx, (&(struct word){.column = (lx)->column[at], .width = 1}), __VA_ARGS__)

/* Is every character of the line one that may stand there? Notes where each stands, for those that follow. */
static bool line_clean(struct lexer *lx, size_t size)
{
	uint16_t column = 1;
	uint32_t c = 0;

	lx->column[0] = column;
	for (size_t i = 0, n; i < size; i += n) {
		n = text_utf8_decode(lx->source + i, size - i, &c);
		if (!n && lx->source[i] == '\0') {
			complain(lx, i, "NUL byte in the line; expected plain text");
			return false;
		}
		if (!n) {
			complain(lx, i, "byte 0x%02x is not UTF-8; save the file in UTF-8", (unsigned char)lx->source[i]);
			return false;
		}
		if (misleading(c)) {
			complain(lx, i, "control character U+%04X; delete it", (unsigned)c);
			return false;
		}
		lx->column[i + n] = ++column;
	}
	return true;
}

static bool blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool ends_word(char c)
{
	return blank(c) || c == '#' || c == '\0';
}

/* One word that begins at byte `i` of a line of `size`; moves `i` behind it, or behind all if a comment follows, and ends it
 * there. */
static bool cut_word(struct lexer *lx, size_t *i, size_t size)
{
	const bool quoted = lx->cut[*i] == '"';
	const size_t from = *i, begin = from + quoted;
	size_t end = begin;

	while (quoted ? lx->cut[end] && lx->cut[end] != '"' : !ends_word(lx->cut[end]) && lx->cut[end] != '"') {
		uint32_t c = 0;
		const size_t n = text_utf8_decode(lx->cut + end, sizeof lx->cut - end, &c);
		if (!quoted && odd_blank(c)) {
			complain(lx, end, "blank of an unusual kind (U+%04X); type an ordinary space", (unsigned)c);
			return false;
		}
		end += n;
	}
	if (quoted && !lx->cut[end]) {
		complain(lx, from, "text without its closing '\"'; expected '\"' at the end of the text");
		return false;
	}
	const size_t after = end + quoted;
	if (!ends_word(lx->cut[after])) {
		complain(lx, after, quoted ? "expected a space after the closing '\"'" : "expected a space before '\"'");
		return false;
	}
	lx->words[lx->count++] = (struct word){
		.text = lx->cut + begin,
		.column = lx->column[from],
		.width = (unsigned)(lx->column[after] - lx->column[from]),
		.quoted = quoted,
	};
	*i = blank(lx->source[after]) ? after + 1 : size;
	lx->cut[end] = '\0';
	return true;
}

/* Cuts the line into words. False when there are none, or when it is not well-formed. */
static bool cut_line(struct lexer *lx, size_t size)
{
	lx->count = 0;
	if (!line_clean(lx, size))
		return false;
	memcpy(lx->cut, lx->source, size + 1);
	for (size_t i = 0; i < size;) {
		if (blank(lx->cut[i]))
			i++;
		else if (lx->cut[i] == '#')
			break;
		else if (!cut_word(lx, &i, size))
			return false;
	}
	return lx->count > 0;
}

void lexer_start(struct lexer *lx, const char *name, const char *text, size_t size, struct diag *d)
{
	lx->name = name;
	lx->d = d;
	lx->rest = text;
	lx->left = size;
	lx->line = 0;
	lx->count = 0;
	if (size >= 3 && !memcmp(text, "\xef\xbb\xbf", 3)) {
		lx->rest += 3;
		lx->left -= 3;
	}
}

bool lexer_next(struct lexer *lx)
{
	while (lx->left) {
		const char *const line = lx->rest;
		const char *const newline = memchr(line, '\n', lx->left);
		size_t size = newline ? (size_t)(newline - line) : lx->left;
		const size_t step = size + (newline != NULL);

		lx->rest += step;
		lx->left -= step;
		lx->line++;
		if (size && line[size - 1] == '\r')
			size--;
		if (size > LEXER_LINE_MAX) {
			memcpy(lx->source, line, SHOWN_OF_LONG_LINE);
			lx->source[SHOWN_OF_LONG_LINE] = '\0';
			lx->column[0] = 1;
			complain(lx, 0, "line of %zu bytes; at most %d, split it", size, LEXER_LINE_MAX);
			continue;
		}
		memcpy(lx->source, line, size);
		lx->source[size] = '\0';
		if (cut_line(lx, size))
			return true;
	}
	return false;
}

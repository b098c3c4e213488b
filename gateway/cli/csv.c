/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/cli/csv.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include "common/text.h"

/* ---- writing ---- */

void csv_begin(FILE *to)
{
	fputs("\xef\xbb\xbf", to);
}

/* Would a spreadsheet compute it, or reading take an apostrophe away from it? */
static bool is_formula(const char *text)
{
	text += strspn(text, "'");
	return *text && strchr("=+-@\t\r", *text);
}

void csv_put(FILE *to, const char *text, bool last)
{
	putc('"', to);
	if (is_formula(text))
		putc('\'', to);
	for (; *text; text++) {
		if (*text == '"')
			putc('"', to);
		putc(*text, to);
	}
	fputs(last ? "\"\r\n" : "\",", to);
}

/* ---- reading ---- */

__attribute__((format(printf, 5, 0))) static void mistake_at(
	const struct csv *c, unsigned line, unsigned column, struct diag *d, const char *format, va_list args)
{
	char text[512];
	vsnprintf(text, sizeof text, format, args);
	diag_add(d, DIAG_ERROR, c->name, line, column, 1, NULL, "%s", text);
}

void csv_mistake(const struct csv *c, const struct csv_cell *cell, struct diag *d, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	mistake_at(c, cell->line, cell->column, d, format, args);
	va_end(args);
}

static int stop(const struct csv *c, struct diag *d, const char *format, ...) __attribute__((format(printf, 3, 4)));
static int stop(const struct csv *c, struct diag *d, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	mistake_at(c, c->line, c->column, d, format, args);
	va_end(args);
	return -EINVAL;
}

/* Could these bytes be Shift_JIS? Every byte a half-width character, or the first of a pair as JIS X 0208 appendix 1 has them. */
static bool is_shift_jis(const unsigned char *text, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		const unsigned char b = text[i];
		if (b < 0x80 || (b >= 0xa1 && b <= 0xdf))
			continue;
		if (!((b >= 0x81 && b <= 0x9f) || (b >= 0xe0 && b <= 0xfc)) || ++i == size)
			return false;
		if (text[i] < 0x40 || text[i] == 0x7f || text[i] > 0xfc)
			return false;
	}
	return true;
}

int csv_start(struct csv *c, const char *name, char *text, size_t size, struct diag *d)
{
	static const char save[] = "save it as \"CSV UTF-8\"";
	*c = (struct csv){.name = name, .line = 1, .column = 1};
	if (size >= 2 && (!memcmp(text, "\xff\xfe", 2) || !memcmp(text, "\xfe\xff", 2)))
		return stop(c, d, "this is UTF-16; %s", save);
	if (size >= 3 && !memcmp(text, "\xef\xbb\xbf", 3)) {
		text += 3;
		size -= 3;
	}
	if (memchr(text, '\0', size))
		return stop(c, d, "there is a NUL byte in it: this is no text; %s", save);
	text[size] = '\0';
	if (!text_utf8_valid(text, size))
		return stop(c, d,
			is_shift_jis((const unsigned char *)text, size) ? "this is Shift_JIS, not UTF-8; in Excel, %s"
									: "this is no UTF-8; %s",
			save);
	c->at = text;
	c->end = text + size;
	return 0;
}

/* One character further. */
static void step(struct csv *c)
{
	if (*c->at == '\n') {
		c->line++;
		c->column = 1;
	} else if (((unsigned char)c->at[1] & 0xc0) != 0x80) {
		c->column++;
	}
	c->at++;
}

static bool at_row_end(const struct csv *c)
{
	return c->at == c->end || *c->at == '\n' || (*c->at == '\r' && (c->at + 1 == c->end || c->at[1] == '\n'));
}

/* A cell in quotes; `*to` is where its text goes, over what was read. */
static int read_quoted(struct csv *c, char **to, struct diag *d)
{
	const unsigned line = c->line, column = c->column;
	for (step(c);; step(c)) {
		if (c->at == c->end) {
			c->line = line;
			c->column = column;
			return stop(c, d, "the quote that begins here is never closed");
		}
		if (*c->at == '"') {
			step(c);
			if (c->at == c->end || *c->at != '"')
				break;
		}
		*(*to)++ = *c->at;
	}
	if (*c->at != ',' && !at_row_end(c))
		return stop(c, d,
			"after the closing quote a comma or the end of the line is expected; a quote in a text is written twice");
	return 0;
}

static int read_bare(struct csv *c, char **to, struct diag *d)
{
	for (; *c->at != ',' && !at_row_end(c); step(c)) {
		if (*c->at == '"')
			return stop(c, d, "a quote in the middle; put the whole cell in quotes and write the quote twice");
		*(*to)++ = *c->at;
	}
	return 0;
}

static int read_cell(struct csv *c, struct diag *d)
{
	struct csv_cell *cell = &c->cells[c->count];
	char *begin = c->at, *to = c->at;
	if (c->count == CSV_CELLS_MAX)
		return stop(c, d, "more than %d columns", CSV_CELLS_MAX);
	*cell = (struct csv_cell){.line = c->line, .column = c->column};
	int r = *c->at == '"' ? read_quoted(c, &to, d) : read_bare(c, &to, d);
	if (r < 0)
		return r;
	if (to - begin > CSV_CELL_MAX) {
		csv_mistake(c, cell, d, "this cell is longer than %d bytes", CSV_CELL_MAX);
		return -EINVAL;
	}
	c->cell_end = to; /* its NUL is written when what stands there has been read */
	cell->text = begin;
	c->count++;
	return 0;
}

static int read_row(struct csv *c, struct diag *d)
{
	c->count = 0;
	for (;;) {
		int r = read_cell(c, d);
		if (r < 0)
			return r;
		char *end = c->cell_end;
		const bool more = *c->at == ',' && c->at < c->end;
		if (more)
			step(c);
		else
			while (c->at < c->end && (*c->at == '\r' || *c->at == '\n')) {
				const bool newline = *c->at == '\n';
				step(c);
				if (newline)
					break;
			}
		*end = '\0';
		if (!more)
			return 0;
	}
}

int csv_next(struct csv *c, struct diag *d)
{
	do {
		if (c->at == c->end)
			return 0;
		int r = read_row(c, d);
		if (r < 0)
			return r;
	} while (c->count == 1 && !*c->cells[0].text);
	for (size_t i = 0; i < c->count; i++)
		if (c->cells[i].text[0] == '\'' && is_formula(c->cells[i].text))
			c->cells[i].text++;
	return 1;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/cli/table.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/text.h"
#include "gateway/cli/cli.h"

enum { CELL_MAX = 1024, GAP = 2 };

struct table {
	const struct table_column *columns;
	size_t column_count, cell_count, capacity;
	char **cells;
	bool failed;
};

struct table *table_new(const struct table_column *columns, size_t count)
{
	struct table *t = count && count <= TABLE_COLUMNS ? calloc(1, sizeof *t) : NULL;
	if (!t)
		return NULL;
	t->columns = columns;
	t->column_count = count;
	return t;
}

void table_free(struct table *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->cell_count; i++)
		free(t->cells[i]);
	free(t->cells);
	free(t);
}

void table_cell(struct table *t, const char *text)
{
	if (!t || t->failed)
		return;
	char **cells = array_room(t->cells, &t->capacity, t->cell_count, 1, sizeof *cells);
	if (!cells) {
		t->failed = true;
		return;
	}
	t->cells = cells;
	char safe[CELL_MAX];
	char *copy = strdup(text_safe(text, safe, sizeof safe));
	if (copy)
		t->cells[t->cell_count++] = copy;
	else
		t->failed = true;
}

/* Bytes and columns of the character at `text`; something that is no character counts as one byte in one column. */
static size_t character(const char *text, unsigned *columns)
{
	uint32_t code;
	size_t size = text_utf8_decode(text, strlen(text), &code);
	*columns = size ? text_columns(code) : 1;
	return size ? size : 1;
}

unsigned table_width(const char *text)
{
	unsigned width = 0, columns;
	while (*text) {
		text += character(text, &columns);
		width += columns;
	}
	return width;
}

static void spaces(FILE *to, unsigned n)
{
	while (n--)
		putc(' ', to);
}

/* Prints one cell into `width` columns, cut if needed; without padding behind it when it is the last of its line. */
static void cell_print(FILE *to, const char *text, unsigned width, const struct table_column *column, bool last)
{
	unsigned whole = table_width(text), used = 0, columns;
	if (column->align == TABLE_RIGHT && whole < width)
		spaces(to, width - whole);
	if (whole <= width) {
		fputs(text, to);
		used = column->align == TABLE_RIGHT ? width : whole;
	} else {
		for (size_t size; *text; text += size, used += columns) {
			size = character(text, &columns);
			if (used + columns + 1 > width)
				break;
			fwrite(text, 1, size, to);
		}
		fputs("…", to);
		used++;
	}
	if (!last)
		spaces(to, width - used + GAP);
}

/* Takes columns away from the widest column that may be cut until the line fits or nothing is left to take. */
static void widths_cut(const struct table *t, unsigned *widths, unsigned limit)
{
	unsigned total = (unsigned)(t->column_count - 1) * GAP;
	for (size_t i = 0; i < t->column_count; i++)
		total += widths[i];
	while (total > limit) {
		size_t widest = t->column_count;
		for (size_t i = 0; i < t->column_count; i++)
			if (t->columns[i].cut == TABLE_CUT && widths[i] > TABLE_CUT_LEAST &&
				(widest == t->column_count || widths[i] > widths[widest]))
				widest = i;
		if (widest == t->column_count)
			return;
		widths[widest]--;
		total--;
	}
}

/* Is nothing left of the line behind a cell? */
static bool rest_empty(const struct table *t, size_t cell)
{
	for (size_t i = cell + 1; i < t->cell_count && i % t->column_count; i++)
		if (*t->cells[i])
			return false;
	return true;
}

int table_print(const struct table *t, FILE *to, unsigned width)
{
	unsigned widths[TABLE_COLUMNS] = {0};
	return table_print_piece(t, to, width, widths);
}

int table_print_piece(const struct table *t, FILE *to, unsigned width, unsigned widths[static TABLE_COLUMNS])
{
	if (!t || t->failed || !t->column_count)
		return -ENOMEM;
	bool titles = t->columns[0].title && !widths[0];
	for (size_t i = 0; titles && i < t->column_count; i++)
		widths[i] = table_width(t->columns[i].title);
	for (size_t i = 0; i < t->cell_count; i++) {
		unsigned w = table_width(t->cells[i]);
		if (w > widths[i % t->column_count])
			widths[i % t->column_count] = w;
	}
	if (width)
		widths_cut(t, widths, width);
	for (size_t i = 0; titles && i < t->column_count; i++)
		cell_print(to, t->columns[i].title, widths[i], &t->columns[i], i + 1 == t->column_count);
	if (titles)
		putc('\n', to);
	for (size_t i = 0; i < t->cell_count; i++) {
		size_t column = i % t->column_count;
		bool rest = rest_empty(t, i);
		if (!rest || *t->cells[i] || column == 0)
			cell_print(to, t->cells[i], widths[column], &t->columns[column], rest);
		if (column + 1 == t->column_count)
			putc('\n', to);
	}
	return 0;
}

int table_show(struct table *t)
{
	int failed = table_print(t, stdout, cli_columns());
	table_free(t);
	return failed ? cli_fail(CLI_FAILED, "free some memory and try again", "out of memory") : CLI_OK;
}

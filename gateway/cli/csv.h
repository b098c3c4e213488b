/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tables as text, RFC 4180, the way spreadsheets of this country exchange them: UTF-8 with a byte order mark, which they need to
 * recognise it. A cell that a spreadsheet would take for a formula (OWASP, "CSV Injection") is written with an apostrophe in
 * front, which reading takes away again; so a table that was written and read is the same.
 */
#ifndef SEKISHO_CLI_CSV_H
#define SEKISHO_CLI_CSV_H

#include <stddef.h>
#include <stdio.h>

#include "common/diag.h"

enum { CSV_CELLS_MAX = 64, CSV_CELL_MAX = 4096 };

/* ---- writing ---- */

/* The byte order mark, before anything else. */
void csv_begin(FILE *to);

/* One cell; `last` ends the row. */
void csv_put(FILE *to, const char *text, bool last);

/* ---- reading ---- */

struct csv_cell {
	const char *text; /* without quotes and the apostrophe; in the reader's memory, until the next row is read */
	unsigned line, column; /* where it begins; columns count characters from 1 */
};

/* Of one text; its members are the reader's own. */
struct csv {
	const char *name;
	char *at, *end;
	unsigned line, column;
	struct csv_cell cells[CSV_CELLS_MAX];
	size_t count;
	char *cell_end; /* of the cell read last */
};

/*
 * Begins with `text` of `size` bytes, which is cut in place and must have room for one more byte. `name` stands in messages. 0,
 * or -EINVAL after saying in `d` what it is instead of UTF-8: Shift_JIS, UTF-16, or with a NUL.
 */
int csv_start(struct csv *c, const char *name, char *text, size_t size, struct diag *d);

/* The next row that is not empty, in c->cells and c->count. 1; 0 at the end; -EINVAL after saying in `d` what is wrong: nothing
 * can be read after that. */
int csv_next(struct csv *c, struct diag *d);

/* Says what is wrong with a cell. */
void csv_mistake(const struct csv *c, const struct csv_cell *cell, struct diag *d, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

#endif

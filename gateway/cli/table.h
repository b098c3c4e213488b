/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tables for a terminal. Widths are those of text_columns(), so that East Asian wide characters and combining ones line up
 * whatever the locale is; text is made safe on the way in.
 */
#ifndef SEKISHO_TABLE_H
#define SEKISHO_TABLE_H

#include <stddef.h>
#include <stdio.h>

enum { TABLE_COLUMNS = 16, TABLE_CUT_LEAST = 6 };

struct table_column {
	const char *title; /* NULL in the first column: a table without headings */
	enum { TABLE_LEFT, TABLE_RIGHT } align;
	enum { TABLE_WHOLE, TABLE_CUT } cut; /* may be cut to TABLE_CUT_LEAST columns, with "…", when there is no room */
};

struct table;

/* `columns` is borrowed; 1..TABLE_COLUMNS of them. NULL when out of memory. */
struct table *table_new(const struct table_column *columns, size_t count);
void table_free(struct table *t); /* NULL is fine */

/* Adds the next cell, row by row; copied. Errors are remembered for table_print(); a NULL table is one. */
void table_cell(struct table *t, const char *text);

/* Prints with two spaces between columns and none at the ends of lines, cut to `width` columns as far as the columns allow;
 * 0: as wide as it is. 0 or -ENOMEM. */
int table_print(const struct table *t, FILE *to, unsigned width);

/* The same for a table that comes in pieces, each a `struct table` of its own: `widths`, zeros at first, keeps how wide the columns
 * are from piece to piece, and only the first piece has headings. */
int table_print_piece(const struct table *t, FILE *to, unsigned width, unsigned widths[static TABLE_COLUMNS]);

/* Prints on standard output for its terminal, frees the table. Returns an exit code. */
int table_show(struct table *t);

/* Columns that UTF-8 text takes. */
unsigned table_width(const char *text);

#endif

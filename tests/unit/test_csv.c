/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tables as spreadsheets exchange them: what is written is read back, and what is no table is told by line and column. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/cli/csv.h"

static char text[65536];
static struct diag diag;

static int begin(struct csv *c, const void *bytes, size_t size)
{
	diag_free(&diag);
	diag = diag_new();
	memcpy(text, bytes, size);
	return csv_start(c, "form.csv", text, size, &diag);
}

static int clean(void **state)
{
	(void)state;
	diag_free(&diag);
	diag = diag_new();
	return 0;
}

/* The next row's cells, each in brackets; "end" or "mistake". */
static const char *next(struct csv *c)
{
	static char row[65536];
	int r = csv_next(c, &diag);
	if (r <= 0)
		return r ? "mistake" : "end";
	row[0] = '\0';
	for (size_t i = 0; i < c->count; i++)
		snprintf(row + strlen(row), sizeof row - strlen(row), "[%s]", c->cells[i].text);
	return row;
}

static void start(struct csv *c, const char *bytes)
{
	assert_int_equal(begin(c, bytes, strlen(bytes)), 0);
}

static void test_rows(void **state)
{
	(void)state;
	static const struct {
		const char *text, *rows[4];
	} cases[] = {
		{"", {"end"}},
		{"\n\r\n\n", {"end"}},
		{"a,b\n1,2\n", {"[a][b]", "[1][2]", "end"}},
		{"a,b\r\n1,2", {"[a][b]", "[1][2]", "end"}},
		{"\xef\xbb\xbf"
		 "a\n",
			{"[a]", "end"}},
		{",\n,,x\n", {"[][]", "[][][x]", "end"}},
		{"\"a,b\",\"say \"\"x\"\"\"\n", {"[a,b][say \"x\"]", "end"}},
		{"\"two\r\nlines\",z\nend", {"[two\r\nlines][z]", "[end]", "end"}},
		{"\"\"\n\"\",\n", {"[][]", "end"}},
		{"a\rb,c\n", {"[a\rb][c]", "end"}},
		{"総務課,\"携帯\"\n", {"[総務課][携帯]", "end"}},
		{"'=1+1,'x,''=2,''\n", {"[=1+1]['x]['=2]['']", "end"}},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct csv c;
		start(&c, cases[i].text);
		for (size_t j = 0; j < 4 && cases[i].rows[j]; j++)
			assert_string_equal(next(&c), cases[i].rows[j]);
		assert_int_equal(diag.count, 0);
	}
}

static void assert_said(unsigned line, unsigned column, const char *words)
{
	assert_int_equal(diag.count, 1);
	assert_true(diag.failed);
	assert_string_equal(diag.entries[0].file, "form.csv");
	assert_int_equal(diag.entries[0].line, line);
	assert_int_equal(diag.entries[0].column, column);
	if (!strstr(diag.entries[0].text, words))
		fail_msg("no '%s' in: %s", words, diag.entries[0].text);
}

/* Where, in lines and characters, and what was expected. */
static void test_mistakes(void **state)
{
	(void)state;
	static const struct {
		const char *text, *words;
		unsigned line, column;
	} cases[] = {
		{"a,b\nx,\"never\nclosed", "never closed", 2, 3},
		{"課,\"x\"y\n", "after the closing quote", 1, 6},
		{"a\nb,c\"d\n", "a quote in the middle", 2, 4},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct csv c;
		const char *row;
		start(&c, cases[i].text);
		while (*(row = next(&c)) == '[')
			;
		assert_string_equal(row, "mistake");
		assert_said(cases[i].line, cases[i].column, cases[i].words);
	}
}

static void test_bounds(void **state)
{
	(void)state;
	static char cells[CSV_CELLS_MAX + 2], cell[CSV_CELL_MAX + 2];
	struct csv c;
	memset(cells, ',', CSV_CELLS_MAX - 1);
	start(&c, cells);
	assert_int_equal(csv_next(&c, &diag), 1);
	assert_int_equal(c.count, CSV_CELLS_MAX);
	cells[CSV_CELLS_MAX - 1] = ',';
	start(&c, cells);
	assert_int_equal(csv_next(&c, &diag), -EINVAL);
	assert_said(1, CSV_CELLS_MAX + 1, "more than 64 columns");
	memset(cell, 'x', CSV_CELL_MAX);
	start(&c, cell);
	assert_int_equal(csv_next(&c, &diag), 1);
	cell[CSV_CELL_MAX] = 'x';
	start(&c, cell);
	assert_int_equal(csv_next(&c, &diag), -EINVAL);
	assert_said(1, 1, "longer than 4096 bytes");
}

static void test_other_encodings(void **state)
{
	(void)state;
	static const struct {
		const char *bytes;
		size_t size;
		const char *words;
	} cases[] = {
		{"\xff\xfe"
		 "a\0",
			4, "UTF-16"},
		{"\xfe\xff\0a", 4, "UTF-16"},
		{"a\0b", 3, "NUL"},
		{"\x91\x8d\x96\xb1,\xb1\n", 7, "Shift_JIS"},
		{"\xff\xff", 2, "no UTF-8"},
		{"a\x91", 2, "no UTF-8"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct csv c;
		assert_int_equal(begin(&c, cases[i].bytes, cases[i].size), -EINVAL);
		assert_said(1, 1, cases[i].words);
	}
}

/* Written and read again, a table is the same; and no cell of it is a formula on the way. */
static void test_there_and_back(void **state)
{
	(void)state;
	static const char *const cells[] = {"", "plain", "say \"x\"", "two\nlines", "a,b", "=1+1", "+81 3", "-", "@x", "\tx",
		"\rx", "'=x", "''+", "'quoted'", "総務課 携帯", "\"", "\"\"", "'"};
	enum { CELLS = sizeof cells / sizeof *cells };
	char *written = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&written, &size);
	struct csv c;
	assert_non_null(f);
	csv_begin(f);
	for (size_t i = 0; i < CELLS; i++)
		csv_put(f, cells[i], i + 1 == CELLS);
	csv_put(f, "next", true);
	assert_int_equal(fclose(f), 0);
	for (const char *at = strchr(written, '"'); at; at = strstr(at + 1, "\",\""))
		assert_null(strchr("=+-@\t\r", at[*at == '"' && at[1] == ',' ? 3 : 1]));
	assert_int_equal(begin(&c, written, size), 0);
	free(written);
	assert_int_equal(csv_next(&c, &diag), 1);
	assert_int_equal(c.count, CELLS);
	for (size_t i = 0; i < CELLS; i++)
		assert_string_equal(c.cells[i].text, cells[i]);
	assert_string_equal(next(&c), "[next]");
	assert_string_equal(next(&c), "end");
}

static void test_a_cell_knows_where_it_is(void **state)
{
	(void)state;
	struct csv c;
	start(&c, "課,b\n\"x\ny\",\"z\"\n");
	assert_int_equal(csv_next(&c, &diag), 1);
	assert_int_equal(c.cells[1].column, 3);
	assert_int_equal(csv_next(&c, &diag), 1);
	assert_int_equal(c.cells[1].line, 3);
	assert_int_equal(c.cells[1].column, 4);
	csv_mistake(&c, &c.cells[1], &diag, "no %s", "device");
	assert_said(3, 4, "no device");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_rows, clean),
		cmocka_unit_test_setup(test_mistakes, clean),
		cmocka_unit_test_setup(test_bounds, clean),
		cmocka_unit_test_setup(test_other_encodings, clean),
		cmocka_unit_test_setup(test_there_and_back, clean),
		cmocka_unit_test_setup(test_a_cell_knows_where_it_is, clean),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	diag_free(&diag);
	return failed;
}

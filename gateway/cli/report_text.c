/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The report on a terminal, 80 columns wide. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/text.h"
#include "gateway/cli/cli.h"
#include "gateway/cli/report.h"
#include "gateway/cli/report_show.h"
#include "gateway/cli/table.h"

enum { WIDTH = 80, FILL = 78, CELL_TEXT = 512, DAY_HOURS = 24, BAR_SLOTS = 50 };

/* ---- running text ---- */

static bool wide(uint32_t code)
{
	return text_columns(code) == 2;
}

/* What must not begin a line (JIS X 4051): it may stand in the two columns that FILL leaves. */
static bool hangs(uint32_t code)
{
	return code == 0x3001 || code == 0x3002 || code == 0xff09 || code == 0x300d;
}

/* Bytes of the next piece that is kept together: a wide character, or a word with the blanks before it. */
static size_t piece(const char *text, unsigned *columns, bool *hanging)
{
	size_t used = 0, n;
	uint32_t code;
	*columns = 0;
	*hanging = false;
	for (bool word = false; (n = text_utf8_decode(text + used, strlen(text + used), &code)) > 0; used += n) {
		if (used && (wide(code) || (word && code == ' ')))
			break;
		*columns += text_columns(code);
		word = word || code != ' ';
		if (wide(code)) {
			*hanging = hangs(code);
			return used + n;
		}
	}
	return used ? used : strnlen(text, 1);
}

/* Writes the text in lines of FILL columns; the first one begins at column `indent` already, the others are moved there. */
static void wrap(FILE *to, const char *text, unsigned indent)
{
	unsigned at = indent, columns;
	bool hanging;
	while (*text) {
		size_t n = piece(text, &columns, &hanging);
		if (at > indent && at + columns > FILL && !hanging) {
			fprintf(to, "\n%*s", (int)indent, "");
			at = indent;
			size_t blanks = strspn(text, " ");
			text += blanks;
			n -= blanks;
			columns -= (unsigned)blanks;
		}
		fwrite(text, 1, n, to);
		at += columns;
		text += n;
	}
	putc('\n', to);
}

/* A command in pieces that a shell joins again; only blanks outside quotes may be taken. */
static void command(FILE *to, const char *text)
{
	static const char front[] = "  $ ", more[] = "      ";
	unsigned at = (unsigned)fprintf(to, "%s", front);
	while (*text) {
		bool quoted = false;
		size_t n = 0;
		for (; text[n] && (quoted || n == 0 || strncmp(text + n, " --", 3) != 0); n++)
			quoted ^= text[n] == '\'';
		unsigned columns = (unsigned)n;
		if (at > sizeof more && at + columns + 2 > WIDTH) {
			fprintf(to, " \\\n%s", more);
			at = sizeof more - 1;
			text++;
			n--;
		}
		fwrite(text, 1, n, to);
		at += columns;
		text += n;
	}
	putc('\n', to);
}

/* ---- charts ---- */

static const char *bar(json_int_t value, json_int_t most)
{
	static const char *const bars[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
	if (value <= 0)
		return "·";
	return bars[(value * 8 - 1) / (most > 0 ? most : 1) > 7 ? 7 : (value * 8 - 1) / (most > 0 ? most : 1)];
}

static json_int_t value_of(const json_t *chart, size_t bucket, size_t series)
{
	const json_t *b = json_array_get(json_object_get(chart, "buckets"), bucket);
	return json_integer_value(json_object_get(json_array_get(json_object_get(b, "values"), series), "value"));
}

static json_int_t most_of(const json_t *chart, size_t series)
{
	json_int_t most = 0;
	for (size_t i = 0; i < json_array_size(json_object_get(chart, "buckets")); i++)
		if (value_of(chart, i, series) > most)
			most = value_of(chart, i, series);
	return most;
}

static struct tm bucket_time(const json_t *chart, size_t bucket)
{
	return report_local(json_object_get(json_array_get(json_object_get(chart, "buckets"), bucket), "since"));
}

/* A line for each day: what came in each of its hours. */
static void hours(FILE *to, const json_t *chart, size_t series, json_int_t most)
{
	size_t count = json_array_size(json_object_get(chart, "buckets"));
	for (size_t i = 0; i < count;) {
		json_int_t in[DAY_HOURS] = {0}, all = 0;
		bool here[DAY_HOURS] = {false};
		const struct tm day = bucket_time(chart, i);
		char text[32];
		for (struct tm tm = day; i < count && tm.tm_mday == day.tm_mday; tm = bucket_time(chart, ++i)) {
			in[tm.tm_hour % DAY_HOURS] += value_of(chart, i, series);
			here[tm.tm_hour % DAY_HOURS] = true;
			all += value_of(chart, i, series);
		}
		strftime(text, sizeof text, "%m-%d", &day);
		fprintf(to, "%-7s", text);
		for (size_t h = 0; h < DAY_HOURS; h++)
			fputs(!here[h] ? "  " : bar(in[h], most), to), fputs(here[h] ? bar(in[h], most) : "", to);
		fprintf(to, "  %" JSON_INTEGER_FORMAT "\n", all);
	}
}

static void days(FILE *to, const json_t *chart, size_t series, json_int_t most)
{
	size_t count = json_array_size(json_object_get(chart, "buckets"));
	for (size_t i = 0; i < count; i += BAR_SLOTS) {
		const struct tm day = bucket_time(chart, i);
		char text[32];
		strftime(text, sizeof text, "%Y-%m-%d", &day);
		fprintf(to, "%-12s", text);
		for (size_t j = i; j < count && j < i + BAR_SLOTS; j++)
			fputs(bar(value_of(chart, j, series), most), to);
		putc('\n', to);
	}
}

static void chart_show(FILE *to, const json_t *chart)
{
	const json_t *series;
	size_t i;
	bool by_hour = !strcmp(cli_text(chart, "unit"), "hour");
	json_array_foreach(json_object_get(chart, "series"), i, series)
	{
		json_int_t most = most_of(chart, i);
		if (!most)
			continue;
		fprintf(to, "\n%s (█ = %" JSON_INTEGER_FORMAT ")\n", cli_text(series, "title"), most);
		if (by_hour)
			fputs("       0           6           12          18          24\n", to);
		(by_hour ? hours : days)(to, chart, i, most);
	}
}

/* ---- tables ---- */

static void table_show_all(FILE *to, const json_t *table, bool commands)
{
	const json_t *columns = json_object_get(table, "columns"), *rows = json_object_get(table, "rows"), *column, *row, *note;
	struct table_column made[TABLE_COLUMNS] = {0};
	size_t count = json_array_size(columns), i, j;
	if (!json_array_size(rows) || count > TABLE_COLUMNS)
		return;
	fprintf(to, "\n%s\n", cli_text(table, "title"));
	json_array_foreach(columns, i, column)
	{
		const char *kind = cli_text(column, "kind");
		bool number = !strcmp(kind, "count") || !strcmp(kind, "bytes") || !strcmp(kind, "number");
		made[i] = (struct table_column){.title = cli_text(column, "title"),
			.align = number ? TABLE_RIGHT : TABLE_LEFT,
			.cut = strcmp(kind, "text") && strcmp(kind, "key") ? TABLE_WHOLE : TABLE_CUT};
	}
	struct table *t = table_new(made, count);
	json_array_foreach(rows, i, row)
	{
		json_array_foreach(columns, j, column)
		{
			char cell[CELL_TEXT];
			table_cell(t, report_cell_text(row, column, cell, sizeof cell));
		}
	}

	if (table_print(t, to, WIDTH))
		fputs("(out of memory)\n", to);
	table_free(t);
	json_array_foreach(json_object_get(table, "notes"), i, note)
	{
		wrap(to, json_string_value(note), 0);
	}

	if (commands)
		json_array_foreach(rows, i, row)
		{
			const char *key, *last = "";
			json_t *cell;
			json_object_foreach((json_t *)row, key, cell)
			{
				if (json_is_object(cell) && strcmp(last, cli_text(cell, "command")) != 0) {
					last = cli_text(cell, "command");
					command(to, last);
				}
			}
		}
}

static void section_show(FILE *to, const json_t *section, enum report_lang lang, bool commands)
{
	const json_t *item;
	size_t i;
	fprintf(to, "\n%s\n", cli_text(section, "title"));
	for (unsigned n = table_width(cli_text(section, "title")); n; n--)
		putc('-', to);
	putc('\n', to);
	json_array_foreach(json_object_get(section, "notes"), i, item)
	{
		wrap(to, json_string_value(item), 0);
	}

	if (report_section_empty(section))
		fprintf(to, "%s\n", lang == REPORT_JA ? "ありません。" : "Nothing.");
	json_array_foreach(json_object_get(section, "charts"), i, item)
	{
		chart_show(to, item);
	}

	json_array_foreach(json_object_get(section, "tables"), i, item)
	{
		table_show_all(to, item, commands);
	}

	if (json_object_get(section, "command"))
		command(to, cli_text(section, "command"));
}

static const char *mark(const char *level)
{
	return !strcmp(level, "alarm") ? "!!" : !strcmp(level, "look") ? "! " : !strcmp(level, "note") ? "- " : "ok";
}

void report_text(FILE *to, const json_t *document, enum report_lang lang, bool commands)
{
	const json_t *period = json_object_get(document, "period"), *item;
	char since[TIME_TEXT], until[TIME_TEXT], cell[CELL_TEXT];
	size_t i;
	bool one = report_period_text(period, since, until);
	fprintf(to, "%s: %s\n%s%s%s (%s)\n\n", cli_text(document, "title"), cli_text(document, "gateway"), since,
		one ? "" : " - ", one ? "" : until, report_offset_text(json_object_get(period, "since")));
	json_array_foreach(json_object_get(document, "attention"), i, item)
	{
		fprintf(to, "%s ", mark(cli_text(item, "level")));
		wrap(to, cli_text(item, "text"), 3);
	}
	static const struct table_column columns[] = {{.align = TABLE_LEFT}, {.align = TABLE_RIGHT}};
	struct table *t = table_new(columns, 2);
	json_array_foreach(json_object_get(document, "figures"), i, item)
	{
		table_cell(t, cli_text(item, "title"));
		table_cell(t, report_figure_text(json_object_get(item, "figure"), cli_text(item, "kind"), cell, sizeof cell));
	}
	putc('\n', to);
	if (table_print(t, to, WIDTH))
		fputs("(out of memory)\n", to);
	table_free(t);
	json_array_foreach(json_object_get(document, "sections"), i, item)
	{
		section_show(to, item, lang, commands);
	}

	if (!commands) {
		putc('\n', to);
		wrap(to,
			lang == REPORT_JA ? "--commands を付けると、どの数字にもその行を一覧するコマンドが付きます（--html と "
					    "--json には常にあります）。"
					  : "With --commands (and always with --html and --json) every figure comes with the "
					    "command that lists "
					    "its lines.",
			0);
	}
}

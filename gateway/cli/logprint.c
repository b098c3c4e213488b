/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/cli/logprint.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/text.h"
#include "gateway/cli/cli.h"
#include "gateway/cli/logprint_internal.h"

enum { CELL = 1200, NARROW = 100 /* columns of a terminal that has no room for the year */, YEAR = sizeof "2026-" - 1 };

static const struct table_column columns[LOGPRINT_COLUMNS] = {
	{"TIME", TABLE_LEFT, TABLE_WHOLE},
	{"WHAT", TABLE_LEFT, TABLE_WHOLE},
	{"WHO", TABLE_LEFT, TABLE_CUT},
	{"FROM", TABLE_LEFT, TABLE_CUT},
	{"TO", TABLE_LEFT, TABLE_CUT},
	{"WHY", TABLE_LEFT, TABLE_CUT},
};

struct cell {
	char text[CELL];
	size_t used;
};

static void put(struct cell *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put(struct cell *c, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int n = vsnprintf(c->text + c->used, sizeof c->text - c->used, format, args);
	va_end(args);
	if (n > 0)
		c->used += (size_t)n < sizeof c->text - c->used ? (size_t)n : sizeof c->text - c->used - 1;
}

static void put_value(struct cell *c, const char *before, struct logvalue v, const char *after)
{
	char text[CELL];
	if (v.text && logvalue_text(v, text, sizeof text))
		put(c, "%s%s%s%s", c->used ? " " : "", before, text, after);
}

static void put_items(struct cell *c, const char *before, struct logvalue array)
{
	struct logvalue item;
	size_t at = 0;
	for (bool first = true; logvalue_next(array, &at, &item); first = false)
		put_value(c, first ? before : "", item, "");
}

const char *logprint_time(const struct logprint *p, int64_t usec, char out[static LOGPRINT_TIME])
{
	const time_t seconds = (time_t)(usec / 1000000 - (usec % 1000000 < 0));
	struct tm tm;
	if (usec == LOGVALUE_NONE || !(p->utc ? gmtime_r(&seconds, &tm) : localtime_r(&seconds, &tm)) ||
		!strftime(out, LOGPRINT_TIME, "%Y-%m-%d %H:%M:%S", &tm))
		snprintf(out, LOGPRINT_TIME, "-");
	return out;
}

static void cell_who(struct cell *c, const struct logvalue *v)
{
	char hash[9];
	if (v[LOGFIELD_USER].text) {
		put_value(c, "", v[LOGFIELD_USER], "");
	} else if (v[LOGFIELD_ADMIN].text) {
		put_value(c, "", v[LOGFIELD_ADMIN], "");
	} else if (v[LOGFIELD_USER_HASH].text) {
		logvalue_text(v[LOGFIELD_USER_HASH], hash, sizeof hash);
		put(c, "#%s", hash);
	}
}

static void cell_from(struct cell *c, const struct logvalue *v)
{
	put_value(c, "", v[LOGFIELD_DEVICE], "");
	put_value(c, "", v[v[LOGFIELD_ENDPOINT_IP].text ? LOGFIELD_ENDPOINT_IP : LOGFIELD_SOURCE_IP], "");
}

static void cell_to(struct cell *c, const struct logvalue *v)
{
	char address[64];
	if (!v[LOGFIELD_DESTINATION_IP].text) {
		if (!v[LOGFIELD_USER].text)
			put_items(c, "for ", v[LOGFIELD_RELATED_USER]);
		return;
	}
	put_value(c, v[LOGFIELD_TRANSPORT].text ? "" : "protocol ",
		v[v[LOGFIELD_TRANSPORT].text ? LOGFIELD_TRANSPORT : LOGFIELD_PROTOCOL], "");
	logvalue_text(v[LOGFIELD_DESTINATION_IP], address, sizeof address);
	bool brackets = v[LOGFIELD_DESTINATION_PORT].text && strchr(address, ':');
	put(c, "%s%s%s%s", c->used ? " " : "", brackets ? "[" : "", address, brackets ? "]" : "");
	if (v[LOGFIELD_DESTINATION_PORT].text)
		put(c, ":%" PRId64, logvalue_number(v[LOGFIELD_DESTINATION_PORT]));
}

/* Reason, line of the ACL, and what else makes the event what it is. */
static void cell_why(struct cell *c, const struct logvalue *v)
{
	char up[CLI_SIZE], down[CLI_SIZE], lasted[DURATION_TEXT];
	int64_t sent = logvalue_number(v[LOGFIELD_SOURCE_BYTES]), got = logvalue_number(v[LOGFIELD_DESTINATION_BYTES]);
	int64_t duration = logvalue_number(v[LOGFIELD_DURATION]);
	put_value(c, "", v[LOGFIELD_REASON], "");
	put_value(c, "", v[LOGFIELD_RULE], "");
	put_value(c, "+", v[LOGFIELD_COUNT_FIELD], " more");
	if (sent >= 0 && got >= 0)
		put(c, "%s%s up, %s down", c->used ? ", " : "", cli_size((uint64_t)sent, up), cli_size((uint64_t)got, down));
	if (duration >= 0)
		put(c, "%s%s", c->used ? ", " : "", duration_format(duration / 1000000000, lasted));
	if (v[LOGFIELD_USER].text)
		put_value(c, "by ", v[LOGFIELD_ADMIN], "");
	put_value(c, "", v[LOGFIELD_VERB], "");
	put_value(c, "", v[LOGFIELD_NOTE], "");
	put_value(c, "", v[v[LOGFIELD_ERROR].text ? LOGFIELD_ERROR : LOGFIELD_MESSAGE], "");
}

static int row(struct logprint *p, const struct logmatch *match)
{
	static void (*const makers[])(struct cell *, const struct logvalue *) = {cell_who, cell_from, cell_to, cell_why};
	const unsigned width = cli_columns();
	char time[LOGPRINT_TIME];
	struct cell what = {.used = 0};
	if (!p->table)
		p->table = table_new(columns, LOGPRINT_COLUMNS);
	logprint_time(p, match->time, time);
	table_cell(p->table, width && width < NARROW && strlen(time) > YEAR ? time + YEAR : time);
	put_value(&what, "", match->values[LOGFIELD_ACTION], "");
	table_cell(p->table, what.text);
	for (size_t i = 0; i < sizeof makers / sizeof *makers; i++) {
		struct cell c = {.used = 0};
		makers[i](&c, match->values);
		table_cell(p->table, c.used ? c.text : "-");
	}
	return ++p->rows == LOGPRINT_ROWS ? logprint_flush(p) : CLI_OK;
}

/* Lines of the gateway have nothing that harms; others might. */
static int raw(const struct logmatch *match)
{
	const struct logset_line *line = &match->line;
	size_t size = line->size - (line->size && line->text[line->size - 1] == '\n');
	if (!isatty(STDOUT_FILENO)) {
		fwrite(line->text, 1, size, stdout);
		putchar('\n');
		return CLI_OK;
	}
	char *text = strndup(line->text, size), *safe = malloc(size * TEXT_SAFE_GROWTH + 1);
	if (text && safe)
		puts(text_safe(text, safe, size * TEXT_SAFE_GROWTH + 1));
	bool good = text && safe;
	free(text);
	free(safe);
	return good ? CLI_OK : cli_fail(CLI_FAILED, "free some memory and try again", "out of memory");
}

int logprint_line(struct logprint *p, const struct logmatch *match)
{
	if (ferror(stdout))
		return cli_fail(CLI_FAILED, "is the disk full?", "cannot write to standard output");
	switch (p->form) {
	case LOGPRINT_JSON:
		return raw(match);
	case LOGPRINT_CSV:
		logprint_csv(p, match);
		return CLI_OK;
	case LOGPRINT_TABLE:
		break;
	}
	return row(p, match);
}

int logprint_flush(struct logprint *p)
{
	int failed = p->table ? table_print_piece(p->table, stdout, cli_columns(), p->widths) : 0;
	table_free(p->table);
	p->table = NULL;
	p->rows = 0;
	fflush(stdout);
	return failed ? cli_fail(CLI_FAILED, "free some memory and try again", "out of memory") : CLI_OK;
}

int logprint_end(struct logprint *p)
{
	if (p->form == LOGPRINT_CSV)
		logprint_csv_begin(p);
	return logprint_flush(p);
}

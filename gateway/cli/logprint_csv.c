/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Comma-separated values (RFC 4180) for spreadsheets: UTF-8 with a byte order mark, which Excel wants, CRLF at the ends of lines.
 */
#include <stdio.h>
#include <string.h>

#include "common/text.h"
#include "gateway/cli/logprint_internal.h"
#include "gateway/seal.h"

enum { CELL = 2048 };

static const struct {
	const char *title;
	enum logfield field;
} columns[] = {
	{"timestamp", LOGFIELD_TIME},
	{"sequence", LOGFIELD_SEQUENCE},
	{"action", LOGFIELD_ACTION},
	{"outcome", LOGFIELD_OUTCOME},
	{"reason", LOGFIELD_REASON},
	{"user", LOGFIELD_USER},
	{"user_hash", LOGFIELD_USER_HASH},
	{"admin", LOGFIELD_ADMIN},
	{"device", LOGFIELD_DEVICE},
	{"device_label", LOGFIELD_DEVICE_LABEL},
	{"device_class", LOGFIELD_DEVICE_CLASS},
	{"device_key", LOGFIELD_DEVICE_KEY},
	{"outer_address", LOGFIELD_ENDPOINT_IP},
	{"outer_port", LOGFIELD_ENDPOINT_PORT},
	{"source_address", LOGFIELD_SOURCE_IP},
	{"source_port", LOGFIELD_SOURCE_PORT},
	{"transport", LOGFIELD_TRANSPORT},
	{"protocol", LOGFIELD_PROTOCOL},
	{"destination_address", LOGFIELD_DESTINATION_IP},
	{"destination_port", LOGFIELD_DESTINATION_PORT},
	{"bytes_up", LOGFIELD_SOURCE_BYTES},
	{"bytes_down", LOGFIELD_DESTINATION_BYTES},
	{"packets_up", LOGFIELD_SOURCE_PACKETS},
	{"packets_down", LOGFIELD_DESTINATION_PACKETS},
	{"start", LOGFIELD_START},
	{"end", LOGFIELD_END},
	{"duration_ns", LOGFIELD_DURATION},
	{"session", LOGFIELD_SESSION},
	{"session_opened", LOGFIELD_SESSION_OPENED},
	{"rule", LOGFIELD_RULE},
	{"acl_generation", LOGFIELD_GENERATION},
	{"more", LOGFIELD_COUNT_FIELD},
	{"note", LOGFIELD_NOTE},
	{"error", LOGFIELD_ERROR},
};

/* A spreadsheet takes a cell that begins with = + - @ for a formula, and runs it: an apostrophe makes it text. */
static void cell(const char *text)
{
	char safe[CELL];
	text_safe(text, safe, sizeof safe);
	bool formula = *safe && strchr("=+-@", *safe), quoted = formula || strpbrk(safe, ",\"");
	if (quoted)
		putchar('"');
	if (formula)
		putchar('\'');
	for (const char *at = safe; *at; at++) {
		if (*at == '"')
			putchar('"');
		putchar(*at);
	}
	if (quoted)
		putchar('"');
}

void logprint_csv_begin(struct logprint *p)
{
	if (p->begun)
		return;
	p->begun = true;
	fputs("\xef\xbb\xbftime,log", stdout);
	for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
		printf(",%s", columns[i].title);
	fputs("\r\n", stdout);
}

void logprint_csv(struct logprint *p, const struct logmatch *match)
{
	char text[CELL], time[LOGPRINT_TIME];
	logprint_csv_begin(p);
	cell(logprint_time(p, match->time, time));
	putchar(',');
	cell(seal_file_name(match->file));
	for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
		putchar(',');
		logvalue_text(match->values[columns[i].field], text, sizeof text);
		cell(text);
	}
	fputs("\r\n", stdout);
}

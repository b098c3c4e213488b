/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How `log search` and `log tail` show a line: as a row for people, as it stands, or as a row for a spreadsheet. */
#ifndef SEKISHO_LOGPRINT_H
#define SEKISHO_LOGPRINT_H

#include "gateway/cli/logmerge.h"
#include "gateway/cli/table.h"

enum logprint_form {
	LOGPRINT_TABLE,
	LOGPRINT_JSON, /* unchanged, byte for byte; on a terminal what it should not see is escaped */
	LOGPRINT_CSV, /* RFC 4180 with a byte order mark */
};

enum { LOGPRINT_COLUMNS = 6, LOGPRINT_ROWS = 500 };

struct logprint {
	enum logprint_form form;
	bool utc, begun;
	struct table *table; /* rows that are not shown yet */
	size_t rows;
	unsigned widths[TABLE_COLUMNS];
};

/* Shows one line on standard output, tables in pieces of LOGPRINT_ROWS. CLI_OK or, having said why not, CLI_FAILED. */
int logprint_line(struct logprint *p, const struct logmatch *match);

/* Shows what is held back, and flushes standard output. Once more at the end: then also what a search without a result shows. */
int logprint_flush(struct logprint *p);
int logprint_end(struct logprint *p);

#endif

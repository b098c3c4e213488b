/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The lines of a set of logs that fit a query, all logs together in the order of their times. Each log keeps its own order, also
 * where the clock was set back in it: the next line is the earliest of those that come next in their logs. Memory is bounded by
 * one buffer a log.
 */
#ifndef SEKISHO_LOGMERGE_H
#define SEKISHO_LOGMERGE_H

#include "gateway/cli/logquery.h"
#include "gateway/cli/logset.h"

struct logmatch {
	struct logset_line line;
	enum log_file file;
	int64_t time; /* LOGVALUE_NONE when it has none: such lines come at once */
	struct logvalue values[LOGFIELDS]; /* point into the line */
};

struct logmerge {
	const struct logset *set;
	const struct logquery *query;
	struct logmerge_log {
		size_t next; /* file */
		struct logreader reader;
		struct logmatch head;
		bool has_head, ended;
	} logs[LOG_FILES];
	bool failed; /* a file, or its rest, could not be read; it has been said */
	uint64_t unread; /* lines that were looked at and are no JSON */
	const char *unread_path; /* the first one's file; of the set */
};

/* Set and query are borrowed. Files whose lines are all more than LOGMERGE_MARGIN_USEC outside of the query's period are not
 * read. */
void logmerge_open(struct logmerge *m, const struct logset *set, const struct logquery *query);
void logmerge_close(struct logmerge *m);

/* The next line, good until the call after; NULL at the end. */
const struct logmatch *logmerge_next(struct logmerge *m);

/* Understands a line: 1 when it fits, 0 when not, -EINVAL when it is no JSON object. */
int logmatch_read(struct logmatch *match, const struct logquery *query, enum log_file file, const struct logset_line *line);

/* Clocks are set, and an event may be recorded some time after its instant: a day is more than either should ever be. */
#define LOGMERGE_MARGIN_USEC (INT64_C(86400) * 1000000)

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the files of the log share: log.c writes lines, log_open.c finds where to go on and rotates, log_room.c watches the space
 * and keeps the reserve, log_compose.c makes a line, log_stream.c is one file. Nobody but these and their tests includes this.
 */
#ifndef SEKISHO_LOG_INTERNAL_H
#define SEKISHO_LOG_INTERNAL_H

#include <jansson.h>
#include <stdint.h>
#include <sys/types.h>

#include "gateway/log.h"
#include "gateway/log_copy.h"
#include "gateway/log_stream.h"

/* What could not be recorded since the last line of a file. */
struct log_missing {
	uint64_t count;
	char from[TIME_TEXT], to[TIME_TEXT];
	const char *reason; /* of the first */
	int64_t since; /* CLOCK_BOOTTIME microseconds */
};

struct log_news {
	bool told; /* until the trouble is over */
	bool waits;
	char text[224];
};

struct log {
	int dir, lock;
	char observer[256];
	struct log_stream streams[LOG_FILES];
	struct log_missing missing[LOG_FILES];
	int failing[LOG_FILES]; /* -errno of a file that the disk does not take, 0 when it does */
	uint64_t reserve, low; /* bytes */
	enum log_room room;
	int room_error; /* why there is none */
	int outage_error; /* first -errno since there was none, until log_outage_end() */
	int64_t outage_since;
	struct log_copy copy;
	struct log_news news[LOG_TROUBLES][LOG_FILES];
	struct sealer *sealer; /* NULL: no seals */
	int seal_error;
	char line[LOG_LINE_MAX];
};

/* "auth.jsonl", "sekisho.auth". */
const char *log_file_name(enum log_file file);

/* Counts an event that could not be recorded. */
void log_count_missing(struct log *l, enum log_file file, int64_t when, const char *reason);

/* Writes what is missing as one log-gap, if anything is. 0, or -errno: it stays for later. */
int log_record_missing(struct log *l, enum log_file file);

/* Makes the seal that covers all lines so far, on disk when this returns 0. */
int log_seal(struct log *l, enum log_file file, const char *reason);

/* log-opened, log-closed. A failure is counted as that of any other line. */
void log_mark(struct log *l, enum log_file file, const char *action, const char *reason, const bool *clean);

/* Is there still room for lines that need not be written, behind `size` bytes more, without touching the reserve? 0 or -errno. */
int log_room_beside_reserve(struct log *l, enum log_file file, size_t size);

/* Looks at the disk: sets l->room and l->room_error, and notes trouble. */
void log_room_look(struct log *l);

/* A write to the file has worked (0) or failed. */
void log_room_note(struct log *l, enum log_file file, int result);

/* Notes trouble to be told once, until log_trouble_over(). */
void log_trouble_note(struct log *l, enum log_trouble kind, enum log_file file, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
void log_trouble_over(struct log *l, enum log_trouble kind, enum log_file file);

/* What every line has besides its event. */
struct log_envelope {
	int64_t when;
	uint64_t sequence;
	const char *dataset, *observer;
};

/*
 * Writes the event as one line with its newline. An event that is too long loses its largest members, whose names then stand in
 * sekisho.dropped. Bytes used; -ENOMEM (also for NULL and for an event without event.action); -EMSGSIZE.
 */
ssize_t log_compose(json_t *event, const struct log_envelope *envelope, char line[static LOG_LINE_MAX]);

/* The same of parts as log_write_text() has them. Bytes used; -EMSGSIZE. */
ssize_t log_compose_text(
	const char *event, const char *rest, const struct log_envelope *envelope, char line[static LOG_LINE_MAX]);

#endif

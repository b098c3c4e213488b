/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The evidence: three files of JSON lines with names of the Elastic Common Schema; docs/log-events.md names every event and
 * field. One component owns the files: one write(2) a line, numbers (`event.sequence`) without gaps over restarts, a torn last
 * line of a crash cut back and recorded as `log-gap`. What cannot be recorded is itself recorded as soon as there is room again.
 *
 * There is no queue: a line is in its file, or counted, when log_write() returns. While a disk is slow, what comes in waits in
 * the kernel's socket buffers, which are bounded, and their overruns are counted by the kernel.
 */
#ifndef SEKISHO_LOG_H
#define SEKISHO_LOG_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct log;

enum { LOG_COPY_MAX = 16384 };

enum log_file { LOG_AUTH, LOG_ACCESS, LOG_AUDIT, LOG_FILES };

/* What there is room for. */
enum log_room {
	LOG_ROOM_GOOD,
	LOG_ROOM_LOW, /* less than `low` is free: what is only convenient is left out, what repeats is merged for longer */
	LOG_ROOM_NONE, /* less than `reserve` is free, or writing fails */
};

/* Opens DIR/auth.jsonl, access.jsonl, audit.jsonl (0640) and finds where numbering goes on. `observer` is our host name. The keys
 * of the seals are in `seal_dir` (see sealer.h); NULL: no seals are made. A file whose end is not ours, or that others may write,
 * is refused. A full disk is not: it shows in log_ready(). 0 or -errno with `why` (-EBUSY: another gateway writes here). */
int log_open(const char *dir, const char *seal_dir, const char *observer, uint64_t reserve_bytes, struct log **out, char *why,
	size_t why_size);
void log_close(struct log *l);

/*
 * Sets the limits, in bytes: below `reserve` log_ready() fails; below `low` there is LOG_ROOM_LOW. A part of the reserve is
 * allocated to the files at once (fallocate(2), at most 8 MiB a file), beyond their ends, so that nobody else can take it: lines
 * that are written `durable` go there when the disk is full; others are then counted instead.
 */
void log_limits(struct log *l, uint64_t reserve, uint64_t low);

/* Which files' lines also go to syslog(3), see log_copy.h; seals always do. How many it did not take since the start. */
void log_copies(struct log *l, const bool wanted[static LOG_FILES]);
uint64_t log_copies_lost(const struct log *l);

/* Closes and opens the files again (after rotation by rename); writes log-closed and log-opened. 0 or -errno: the old stay
 * (-EEXIST: where a new file should begin, there is one with lines). */
int log_reopen(struct log *l);

/*
 * Completes `event` (stolen, also on failure) with @timestamp `when`, event.sequence, event.dataset, observer.name and
 * ecs.version, and writes it. With `durable` it is on disk (fdatasync(2)) on return 0. -errno: not recorded (-ENOSPC ...),
 * counted for the gap record. An event longer than 16 KiB loses its largest fields; their names are then in sekisho.dropped.
 */
int log_write(struct log *l, enum log_file file, int64_t when, json_t *event, bool durable);

/* A durable line, of which the next durable one in the same file, or log_sync(), makes sure: so several cost one wait. */
int log_write_early(struct log *l, enum log_file file, int64_t when, json_t *event);

/*
 * The same, not durable, for an event that somebody has composed by hand (jsonline.h), where a tree for each would cost too much:
 * `event` holds the members of "event" but for sequence and dataset, `rest` all other members but for @timestamp, observer and
 * ecs, with a comma behind each. Both are valid JSON between these, and short enough for a line.
 */
int log_write_text(struct log *l, enum log_file file, int64_t when, const char *event, const char *rest);

/* The same, durable; `copy` gets the line as it stands in the file, without its newline, or, when it could not be recorded, as it
 * would have stood there, with number 0; "" when not even that can be made. */
int log_write_copy(struct log *l, enum log_file file, int64_t when, json_t *event, char copy[static LOG_COPY_MAX]);

/* Flushes what was written without `durable`, and seals what is due; called from a timer. 0 or -errno. */
int log_sync(struct log *l);

/* May a login be recorded now: is more than the reserve free, and did the last writes work? 0, -ENOSPC, or the error. */
int log_ready(struct log *l);

/* As of the last log_sync(), log_ready() or failed write; costs nothing. */
enum log_room log_room(const struct log *l);

/* Are events being lost now, because the disk does not take them? 0, or the -errno of the first file that lacks some. */
int log_failing(const struct log *l);

/* The outage that began at `since`, also when it is over again by now: its first error, or 0 when there was none since the last
 * log_outage_end(). */
int log_outage(const struct log *l, int64_t *since);
void log_outage_end(struct log *l);

/* How many events are missing in all files and not yet on record as log-gap. */
uint64_t log_lacking(const struct log *l);

/* The published word (event.reason) for a disk that gives this -errno. */
const char *log_error_reason(int error);

/* Trouble that an operator must hear of: asked for after log_write() and log_sync(), never within them. `text` (`size` bytes) is
 * a sentence with what to do. False: there is none that has not been told yet. */
enum log_trouble {
	LOG_TROUBLE_GAP, /* a log-gap was written to `file`, and not only refused packets counted */
	LOG_TROUBLE_SEAL, /* the file's seal cannot be made */
	LOG_TROUBLE_SPACE_LOW,
	LOG_TROUBLE_FULL, /* less than the reserve is free, or the disk is full */
	LOG_TROUBLE_ERROR, /* the file cannot be written for another reason */
	LOG_TROUBLES
};
bool log_trouble(struct log *l, enum log_trouble *kind, enum log_file *file, char *text, size_t size);

/* 0, or why the last seal could not be made; it is tried again with each log_sync(). */
int log_sealing(const struct log *l);

/* The public key of the next seal of a file, and its number; false without seals. */
struct key;
bool log_key(const struct log *l, enum log_file file, struct key *out, uint64_t *epoch);

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One file of lines that are only ever appended: opened safely, continued after its last whole line, and never left with half a
 * line at its end. Knows nothing of what the lines say, except their number.
 */
#ifndef SEKISHO_LOG_STREAM_H
#define SEKISHO_LOG_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/text.h"

enum { LOG_LINE_MAX = 16384 }; /* bytes with the newline */

struct log_stream {
	int fd;
	uint64_t sequence; /* of the last line; 0 for none */
	off_t size; /* where the next line goes */
	off_t reserved; /* room behind the end is the file's own up to here */
	off_t flushed; /* on disk up to here */
	bool dirty; /* there is more to flush */
	bool doubtful; /* flushing has failed: the kernel may have given up what lies behind `flushed` */
	off_t cut; /* >= 0: what lies behind must be cut off before anything is written */
};

/* What the end of a file says. */
struct log_tail {
	uint64_t sequence; /* of the last whole line; 0 when there is none */
	char time[TIME_TEXT]; /* its @timestamp, or "" */
	bool closed; /* it is a log-closed, or the file is empty */
	bool torn; /* half a line was cut off behind it */
};

/* Opens or creates (0640) `name` in the folder `dir`. 0; -EPERM, -EACCES, -EINVAL, -ELOOP for a file of others, with other
 * permissions, of another kind; -errno. `why` names the mending command. */
int log_stream_open(int dir, const char *name, struct log_stream *out, char *why, size_t why_size);
void log_stream_close(struct log_stream *s);

/* Reads the end of the file and cuts a torn last line off. 0; -EUCLEAN with `why` when these are not lines of ours; -errno. */
int log_stream_resume(struct log_stream *s, const char *name, struct log_tail *out, char *why, size_t why_size);

/* The highest number in rotated files of `name` (NAME.* and NAME-*, not compressed); 0 when there is none. */
uint64_t log_stream_rotated(int dir, const char *name);

/* Appends one line with one write(2). 0, or -errno: then nothing of it is in the file. */
int log_stream_append(struct log_stream *s, const char *line, size_t size);

/* Flushes to disk. 0 or -errno. After a failed fdatasync(2) the kernel takes pages for clean that never reached the disk, and the
 * next one succeeds; so whatever was not flushed is then written again first. */
int log_stream_sync(struct log_stream *s);

/* Sees to it that the next `size` bytes have their room on disk, allocated beyond the file's end (fallocate(2),
 * FALLOC_FL_KEEP_SIZE); takes some more, so that not every line asks. 0, also where the file system cannot do that; -ENOSPC, ...
 */
int log_stream_reserve(struct log_stream *s, size_t size);

/* Gives what is allocated beyond the end back. */
void log_stream_trim(struct log_stream *s);

/* Takes the last `size` bytes, a line just appended, off again; if that fails now, before the next line. */
void log_stream_undo(struct log_stream *s, size_t size);

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The files of one log while they are written, across rotation by rename: each line once, none left out. The numbers of the lines
 * (event.sequence) say where to go on when a new file has taken the name, or when anything else does not fit together: then all
 * files of the log are looked through for what comes next.
 */
#ifndef SEKISHO_LOGFOLLOW_H
#define SEKISHO_LOGFOLLOW_H

#include <sys/types.h>

#include "gateway/cli/logset.h"

struct logfollow {
	const char *dir; /* borrowed */
	enum log_file file;
	int fd; /* of the file that is written; -1: there is none */
	dev_t device;
	ino_t inode;
	off_t offset; /* of what was read */
	uint64_t last; /* number of the last line that was handed out; 0: of none */
	char *data; /* the piece of a line that is not whole yet */
	size_t size;
	bool skipping; /* the rest of a line that is longer than the buffer */
	bool patient; /* set by the caller who reads again and again: what is not found is looked for again, for ten seconds */
	int64_t lost_since; /* time_boot() of the first look that did not find the next line; 0: on track */
	/* Gets each line; other than 0 ends it all and is returned. */
	int (*each)(enum log_file file, const struct logset_line *line, void *arg);
	void *arg;
};

/* Begins at the first line that starts at `offset` or behind, of the file that is written, NAME.jsonl in `dir`; it need not be
 * there yet. 0, -ENOMEM or -errno. */
int logfollow_open(struct logfollow *f, const char *dir, enum log_file file, off_t offset,
	int (*each)(enum log_file file, const struct logset_line *line, void *arg), void *arg);
void logfollow_close(struct logfollow *f);

/* Hands out what has been written since. 0; what `each` returned; CLI_FAILED after saying what cannot be read. */
int logfollow_read(struct logfollow *f);

#endif

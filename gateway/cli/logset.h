/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The log files in a folder, for the command: those being written, those that logrotate(8) renamed (NAME.1, NAME-20261123), also
 * compressed by gzip(1), in the order of their lines. Read as a stream, a line at a time, so that memory stays bounded however
 * long the logs are.
 */
#ifndef SEKISHO_LOGSET_H
#define SEKISHO_LOGSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/cli/logreader.h"
#include "gateway/log.h"

struct logset_file {
	char *path;
	uint64_t first; /* number of its first line; 0 when that has none */
	int64_t time; /* of its first line; LOGVALUE_NONE when that has none */
	bool compressed;
	dev_t device; /* which file it was, whatever it is called later */
	ino_t inode;
};

struct logset {
	struct logset_file *files[LOG_FILES]; /* sorted by `first` */
	size_t count[LOG_FILES];
};

/* Finds the files. Of a file and its compressed copy, as there are while gzip(1) is at work, the copy is left out. 0; CLI_FAILED
 * after saying what is wrong (no folder, no logs in it, a form of compression that is not read). */
int logset_open(const char *dir, struct logset *out);
void logset_close(struct logset *set);

/* logreader_open() of a file as it was found; -ESTALE, with nothing said, when that has another name by now or is gone. */
int logset_file_open(const struct logset_file *file, struct logreader *out);
int logset_say_stale(const struct logset_file *file); /* says so; CLI_FAILED */

/* Calls `each` for every line of one file, or of a whole log, oldest file first, until it returns false. 0, or CLI_FAILED after
 * saying which file could not be read; for one file also -ESTALE as above. */
int logset_file_read(const struct logset_file *file, bool (*each)(const struct logset_line *line, void *arg), void *arg);
int logset_read(const struct logset *set, enum log_file file, bool (*each)(const struct logset_line *line, void *arg), void *arg);

#endif

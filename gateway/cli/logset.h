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

#include "gateway/log.h"

enum { LOGSET_LINE_MAX = 65536 };

struct logset_file {
	char *path;
	uint64_t first; /* number of its first line; 0 when that has none */
};

struct logset {
	struct logset_file *files[LOG_FILES]; /* sorted by `first` */
	size_t count[LOG_FILES];
};

/* One line as it stands in the file, `size` bytes with its newline if it has one; only good during the call. */
struct logset_line {
	const char *path, *text;
	size_t size;
	uint64_t number; /* of the line in the file, from 1 */
};

/* Finds the files. 0; CLI_FAILED after saying what is wrong (no folder, no logs in it, a form of compression that is not read).
 */
int logset_open(const char *dir, struct logset *out);
void logset_close(struct logset *set);

/* Calls `each` for every line of a log, oldest file first, until it returns false. 0, or CLI_FAILED after saying which file could
 * not be read. */
int logset_read(const struct logset *set, enum log_file file, bool (*each)(const struct logset_line *line, void *arg), void *arg);

#endif

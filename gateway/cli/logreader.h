/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One log file, plain or compressed by gzip(1), line by line in large pieces. Who looks for something rare says which words its
 * lines must hold, and only those lines are cut out: that is what makes a search as fast as the disk.
 */
#ifndef SEKISHO_LOGREADER_H
#define SEKISHO_LOGREADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <zlib.h>

#include "gateway/cli/logneedle.h"

enum { LOGREADER_BUFFER = 1 << 18 };

/* One line as it stands in the file, `size` bytes with its newline if it has one; only good until the next is read. */
struct logset_line {
	const char *path, *text;
	size_t size;
	uint64_t number; /* of the line in the file, from 1; 0 when not all lines were looked at */
};

struct logreader {
	const char *path; /* borrowed */
	gzFile file;
	dev_t device;
	ino_t inode;
	char *data;
	size_t at, whole, end; /* next byte; end of the whole lines; end of what was read */
	uint64_t number;
	bool ended, skipping; /* skipping: within the rest of a line that is longer than the buffer */
};

/* Opens a file; reading begins at the first line that starts at `offset` or behind (of a plain file; 0: at the beginning).
 * CLI_OK; -ENOENT, with nothing said, when it is gone; CLI_FAILED after saying what is wrong. */
int logreader_open(struct logreader *r, const char *path, off_t offset);
void logreader_close(struct logreader *r); /* may be called again */

/* The next line, or with `needles` (NULL or none: every line) the next that holds one of them; of a line that is longer than the
 * buffer only the beginning. 1; 0 at the end; -1 after saying why the rest cannot be read. */
int logreader_next(struct logreader *r, const struct logneedles *needles, struct logset_line *out);

#endif

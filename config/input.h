/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reading an administrator's file as a whole, only if it is what it should be, and saying what is wrong if it is not. */
#ifndef SEKISHO_INPUT_H
#define SEKISHO_INPUT_H

#include <stdbool.h>
#include <stddef.h>

#include "common/diag.h"

enum { INPUT_MAX = 1 << 20 }; /* bytes of one file */

/*
 * Reads `path` below the folder `dirfd` (openat(2)) into new memory that the caller frees, with room for one byte more. A
 * symbolic link as the last part of the path is followed only if `follow`. Never blocks on a FIFO. 0, or -errno: -ELOOP for a
 * link, -ENOTSUP when it is not a regular file, -EFBIG beyond INPUT_MAX, -ENOMEM, or what open(2) and read(2) say.
 */
int input_read(int dirfd, const char *path, bool follow, char **out, size_t *size);

/* Puts a failure of input_read() into `d`: what it is and what to do. `name` stands in the message. */
void input_complain(struct diag *d, const char *name, int error);

#endif

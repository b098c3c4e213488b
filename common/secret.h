/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Secrets: wiping them, and reading a secret file only if nobody but its rightful readers could have read or changed it. */
#ifndef SEKISHO_SECRET_H
#define SEKISHO_SECRET_H

#include <stddef.h>
#include <sys/types.h>

/* Overwrites memory in a way that the compiler keeps (explicit_bzero(3)). */
void secret_wipe(void *data, size_t size);

/*
 * Reads a secret file of at most `size` bytes. It must be a regular file (no symbolic link), owned by root or by the
 * effective user, with no permission for 'other' at all and none to write for its group.
 * Returns the number of bytes, or -errno: -EPERM for a wrong owner, -EACCES for a wrong mode or unreadable,
 * -EFBIG when larger, -ELOOP for a link, -EINVAL when not a regular file. On failure what was read is wiped, and `why` (if not
 * NULL, `why_size` bytes) gets a sentence that names the file, what is wrong, and the command that mends it.
 */
ssize_t secret_read_file(const char *path, void *out, size_t size, char *why, size_t why_size);

#endif

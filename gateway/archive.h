/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The archive of ACL sets: below a folder (PATH_ARCHIVE) one folder for each generation, named by its number with at least six
 * digits, holding the files of the set as they were judged, and nothing else. Written beside first and renamed when all of it is
 * on disk, so that a numbered folder is always whole. Nothing is ever taken out by itself. What came into force when, and at
 * whose word, stands in the ledger (gateway/ledger.h).
 *
 * Folders and files inherit the archive's group through its setgid bit (mkdir(2)); with the umask of privileges_drop(), 027, they
 * get modes 2750 and 0640. No mode is set afterwards: the unit's RestrictSUIDSGID= forbids to set that bit.
 */
#ifndef SEKISHO_ARCHIVE_H
#define SEKISHO_ARCHIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "config/policy.h"

enum { ARCHIVE_PATH = 256 };

/* "ROOT/000031". Returns `path`. */
const char *archive_path(const char *root, uint64_t number, char path[static ARCHIVE_PATH]);

/* Is there a folder of that number? */
bool archive_has(const char *root, uint64_t number);

/*
 * Copies the files of `p` from the set's folder `source` aside, makes the copy durable (syncfs(2)), and gives the size of the
 * files together. What was staged before is gone. 0; -ESTALE when a file is not the one any more that was judged; -errno. On
 * failure nothing is left. The caller must have archived at most one set at a time.
 */
int archive_stage(const char *root, const char *source, const struct policy *p, uint64_t *bytes);

/* Gives what is staged its number, durably. 0; -EEXIST when that number is taken; -errno. */
int archive_keep(const char *root, uint64_t number);

/* Removes what an attempt left behind that did not come to its end; a numbered set that never came into force. 0 or -errno. */
int archive_unstage(const char *root);
int archive_remove(const char *root, uint64_t number);

#endif

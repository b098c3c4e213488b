/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The PAM service file of the login page (pam.d(5)). libpam falls back to the service "other" where the file is missing or has
 * no line of a kind, and "other" may let every Unix account in: so without a trustworthy file that says something, nobody logs
 * in.
 */
#ifndef SEKISHO_SERVICE_H
#define SEKISHO_SERVICE_H

#include <stdbool.h>
#include <stddef.h>

/* Has the text lines of both kinds, auth and account, or includes another file that may have them? Pure. */
bool service_speaks(const char *text, size_t size);

/*
 * PATH_PAM_SERVICE_ETC, or where there is none PATH_PAM_SERVICE_USR: a regular file (no link), owned by root, writable by nobody
 * else, that service_speaks(). 0 or -errno; then `why` of `size` bytes says which file, what is wrong and what mends it.
 */
int service_check(char *why, size_t size);

#endif

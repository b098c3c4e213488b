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

/* Has the text lines of both kinds, auth and account, and with `change` password lines too, or includes another file that may
 * have them? Pure. */
bool service_speaks(const char *text, size_t size, bool change);

/*
 * The service's file in PATH_PAM_ETC, or where there is none in PATH_PAM_USR: a regular file (no link), owned by root, writable
 * by nobody else, that service_speaks(). 0 or -errno; then `why` of `size` bytes says which file, what is wrong and what mends
 * it.
 */
int service_check(const char *service, bool change, char *why, size_t size);

#endif

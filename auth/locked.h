/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Locked accounts: `passwd -l` and `usermod -L` put a '!' before the password's hash (shadow(5)). pam_unix then refuses the
 * password, but a stack that authenticates by something else never looks, and the account phase does not mind.
 */
#ifndef SEKISHO_LOCKED_H
#define SEKISHO_LOCKED_H

#include <stdbool.h>

/* Is the password field a hash behind one '!' or more? A bare "!", "!!" or "*" is nobody's lock: it says that there is no local
 * password, because the user comes from RADIUS, LDAP or a token. Pure. */
bool locked_field(const char *password);

/* 1 when the user's entry (getspnam(3)) is locked; 0 when it is not, or there is none; -errno when that cannot be found out. */
int locked_account(const char *user);

#endif

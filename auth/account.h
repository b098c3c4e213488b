/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A recheck: whether a user who is logged in could still log in, asked by the gateway from time to time. PAM's account phase
 * without a password, and the groups as they are now; nobody is asked anything, so a module that wants to ask fails.
 */
#ifndef SEKISHO_ACCOUNT_H
#define SEKISHO_ACCOUNT_H

#include <stdint.h>

/*
 * Serves the connected socket `gateway`, whose peer must have been found to be the gateway (talk_who()), and closes it. The whole
 * may take `pam_seconds` (auth/guard.h). 0 when an answer was sent; -errno when there was none: -EPIPE for a peer that left.
 */
int account_run(int gateway, int64_t pam_seconds);

#endif

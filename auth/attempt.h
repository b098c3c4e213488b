/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One login attempt from its first message to its last: the portal names a user, the gateway says when there is a turn, PAM asks
 * and answers, the gateway hears what PAM said and judges, the portal hears the outcome in words that give nothing away. No
 * failure, whatever its kind, is answered earlier than ATTEMPT_FLOOR_USEC after the user's last answer (or the start): how long
 * an answer takes must not tell an unknown user from a wrong password.
 */
#ifndef SEKISHO_ATTEMPT_H
#define SEKISHO_ATTEMPT_H

#include <stdint.h>

#include "config/settings.h"

enum {
	ATTEMPT_FLOOR_USEC = 2000000,
	ATTEMPT_READING_SECONDS = 640, /* for conditions of use, beyond login-timeout */
};

/* Serves the connected socket `portal` and closes it; no PAM computation may take longer than pam-timeout (auth/guard.h). 0
 * when the attempt came to an end, whichever; -errno when there was none: -EPIPE for a portal that left before the start. The
 * socket's peer must have been found to be the portal (talk_who()). */
int attempt_run(int portal, const struct settings *s);

#endif

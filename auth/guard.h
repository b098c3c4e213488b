/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Ends a worker whose PAM module hangs. A module runs inside the worker and may block or ignore signals, so the kernel is asked
 * to kill the process when one computation takes too long (timer_create(2) with SIGKILL); the supervisor then takes away what the
 * module left. The gateway gives the turn to somebody else at the same time.
 */
#ifndef SEKISHO_GUARD_H
#define SEKISHO_GUARD_H

#include <stdint.h>

/* Prepares the guard for computations of at most `seconds`. 0 or -errno. */
int guard_set(int64_t seconds);

/* A computation begins: the process dies unless guard_rest() comes in time. 0 or -errno. */
int guard_watch(void);

/* It is over, or the user thinks. */
void guard_rest(void);

#endif

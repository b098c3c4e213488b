/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Runs foreign code (PAM modules) in a child of its own with a deadline for the whole, and leaves no process behind: what
 * modules start becomes a child of this process when its parent ends (PR_SET_CHILD_SUBREAPER, prctl(2)), even in a session of
 * its own, and is killed.
 */
#ifndef SEKISHO_SUPERVISE_H
#define SEKISHO_SUPERVISE_H

#include <stdint.h>

/*
 * Forks; the child runs work(argument) and exits with what it returns. Waits for it at most `seconds`, or until SIGTERM or
 * SIGINT; then kills it and every descendant. `started` (may be NULL) runs in this process after the fork. Returns the child's
 * exit status; -ETIMEDOUT at the deadline, -EINTR after a signal, -ECHILD when the child was killed by one, or -errno when it
 * could not be started. A deadline missed, a child killed and one that could not be started are said.
 */
int supervise(int (*work)(void *argument), void (*started)(void *argument), void *argument, int64_t seconds);

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Users who may not log in, until a date or until somebody resumes them: their sessions end at once, and none is opened. */
#ifndef SEKISHO_SUSPENSION_H
#define SEKISHO_SUSPENSION_H

#include "gateway/ledger_user.h"
#include "gateway/gateway.h"

/* Is the user suspended at `now`? What the ledger cannot say is taken for a yes. */
bool user_is_suspended(struct gateway *g, const char *user, int64_t now);

/*
 * Ends the user's sessions, then notes the suspension and records it (user-suspended). `until` 0: no end. 0 with how many
 * sessions ended; -errno of the ledger: the sessions are ended, but the user can log in again.
 */
int user_suspend(struct gateway *g, const char *user, int64_t until, const struct actor *by, const char *note, unsigned *ended);

/* Records that the user may log in again (user-resumed), then ends the suspension. `by` NULL: its date has come. 0; -ENOENT when
 * there is none; -errno of the ledger or, with `*unrecorded`, of the log: it goes on. */
int user_resume(struct gateway *g, const char *user, const struct actor *by, const char *note, bool *unrecorded);

/* The timer's look: resumes those whose date has come. */
void suspensions_tick(struct gateway *g, int64_t now);

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Users in the ledger: who may not log in for a while, and what the directory last said of the users of devices. The conventions
 * are those of gateway/ledger.h. */
#ifndef SEKISHO_LEDGER_USER_H
#define SEKISHO_LEDGER_USER_H

#include "gateway/ledger.h"

struct suspension {
	char user[USER_NAME_MAX + 1];
	int64_t since, until; /* until 0: until somebody resumes it */
	char who[USER_NAME_MAX + 1], role[16]; /* who suspended */
	char note[DEVICE_NOTE_MAX + 1];
};

/* Suspends a user from `now` to `until` (0: no end), in place of an earlier suspension. 0, -EINVAL, -errno. */
int ledger_user_suspend(struct ledger *l, const char *user, int64_t until, const struct actor *by, const char *note, int64_t now);

/* Ends it. -ENOENT when there is none. */
int ledger_user_resume(struct ledger *l, const char *user, int64_t now);

/* The one in force. -ENOENT. */
int ledger_suspension(struct ledger *l, const char *user, struct suspension *out);

/* The one of the next user in bytewise order behind `after`. -ENOENT: no more. */
int ledger_suspension_after(struct ledger *l, const char *after, struct suspension *out);

/* One whose end has come by `now`. -ENOENT. */
int ledger_suspension_over(struct ledger *l, int64_t now, struct suspension *out);

/* The user of an active or suspended device who was looked at longest ago, before `before`. -ENOENT: nobody. */
int ledger_account_next(struct ledger *l, int64_t before, char out[static USER_NAME_MAX + 1]);

/* How many such users there are. 0 or -errno. */
int ledger_account_users(struct ledger *l, unsigned *out);

/* What was found: why a login of this user would be refused, "" when it would not. */
int ledger_account_note(struct ledger *l, const char *user, const char *refused, int64_t now);

/* What was last found, "" also when nobody has looked. */
enum { ACCOUNT_TEXT = 32 };
int ledger_account(struct ledger *l, const char *user, char refused[static ACCOUNT_TEXT]);

/* How many active or suspended devices have a user whose login would be refused. 0 or -errno. */
int ledger_leavers_devices(struct ledger *l, unsigned *out);

/* Sessions of a device that lived at `since` or later, in order; stops when `each` returns false. groups is left empty. */
int ledger_sessions_since(
	struct ledger *l, uint32_t device, int64_t since, bool (*each)(const struct session_row *row, void *arg), void *arg);

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One run through a PAM stack (pam(3)): authentication, then the account's state, and where that wants it a new password; or the
 * account's state alone. After PAM's yes a locked account (auth/locked.h) is still a no. What a module's code means depends on
 * where it was said: the same PAM_PERM_DENIED is a wrong password in one stage and a closed account in the next.
 */
#ifndef SEKISHO_PAMSTACK_H
#define SEKISHO_PAMSTACK_H

#include <stdbool.h>

#include "auth/conversation.h"
#include "common/message.h"

enum pamstack_stage { STAGE_START, STAGE_AUTHENTICATE, STAGE_ACCOUNT, STAGE_PASSWORD, STAGE_LOCKED };

struct pamstack_result {
	enum login_reason reason;
	enum pamstack_stage stage; /* where it ended */
	bool changed; /* the user has a new password */
	int code; /* what PAM said last: PAM_SUCCESS, PAM_AUTH_ERR, ... */
	char user[USER_NAME_MAX + 1]; /* PAM_USER at the end, which a module may have changed; "" unless it succeeded */
};

/* "start", "authenticate", "account", "password", "locked". */
const char *pamstack_stage_name(enum pamstack_stage stage);

/* What a code means in a stage. Pure. */
enum login_reason pamstack_reason(enum pamstack_stage stage, int code);

/* How PAM is to be asked. */
struct pamstack_question {
	const char *service; /* LOGIN_SERVICE or RENEW_SERVICE */
	const char *user, *rhost; /* who, and from where: "" when unknown */
	bool change; /* let the user change a password that has expired */
};

/* Asks PAM whether this is the user. Never fails but by its result. */
void pamstack_run(const struct pamstack_question *q, struct conversation *c, struct pamstack_result *out);

/* The same for one who has shown earlier who it is: the account phase alone, in which nothing can be asked. A `user` that is
 * changed by a module on the way is a fault (LOGIN_BACKEND_UNAVAILABLE). */
void pamstack_account(const char *user, const char *rhost, struct pamstack_result *out);

#endif

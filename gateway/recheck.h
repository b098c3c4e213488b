/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Is somebody who is logged in still somebody who could log in, and in which groups? sekisho-auth answers, one question a
 * connection: PAM's account phase without a password (auth/account.h). Nothing here waits: a question that gets no answer in time
 * has one, that the account cannot be looked at.
 */
#ifndef SEKISHO_RECHECK_H
#define SEKISHO_RECHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "common/message.h"

struct gateway;

/* ---- one question (recheck.c) ---- */

enum recheck_result {
	RECHECK_VALID, /* and these are the groups */
	RECHECK_INVALID, /* a login would be refused for this account: expired, locked, gone */
	RECHECK_UNAVAILABLE, /* nobody knows */
};

struct recheck_answer {
	enum recheck_result result;
	enum login_reason reason; /* LOGIN_OK; why the account is invalid; LOGIN_BACKEND_UNAVAILABLE */
	const char *why; /* RECHECK_UNAVAILABLE: a sentence for the operator */
	const char *stage; /* where PAM ended, and with which code; "" when it was not heard */
	int32_t pam_code;
	char (*groups)[USER_NAME_MAX + 1]; /* RECHECK_VALID; borrowed */
	uint16_t group_count;
};

/* What sekisho-auth's reason means: what would refuse a login for this account is RECHECK_INVALID, whatever says nothing about
 * the account is RECHECK_UNAVAILABLE. Pure. */
enum recheck_result recheck_judge(unsigned reason);

struct recheck;

/* Called once from the event loop; the recheck is freed afterwards. */
typedef void (*recheck_done)(const struct recheck_answer *answer, void *arg);

/*
 * Asks at `path` (PATH_AUTH_SOCKET) about a user, logged in from the address `rhost` ("" when unknown), and waits at most
 * `seconds` for the answer. 0, or -errno: nobody could be asked and `done` is not called. -EPERM when not root listens there.
 */
int recheck_start(sd_event *loop, const char *path, const char *user, const char *rhost, int64_t seconds, recheck_done done,
	void *arg, struct recheck **out);

/* Gives it up without an answer. NULL is fine. */
void recheck_cancel(struct recheck *r);

/* ---- everybody who is logged in, once in `account-recheck` (recheck_plan.c) ---- */

struct rechecks;

/* Spreads those who are logged in evenly over the first interval. 0 or -errno. */
int rechecks_open(struct gateway *g, struct rechecks **out);
void rechecks_close(struct rechecks *all);

/* This user has just logged in: the account is good for one interval. */
void rechecks_note(struct gateway *g, const char *user);

/* The settings may be others: with another `account-recheck` everybody is spread anew. */
void rechecks_reload(struct gateway *g);

/* Is there somebody whose account cannot be looked at? Then `text` says so in words. */
bool rechecks_problem(const struct gateway *g, char *text, size_t size);

#endif

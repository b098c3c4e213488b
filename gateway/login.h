/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Login attempts. The portal asks for an attempt id for a tunnel address; sekisho-auth, which talks PAM with the user, brings it
 * back with the verdict. What only the gateway knows is judged here: is it this device's user, has the device waited long enough
 * after failures, can the login be recorded, may the session be opened. PAM computations are bounded: an attempt computes only
 * while it holds one of `login-parallel` turns, gives it back while its user thinks, and loses it when it takes longer than
 * `pam-timeout`, so that a hanging module stops nobody else.
 */
#ifndef SEKISHO_LOGIN_H
#define SEKISHO_LOGIN_H

#include <stdint.h>

#include "common/message.h"
#include "gateway/gateway.h"

int logins_open(struct gateway *g, struct logins **out);
void logins_close(struct logins *l);

/* Attempts under way. */
unsigned logins_count(const struct logins *l);

/* A new attempt of the device at a tunnel address; one that it had under way ends as aborted. LOGIN_OK and the id, or why not;
 * with LOGIN_RATE_LIMITED `opens` is when the device has waited long enough, if it is for that (untouched otherwise). */
enum login_reason login_attempt(struct gateway *g, const struct device *d, uint8_t id[static ATTEMPT_SIZE], int64_t *opens);

/* The device has been taken away: what it had under way ends. */
void login_drop_device(struct gateway *g, uint32_t device);

/* The timer's look: deadlines of attempts and turns. `now` is time_boot(). */
void logins_tick(struct gateway *g, int64_t now);

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What login.c (the attempts) and login_verdict.c (the conversation with sekisho-auth) share. */
#ifndef SEKISHO_LOGIN_INTERNAL_H
#define SEKISHO_LOGIN_INTERNAL_H

#include <inttypes.h>
#include <stdbool.h>

#include "gateway/channel.h"
#include "gateway/login.h"
#include "gateway/terms.h"

enum attempt_state {
	ATTEMPT_ISSUED, /* id given to the portal, not back yet */
	ATTEMPT_WAITING, /* for a turn to compute */
	ATTEMPT_COMPUTING, /* holds a turn */
	ATTEMPT_PAUSED, /* its user thinks */
	ATTEMPT_READING, /* PAM and the rules said yes; the user reads the conditions of use */
};

struct attempt {
	uint8_t id[ATTEMPT_SIZE];
	enum attempt_state state;
	struct device device;
	struct channel *channel; /* to its sekisho-auth; NULL while issued */
	bool begun; /* has had its first turn */
	bool answered; /* PAM has been given an answer at least once */
	int64_t deadline; /* CLOCK_BOOTTIME microseconds */
	int64_t turn_since;
	uint64_t ticket; /* order of waiting */
	uint32_t renews; /* serial of the session that PAM service sekisho-renew was asked for; 0: none, it was sekisho */
	struct message *verdict; /* ATTEMPT_READING: what PAM said; owned */
	uint8_t accepted[TERMS_SHA256]; /* digest of the terms that are shown, or have been accepted */
	char language[8];
	char user[USER_NAME_MAX + 1];
	char agent[AGENT_MAX];
	char tls[16];
	struct attempt *prev, *next;
};

struct failures {
	uint32_t device;
	unsigned count;
	int64_t since;
	struct failures *prev, *next;
};

struct logins {
	struct channel_listener *listener;
	struct attempt *attempts;
	unsigned count;
	uint64_t tickets;
	struct failures *failures;
};

/* The listener's callback: only root may bring verdicts. `arg` is the gateway. */
void verdict_accepted(int fd, const struct ucred *peer, void *arg);

/* Gives free turns to those who have waited longest. */
void login_give_turns(struct gateway *g);

struct attempt *login_by_id(struct gateway *g, const uint8_t id[static ATTEMPT_SIZE]);
struct attempt *login_by_channel(struct gateway *g, const struct channel *c);

/* Ends an attempt; logs login-failed unless the reason is LOGIN_OK or it never began. Frees it, closes its channel. */
void login_finish(struct gateway *g, struct attempt *a, enum login_reason reason);

/* One login-* record, durable; `verdict` may be NULL. 0 or -errno. */
int login_log(
	struct gateway *g, const struct attempt *a, const char *action, enum login_reason reason, const struct message *verdict);

/* user.name, or user.hash where the name is nobody's here: people type passwords into the field for the name. `known`: it is
 * somebody's. */
void login_event_user(struct gateway *g, json_t *e, const struct attempt *a, bool known);

/* The attempt came to nothing: on record, and counted if it could have been a guess. `verdict` may be NULL. */
void login_failed(struct gateway *g, struct attempt *a, enum login_reason reason, const struct message *verdict);

/* The conditions of use that stand between a yes and its session (login_terms.c). */
enum { LOGIN_TERMS_SECONDS = 630 }; /* the page gives its reader 600 */

/* Those that the attempt's user has still to accept; NULL in *out for none. 0, or -errno when nobody knows. */
int login_terms(struct gateway *g, const struct attempt *a, const struct device *d, const struct terms_set **out);

/* Shows them, keeping `m`, the verdict, for later. 0 or -errno. */
int login_terms_show(struct gateway *g, struct attempt *a, const struct terms_set *s, const struct message *m);

/* The user has accepted what was shown: on record before anything opens. 0 or -errno. */
int login_terms_accept(struct gateway *g, struct attempt *a);

void login_failures_clear(struct gateway *g, uint32_t device);

#endif

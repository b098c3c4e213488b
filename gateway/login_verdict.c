/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The conversation with sekisho-auth: turns, and what becomes of PAM's verdict. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

#include "common/paths.h"
#include "common/say.h"
#include "gateway/brute.h"
#include "gateway/device.h"
#include "gateway/evidence.h"
#include "gateway/login_internal.h"
#include "gateway/peer.h"
#include "gateway/recheck.h"
#include "gateway/session.h"
#include "gateway/upkeep.h"

static const int64_t SECOND = 1000000;

/* Answers on a channel that has no attempt, or is about to lose it. */
static void answer(struct channel *c, enum message_type type, enum login_reason result, int64_t opens)
{
	struct message *m = message_new(type);
	if (!m)
		return;
	m->result = (uint8_t)result;
	m->opens = opens;
	(void)channel_send(c, m);
	message_free(m);
}

static void give_turn(struct gateway *g, struct attempt *a)
{
	struct message *m = message_new(a->begun ? VERDICT_TURN : VERDICT_DEVICE);
	if (!m)
		return;
	struct peer *peer = peer_by_device(g, a->device.id);
	if (!a->begun && peer && peer->endpoint.addr.family)
		addr_format(&peer->endpoint.addr, m->rhost);
	a->state = ATTEMPT_COMPUTING;
	a->turn_since = time_boot();
	a->begun = true;
	(void)channel_send(a->channel, m);
	message_free(m);
}

void login_give_turns(struct gateway *g)
{
	for (;;) {
		struct attempt *a, *oldest = NULL;
		unsigned computing = 0;
		DL_FOREACH(g->logins->attempts, a)
		{
			computing += a->state == ATTEMPT_COMPUTING;
			if (a->state == ATTEMPT_WAITING && (!oldest || a->ticket < oldest->ticket))
				oldest = a;
		}
		if (!oldest || computing >= g->settings.login_parallel)
			return;
		give_turn(g, oldest);
	}
}

static void wait_for_turn(struct gateway *g, struct attempt *a)
{
	a->state = ATTEMPT_WAITING;
	a->ticket = ++g->logins->tickets;
	login_give_turns(g);
}

static void begin(struct gateway *g, struct channel *c, const struct message *m)
{
	struct attempt *a = login_by_id(g, m->attempt);
	if (!a || a->state != ATTEMPT_ISSUED) {
		answer(c, VERDICT_DEVICE, LOGIN_ABORTED, 0);
		return;
	}
	a->channel = c;
	a->deadline = time_boot() + g->settings.login_timeout_seconds * SECOND;
	memcpy(a->user, m->user, sizeof a->user);
	memcpy(a->agent, m->agent, sizeof a->agent);
	memcpy(a->tls, m->tls, sizeof a->tls);
	if (login_log(g, a, "login-started", LOGIN_OK, NULL) < 0) {
		answer(c, VERDICT_DEVICE, LOGIN_LOG_FULL, 0);
		a->channel = NULL; /* closes by itself when its peer has read the answer */
		login_finish(g, a, LOGIN_LOG_FULL);
		return;
	}
	wait_for_turn(g, a);
}

/* The account is good for a while, and who was in which groups when can be asked later. */
static void note_account(struct gateway *g, const char *user, const struct message *m)
{
	int r = ledger_groups_note(g->ledger, user, m->groups, m->group_count, time_now());
	if (r < 0)
		say_error("cannot note the groups of user %s: %s; check space in " PATH_STATE_DIR, user, strerror(-r));
	rechecks_note(g, user);
}

/* PAM has said yes: what do device, log and session say? `opens`: when the rules will next say yes, 0: not known. */
static enum login_reason judge(struct gateway *g, struct attempt *a, const struct message *m, int64_t *opens)
{
	struct device d;
	struct session *s;
	struct peer *peer = peer_by_device(g, a->device.id);
	if (!text_name_valid(m->user))
		return LOGIN_INTERNAL_ERROR;
	/* Read again: much may have happened to the device while its user was typing. */
	if (!peer || ledger_device_by_id(g->ledger, a->device.id, &d) < 0)
		return LOGIN_ABORTED;
	secret_wipe(&d.preshared, sizeof d.preshared);
	if (device_judge(&d, time_now()))
		return LOGIN_ABORTED;
	memcpy(a->user, m->user, sizeof a->user);
	if (!device_permits(&d, a->user, m->groups, m->group_count))
		return LOGIN_USER_NOT_ALLOWED;
	enum login_reason reason = session_may_open(g, &d, a->user, m->groups, m->group_count, &peer->endpoint, opens);
	if (reason != LOGIN_OK)
		return reason;
	if (evidence_ready(g) < 0 || login_log(g, a, "login-succeeded", LOGIN_OK, m) < 0)
		return LOGIN_LOG_FULL;
	reason = session_open(g, &d, a->user, m->groups, m->group_count, &peer->endpoint, &s);
	if (reason == LOGIN_OK)
		note_account(g, a->user, m);
	return reason;
}

/* Failures that could be somebody trying; faults of ours and a change of mind are not. */
static bool is_guess(enum login_reason reason)
{
	return reason == LOGIN_BAD_CREDENTIALS || reason == LOGIN_USER_UNKNOWN || reason == LOGIN_MAX_TRIES ||
	       reason == LOGIN_USER_NOT_ALLOWED || reason == LOGIN_ACCOUNT_DENIED || reason == LOGIN_ACCOUNT_EXPIRED ||
	       reason == LOGIN_PASSWORD_EXPIRED;
}

static void end(struct gateway *g, struct attempt *a, const struct message *m)
{
	struct channel *c = a->channel;
	int64_t opens = 0;
	upkeep_clock(g);
	enum login_reason reason = m->result < LOGIN_REASONS ? (enum login_reason)m->result : LOGIN_INTERNAL_ERROR;
	if (reason == LOGIN_OK)
		reason = judge(g, a, m, &opens);
	if (reason == LOGIN_OK) {
		login_failures_clear(g, a->device.id);
	} else {
		if (is_guess(reason))
			login_failure_note(g, a->device.id, time_boot());
		(void)login_log(g, a, "login-failed", reason, m);
		if (is_guess(reason))
			brute_login(g, a);
	}
	answer(c, VERDICT_ACK, reason, opens);
	a->channel = NULL;
	login_finish(g, a, LOGIN_OK); /* what there was to log is logged */
}

static void on_message(struct channel *c, const struct message *m, void *arg)
{
	struct gateway *g = arg;
	struct attempt *a = login_by_channel(g, c);
	switch (m->type) {
	case VERDICT_BEGIN:
		begin(g, c, m);
		break;
	case VERDICT_PAUSE:
		if (a) {
			a->state = ATTEMPT_PAUSED;
			login_give_turns(g);
		}
		break;
	case VERDICT_RESUME:
		if (a)
			wait_for_turn(g, a);
		break;
	case VERDICT_END:
		if (a)
			end(g, a, m);
		break;
	default:
		break;
	}
}

static void on_gone(struct channel *c, void *arg)
{
	struct gateway *g = arg;
	struct attempt *a = login_by_channel(g, c);
	if (!a)
		return;
	a->channel = NULL; /* freed by the caller */
	login_finish(g, a, LOGIN_ABORTED);
}

void verdict_accepted(int fd, const struct ucred *peer, void *arg)
{
	static const struct channel_ops ops = {.message = on_message, .gone = on_gone};
	struct gateway *g = arg;
	struct channel *c;
	if (peer->uid != 0) {
		say_warning("uid %u tried to bring a login verdict; only sekisho-auth, as root, may", peer->uid);
		close(fd);
		return;
	}
	int r = channel_new(g->loop, fd, CHANNEL_VERDICT, &ops, g, &c);
	if (r < 0)
		say_error("cannot serve a login attempt: %s", strerror(-r));
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The conversation with sekisho-auth: turns, and what becomes of PAM's verdict. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

#include "common/paths.h"
#include "common/say.h"
#include "common/secret.h"
#include "gateway/device.h"
#include "gateway/event.h"
#include "gateway/evidence.h"
#include "gateway/login_internal.h"
#include "gateway/peer.h"
#include "gateway/recheck.h"
#include "gateway/session.h"
#include "gateway/suspension.h"
#include "gateway/terms.h"
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
	m->renewal = !a->begun && a->renews;
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
	memcpy(a->language, m->language, sizeof a->language);
	const struct session *open = session_by_device(g, a->device.id);
	if (g->settings.session_renew == RENEW_SHORT && open && !strcmp(open->row.user, a->user))
		a->renews = open->serial;
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

/* Opens a session, or gives the one that its user has here more time. */
static enum login_reason admit(
	struct gateway *g, struct attempt *a, const struct device *d, const struct message *m, const struct endpoint *from)
{
	struct session *s = session_by_device(g, d->id);
	bool mine = s && !strcmp(s->row.user, a->user);
	/* What a renewal asks is enough for just the session that was open when it began. */
	if (a->renews && (!mine || s->serial != a->renews))
		return LOGIN_SESSION_OVER;
	if (mine && g->settings.session_renew != RENEW_OFF)
		return session_renew(g, s, m->groups, m->group_count);
	return session_open(g, d, a->user, m->groups, m->group_count, from, &s);
}

/* PAM has said yes: what do device, log and session say? `opens`: when the rules will next say yes, 0: not known. With LOGIN_OK
 * the session is open; or *terms must be accepted first. */
static enum login_reason judge(
	struct gateway *g, struct attempt *a, const struct message *m, int64_t *opens, const struct terms_set **terms)
{
	struct device d;
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
	if (user_is_suspended(g, a->user, time_now()))
		return LOGIN_ACCOUNT_DENIED;
	enum login_reason reason = session_may_open(g, &d, a->user, m->groups, m->group_count, &peer->endpoint, opens);
	if (reason != LOGIN_OK)
		return reason;
	if (login_terms(g, a, &d, terms) < 0)
		return LOGIN_INTERNAL_ERROR;
	if (*terms)
		return LOGIN_OK;
	if (evidence_ready(g) < 0 || login_log(g, a, "login-succeeded", LOGIN_OK, m) < 0)
		return LOGIN_LOG_FULL;
	reason = admit(g, a, &d, m, &peer->endpoint);
	if (reason == LOGIN_OK)
		note_account(g, a->user, m);
	return reason;
}

/* By PAM, on the page; on record whatever the login comes to. */
static void log_password(struct gateway *g, const struct attempt *a)
{
	struct peer *peer = peer_by_device(g, a->device.id);
	json_t *e = event_new("password-changed", "success", NULL);
	event_device(e, &a->device);
	if (peer)
		event_endpoint(e, &peer->endpoint);
	event_user(e, a->user);
	event_text(e, "sekisho.pam.service", a->renews ? RENEW_SERVICE : LOGIN_SERVICE);
	event_text(e, "user_agent.original", a->agent);
	event_text(e, "tls.version", a->tls);
	(void)log_write(g->log, LOG_AUTH, time_now(), e, true);
}

/* The attempt is over: on record, and answered. Frees it. */
static void conclude(struct gateway *g, struct attempt *a, enum login_reason reason, const struct message *m, int64_t opens)
{
	struct channel *c = a->channel;
	if (reason == LOGIN_OK) {
		login_failures_clear(g, a->device.id);
	} else {
		login_failed(g, a, reason, m);
	}
	answer(c, VERDICT_ACK, reason, opens);
	a->channel = NULL;
	login_finish(g, a, LOGIN_OK); /* what there was to log is logged */
}

static void end(struct gateway *g, struct attempt *a, const struct message *m)
{
	const struct terms_set *terms = NULL;
	int64_t opens = 0;
	upkeep_clock(g);
	if (m->password_changed)
		log_password(g, a);
	enum login_reason reason = m->result < LOGIN_REASONS ? (enum login_reason)m->result : LOGIN_INTERNAL_ERROR;
	if (reason == LOGIN_OK)
		reason = judge(g, a, m, &opens, &terms);
	if (reason == LOGIN_OK && terms) {
		if (login_terms_show(g, a, terms, m) == 0)
			return;
		reason = LOGIN_INTERNAL_ERROR;
	}
	conclude(g, a, reason, m, opens);
}

/* Everything is judged anew: the user may have read for minutes. */
static void accepted(struct gateway *g, struct attempt *a)
{
	const struct terms_set *terms = NULL;
	struct message *m = a->verdict;
	int64_t opens = 0;
	upkeep_clock(g);
	int r = login_terms_accept(g, a);
	enum login_reason reason = r == -ESTALE ? LOGIN_ABORTED : r < 0 ? LOGIN_LOG_FULL : LOGIN_OK;
	if (reason == LOGIN_OK)
		reason = judge(g, a, m, &opens, &terms);
	if (terms)
		reason = LOGIN_ABORTED;
	a->verdict = NULL;
	conclude(g, a, reason, m, opens);
	message_free(m);
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
		if (a) {
			a->answered = true;
			wait_for_turn(g, a);
		}
		break;
	case VERDICT_END:
		if (a)
			end(g, a, m);
		break;
	case VERDICT_ACCEPT:
		if (a && a->state == ATTEMPT_READING)
			accepted(g, a);
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

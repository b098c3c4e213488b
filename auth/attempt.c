/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "auth/attempt.h"

#include <errno.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "auth/conversation.h"
#include "auth/groups.h"
#include "auth/guard.h"
#include "auth/pamstack.h"
#include "auth/talk.h"
#include "common/message.h"
#include "common/paths.h"
#include "common/say.h"

/* Modules speak the user's language where they can. C.UTF-8 is in every libc and needs no installed locale; with it gettext(3)
 * follows LANGUAGE. */
static void speak(const char *language)
{
	setenv("LC_ALL", "C.UTF-8", 1);
	setenv("LANGUAGE", !strcmp(language, "ja") ? "ja" : "en", 1);
	setlocale(LC_ALL, "");
}

/* Tells the gateway about the attempt and waits until it gives the first turn, or a reason why not. */
static enum login_reason begin(struct talk *t, const struct message *start, char rhost[static ADDR_TEXT], const char **service)
{
	struct message *m = NULL, *begin = message_new(VERDICT_BEGIN);
	if (begin) {
		memcpy(begin->attempt, start->attempt, sizeof begin->attempt);
		memcpy(begin->user, start->user, sizeof begin->user);
		memcpy(begin->language, start->language, sizeof begin->language);
		memcpy(begin->tls, start->tls, sizeof begin->tls);
		memcpy(begin->agent, start->agent, sizeof begin->agent);
	}
	if (talk_send(t, begin) < 0 || talk_receive(t, CHANNEL_VERDICT, &m) < 0)
		return LOGIN_BACKEND_UNAVAILABLE;
	enum login_reason reason = m->result;
	memcpy(rhost, m->rhost, sizeof m->rhost);
	*service = m->renewal ? RENEW_SERVICE : LOGIN_SERVICE;
	message_free(m);
	return reason;
}

/* Conditions of use between PAM's yes and the gateway's: shown, and accepted by whoever sits there. The user reads, so nothing
 * computes. */
static int show_terms(struct talk *t, struct conversation *c, const struct message *terms)
{
	struct message *m = message_new(AUTH_TERMS), *accept = NULL;
	guard_rest();
	int err = m ? conversation_flush(c) : -ENOMEM;
	if (err < 0) {
		message_free(m);
		return err;
	}
	memcpy(m->terms_version, terms->terms_version, sizeof m->terms_version);
	memcpy(m->terms_sha256, terms->terms_sha256, sizeof m->terms_sha256);
	m->terms = terms->terms; /* the other message's: message_free() leaves it alone */
	t->reading = true;
	err = talk_send(t, m);
	if (!err)
		err = talk_receive(t, CHANNEL_AUTH, &accept);
	message_free(accept);
	if (!err) {
		t->since = time_boot();
		err = talk_send(t, message_new(VERDICT_ACCEPT));
	}
	return err;
}

/* The gateway's last word, perhaps after its terms. */
static int receive_ack(struct talk *t, struct conversation *c, struct message **ack)
{
	struct message *m = NULL;
	int err = talk_receive(t, CHANNEL_VERDICT, &m);
	if (!err && m->type == VERDICT_TERMS) {
		err = show_terms(t, c, m);
		message_free(m);
		m = NULL;
		if (!err)
			err = talk_receive(t, CHANNEL_VERDICT, &m);
	}
	if (!err)
		*ack = m;
	return err;
}

/* What PAM said becomes what the gateway makes of it; `opens`: when a login will be possible again, untouched when unknown. */
static enum login_reason end(struct talk *t, struct conversation *c, const struct pamstack_result *r, int64_t *opens)
{
	char(*groups)[USER_NAME_MAX + 1] = NULL;
	struct message *ack = NULL, *m = message_new(VERDICT_END);
	enum login_reason reason = r->reason;
	if (!m)
		return LOGIN_INTERNAL_ERROR;
	int err = reason == LOGIN_OK ? groups_of(r->user, &groups, &m->group_count) : 0;
	if (err < 0) {
		say_error("cannot find the groups of user %s: %s; try: id %s", r->user, strerror(-err), r->user);
		reason = LOGIN_BACKEND_UNAVAILABLE;
	}
	/* Nobody is logged in who is no longer there; a wrong answer still counts. */
	if (reason == LOGIN_OK && !talk_portal_here(t))
		reason = LOGIN_ABORTED;
	m->result = (uint8_t)reason;
	m->groups = groups;
	m->pam_code = r->code;
	m->password_changed = r->changed;
	memcpy(m->user, r->user, sizeof m->user);
	memcpy(m->stage, pamstack_stage_name(r->stage), strlen(pamstack_stage_name(r->stage)) + 1);
	err = talk_send(t, m);
	free(groups);
	if (err < 0 || receive_ack(t, c, &ack) < 0 || !ack)
		return reason != LOGIN_OK ? reason : t->reading ? LOGIN_TIMEOUT : LOGIN_BACKEND_UNAVAILABLE;
	/* An answer better than the verdict is a fault: stay with the verdict. */
	if (reason == LOGIN_OK || ack->result != LOGIN_OK)
		reason = ack->result;
	*opens = ack->opens;
	message_free(ack);
	return reason;
}

/* What is true of one account only is for somebody who has given the right password. */
static enum public_result shown(enum login_reason reason, enum pamstack_stage stage)
{
	enum public_result p = login_reason_public(reason);
	bool told = p == PUBLIC_ACCOUNT_CLOSED || p == PUBLIC_PASSWORD_EXPIRED || p == PUBLIC_HOURS || p == PUBLIC_PERIOD ||
		    p == PUBLIC_NETWORK || p == PUBLIC_SESSION_OVER;
	return told && stage < STAGE_ACCOUNT ? PUBLIC_FAILED : p;
}

static void answer(struct talk *t, struct conversation *c, enum public_result result, int64_t opens)
{
	if (result != PUBLIC_GRANTED && talk_hold(t, t->since + ATTEMPT_FLOOR_USEC) < 0)
		return;
	/* What a module says of an account is for its owner: the right password on the wrong device must look like a wrong one.
	 */
	if (result == PUBLIC_FAILED)
		conversation_end(c);
	if (conversation_flush(c) < 0)
		return;
	struct message *m = message_new(AUTH_RESULT);
	if (m) {
		m->result = (uint8_t)result;
		m->opens = result == PUBLIC_HOURS || result == PUBLIC_PERIOD ? opens : 0;
	}
	(void)talk_send(t, m);
}

int attempt_run(int portal, const struct settings *s)
{
	struct talk t;
	struct conversation c = {.talk = &t};
	struct pamstack_result r = {.stage = STAGE_START};
	struct message *start = NULL;
	char rhost[ADDR_TEXT] = "";
	struct pamstack_question q = {.service = LOGIN_SERVICE, .rhost = rhost, .change = s->password_page};
	int64_t opens = 0;
	talk_open(&t, portal);
	int err = talk_receive(&t, CHANNEL_AUTH, &start);
	if (err)
		goto out;
	t.since = time_boot();
	speak(start->language);
	enum login_reason reason = LOGIN_BACKEND_UNAVAILABLE;
	if (guard_set(s->pam_timeout_seconds) == 0 && talk_reach_gateway(&t) == 0)
		reason = begin(&t, start, rhost, &q.service);
	if (reason == LOGIN_OK && guard_watch() < 0)
		reason = LOGIN_BACKEND_UNAVAILABLE;
	if (reason == LOGIN_OK) {
		q.user = start->user;
		pamstack_run(&q, &c, &r);
		reason = end(&t, &c, &r, &opens);
		guard_rest();
	}
	answer(&t, &c, shown(reason, r.stage), opens);
out:
	message_free(start);
	conversation_end(&c);
	talk_close(&t);
	return err;
}

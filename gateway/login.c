/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/login.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>
#include <utlist.h>

#include "common/paths.h"
#include "common/say.h"
#include "common/secret.h"
#include "gateway/device.h"
#include "gateway/event.h"
#include "gateway/evidence.h"
#include "gateway/brute.h"
#include "gateway/channel.h"
#include "gateway/login_internal.h"
#include "gateway/peer.h"
#include "gateway/session.h"

static const int64_t SECOND = 1000000;
enum { START_SECONDS = 60 }; /* between the attempt id and its coming back from sekisho-auth */

/* The portal keeps login-attempts-max, and a line before it; here attempts count until their processes have ended, a moment
 * longer. This bounds what a portal that has been taken over could ask for. */
static bool is_full(const struct gateway *g)
{
	unsigned most = g->settings.login_attempts_max;
	return g->logins->count >= most + most / 4 + 8;
}

/* ---- failures of a device ---- */

static struct failures *failures_of(struct gateway *g, uint32_t device_id)
{
	struct failures *f;
	DL_SEARCH_SCALAR(g->logins->failures, f, device, device_id);
	return f;
}

static void failure_note(struct gateway *g, uint32_t device, int64_t now)
{
	struct failures *f = failures_of(g, device);
	if (!f) {
		f = calloc(1, sizeof *f);
		if (!f)
			return;
		f->device = device;
		f->since = now;
		DL_APPEND(g->logins->failures, f);
	}
	f->count++;
}

static void failures_forget(struct logins *l, struct failures *f)
{
	DL_DELETE(l->failures, f);
	free(f);
}

void login_failures_clear(struct gateway *g, uint32_t device)
{
	struct failures *f = failures_of(g, device);
	if (f)
		failures_forget(g->logins, f);
}

/* How much longer the device must wait, in microseconds; 0: it need not. */
static int64_t must_wait(struct gateway *g, uint32_t device, int64_t now)
{
	struct failures *f = failures_of(g, device);
	if (!f)
		return 0;
	int64_t left = f->since + g->settings.login_failures_seconds * SECOND - now;
	if (left <= 0) {
		failures_forget(g->logins, f);
		return 0;
	}
	return f->count >= g->settings.login_failures ? left : 0;
}

/* ---- the log ---- */

void login_event_user(struct gateway *g, json_t *e, const struct attempt *a, bool known)
{
	for (unsigned i = 0; i < a->device.user_count; i++)
		known = known || !strcmp(a->device.users[i], a->user);
	if (known || g->settings.unknown_users_plain)
		event_user(e, a->user);
	else
		event_user_hash(e, a->user);
}

int login_log(
	struct gateway *g, const struct attempt *a, const char *action, enum login_reason reason, const struct message *verdict)
{
	bool failed = reason != LOGIN_OK;
	json_t *e = event_new(action,
		!strcmp(action, "login-started") ? "unknown"
		: failed			 ? "failure"
						 : "success",
		failed ? login_reason_name(reason) : NULL);
	struct peer *peer = peer_by_device(g, a->device.id);
	event_device(e, &a->device);
	if (peer)
		event_endpoint(e, &peer->endpoint);
	if (a->user[0])
		login_event_user(g, e, a, !failed && verdict);
	event_text(e, "user_agent.original", a->agent);
	event_text(e, "tls.version", a->tls);
	if (verdict) {
		event_text(e, "sekisho.pam.service", a->renews ? RENEW_SERVICE : LOGIN_SERVICE);
		event_text(e, "sekisho.pam.stage", verdict->stage);
		event_number(e, "sekisho.pam.code", verdict->pam_code);
	}
	/* What begins gives nothing yet, and what succeeds gives nothing before its session's own record, which takes both to the
	 * disk. */
	return failed ? evidence_write(g, LOG_AUTH, time_now(), e) : evidence_write_early(g, LOG_AUTH, time_now(), e);
}

/* ---- attempts ---- */

static void attempt_free(struct gateway *g, struct attempt *a)
{
	DL_DELETE(g->logins->attempts, a);
	g->logins->count--;
	channel_close(a->channel);
	message_free(a->verdict);
	secret_wipe(&a->device.preshared, sizeof a->device.preshared);
	free(a);
}

/*
 * Could this failure be somebody trying? Faults of ours are not, and neither is a change of mind before anything was answered. An
 * attempt that PAM was given an answer in and that then came to nothing may have been a guess like any other, and PAM's own count
 * of that user's failures may have grown: whoever leaves early must not guess, or lock somebody else out, without limit.
 */
static bool is_guess(const struct attempt *a, enum login_reason reason)
{
	switch (reason) {
	case LOGIN_BAD_CREDENTIALS:
	case LOGIN_USER_UNKNOWN:
	case LOGIN_MAX_TRIES:
	case LOGIN_USER_NOT_ALLOWED:
	case LOGIN_ACCOUNT_DENIED:
	case LOGIN_ACCOUNT_EXPIRED:
	case LOGIN_PASSWORD_EXPIRED:
		return true;
	case LOGIN_ABORTED:
		return a->answered && a->state != ATTEMPT_READING;
	case LOGIN_TIMEOUT:
		return a->answered && a->state != ATTEMPT_READING && a->state != ATTEMPT_COMPUTING;
	default:
		return false;
	}
}

void login_failed(struct gateway *g, struct attempt *a, enum login_reason reason, const struct message *verdict)
{
	bool guess = is_guess(a, reason);
	if (guess)
		failure_note(g, a->device.id, time_boot());
	(void)login_log(g, a, "login-failed", reason, verdict);
	if (guess)
		brute_login(g, a);
}

void login_finish(struct gateway *g, struct attempt *a, enum login_reason reason)
{
	if (reason != LOGIN_OK && a->state != ATTEMPT_ISSUED)
		login_failed(g, a, reason, NULL);
	attempt_free(g, a);
	login_give_turns(g);
}

struct attempt *login_by_id(struct gateway *g, const uint8_t id[static ATTEMPT_SIZE])
{
	struct attempt *a;
	DL_FOREACH(g->logins->attempts, a)
	{
		if (!memcmp(a->id, id, ATTEMPT_SIZE))
			return a;
	}
	return NULL;
}

struct attempt *login_by_channel(struct gateway *g, const struct channel *c)
{
	struct attempt *a;
	DL_FOREACH(g->logins->attempts, a)
	{
		if (a->channel == c)
			return a;
	}
	return NULL;
}

void login_drop_device(struct gateway *g, uint32_t device)
{
	struct attempt *a, *next;
	DL_FOREACH_SAFE(g->logins->attempts, a, next)
	{
		if (a->device.id == device)
			login_finish(g, a, LOGIN_ABORTED);
	}
}

enum login_reason login_attempt(struct gateway *g, const struct device *d, uint8_t id[static ATTEMPT_SIZE], int64_t *opens)
{
	int64_t now = time_boot();
	struct attempt *a = NULL;
	enum login_reason reason = LOGIN_INTERNAL_ERROR;
	if (device_judge(d, time_now()) || !peer_by_device(g, d->id))
		return LOGIN_ABORTED;
	login_drop_device(g, d->id);
	a = calloc(1, sizeof *a);
	if (!a || getrandom(a->id, sizeof a->id, 0) != (ssize_t)sizeof a->id)
		goto fail;
	a->device = *d;
	a->deadline = now + START_SECONDS * SECOND;
	int64_t wait = must_wait(g, d->id, now);
	if (wait)
		*opens = time_now() + wait;
	if (wait || is_full(g))
		reason = LOGIN_RATE_LIMITED;
	else if (evidence_ready(g) < 0)
		reason = LOGIN_LOG_FULL;
	else
		reason = LOGIN_OK;
	if (reason != LOGIN_OK) {
		(void)login_log(g, a, "login-failed", reason, NULL);
		goto fail;
	}
	DL_APPEND(g->logins->attempts, a);
	g->logins->count++;
	memcpy(id, a->id, ATTEMPT_SIZE);
	return LOGIN_OK;
fail:
	if (a)
		secret_wipe(&a->device.preshared, sizeof a->device.preshared);
	free(a);
	return reason;
}

unsigned logins_count(const struct logins *l)
{
	return l->count;
}

void logins_tick(struct gateway *g, int64_t now)
{
	struct attempt *a, *next;
	struct failures *f, *next_failure;
	DL_FOREACH_SAFE(g->logins->attempts, a, next)
	{
		bool overdue = a->state == ATTEMPT_COMPUTING && now - a->turn_since > g->settings.pam_timeout_seconds * SECOND;
		if (overdue)
			say_warning("a PAM module has not answered within %" PRId64 " s; its login attempt is ended",
				g->settings.pam_timeout_seconds);
		if (overdue || now > a->deadline)
			login_finish(g, a, LOGIN_TIMEOUT);
	}
	DL_FOREACH_SAFE(g->logins->failures, f, next_failure)
	{
		if (now - f->since >= g->settings.login_failures_seconds * SECOND)
			failures_forget(g->logins, f);
	}
}

int logins_open(struct gateway *g, struct logins **out)
{
	struct logins *l = calloc(1, sizeof *l);
	if (!l)
		return -ENOMEM;
	int r = channel_listen(g->loop, PATH_VERDICT_SOCKET, verdict_accepted, g, &l->listener);
	if (r < 0) {
		free(l);
		return r;
	}
	*out = l;
	return 0;
}

void logins_close(struct logins *l)
{
	struct attempt *a, *next;
	struct failures *f, *next_failure;
	if (!l)
		return;
	channel_unlisten(l->listener);
	DL_FOREACH_SAFE(l->attempts, a, next)
	{
		DL_DELETE(l->attempts, a);
		channel_close(a->channel);
		message_free(a->verdict);
		secret_wipe(&a->device.preshared, sizeof a->device.preshared);
		free(a);
	}
	DL_FOREACH_SAFE(l->failures, f, next_failure)
	{
		failures_forget(l, f);
	}
	free(l);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/say.h"
#include "gateway/event.h"
#include "gateway/evidence.h"
#include "gateway/login_internal.h"
#include "gateway/peer.h"

static const int64_t SECOND = 1000000;

int login_terms(struct gateway *g, const struct attempt *a, const struct device *d, const struct terms_set **out)
{
	const struct terms_set *s = terms_of(g->terms, d->device_class);
	*out = NULL;
	if (!s)
		return 0;
	int r = ledger_terms_accepted(g->ledger, a->user, s->digest);
	if (r < 0)
		say_error("cannot look up whether user %s has accepted the conditions of use: %s", a->user, strerror(-r));
	if (r == 0)
		*out = s;
	return r < 0 ? r : 0;
}

/* A message of our own, as it was sent. */
static int copy(const struct message *m, struct message **out)
{
	static uint8_t data[MESSAGE_MAX];
	ssize_t size = message_encode(m, data, sizeof data);
	return size < 0 ? (int)size : message_decode(data, (size_t)size, out);
}

int login_terms_show(struct gateway *g, struct attempt *a, const struct terms_set *s, const struct message *m)
{
	enum terms_language l = terms_shown(s, a->language);
	struct message *question = message_new(VERDICT_TERMS), *kept = NULL;
	if (!question)
		return -ENOMEM;
	memcpy(question->terms_version, s->version, sizeof question->terms_version);
	memcpy(question->terms_sha256, s->sha256[l], sizeof question->terms_sha256);
	char text[TERMS_MAX];
	memcpy(text, s->text[l], sizeof text);
	question->terms = text;
	int r = copy(m, &kept);
	if (r == 0)
		r = channel_send(a->channel, question);
	message_free(question);
	if (r < 0) {
		message_free(kept);
		return r;
	}
	a->verdict = kept;
	memcpy(a->accepted, s->digest, sizeof a->accepted);
	a->state = ATTEMPT_READING;
	a->deadline = time_boot() + LOGIN_TERMS_SECONDS * SECOND;
	login_give_turns(g);
	return 0;
}

static int record(struct gateway *g, const struct attempt *a, const struct terms_set *s, enum terms_language l, int64_t now)
{
	char sha256[2 * TERMS_SHA256 + 1];
	struct peer *peer = peer_by_device(g, a->device.id);
	json_t *e = event_new("terms-accepted", "success", NULL);
	for (size_t i = 0; i < TERMS_SHA256; i++)
		snprintf(sha256 + 2 * i, 3, "%02x", s->sha256[l][i]);
	event_device(e, &a->device);
	if (peer)
		event_endpoint(e, &peer->endpoint);
	event_user(e, a->user);
	event_text(e, "sekisho.terms.version", s->version);
	event_text(e, "sekisho.terms.sha256", sha256);
	event_text(e, "sekisho.terms.language", terms_language_name(l));
	event_text(e, "user_agent.original", a->agent);
	event_text(e, "tls.version", a->tls);
	return evidence_write(g, LOG_AUTH, now, e);
}

int login_terms_accept(struct gateway *g, struct attempt *a)
{
	const struct terms_set *s = terms_of(g->terms, a->device.device_class);
	int64_t now = time_now();
	/* Others by now: nobody has accepted those. */
	if (!s || memcmp(s->digest, a->accepted, sizeof s->digest) != 0)
		return -ESTALE;
	enum terms_language l = terms_shown(s, a->language);
	int r = record(g, a, s, l, now);
	if (r < 0)
		return r;
	struct terms_acceptance acceptance = {.user = a->user,
		.version = s->version,
		.language = terms_language_name(l),
		.ja = s->text[TERMS_JA],
		.en = s->text[TERMS_EN],
		.device = a->device.id};
	memcpy(acceptance.digest, s->digest, sizeof acceptance.digest);
	r = ledger_terms_accept(g->ledger, &acceptance, now);
	if (r < 0)
		say_error("cannot note that user %s has accepted the conditions of use: %s", a->user, strerror(-r));
	return r;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "auth/dialog.h"

#include <errno.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <unistd.h>
#include <utlist.h>

#include "auth/client.h"
#include "common/say.h"
#include "common/secret.h"

static void waiter_gone(struct client *c, void *arg)
{
	struct dialog *d = arg;

	if (d->waiter == c)
		d->waiter = NULL;
}

void dialog_wake(struct dialog *d)
{
	struct client *c = d->waiter;

	d->waiter = NULL;
	if (c)
		d->set->wake(c);
}

/* A second tab of the same device may be waiting already: it is shown the present state. */
static void set_waiter(struct dialog *d, struct client *c)
{
	dialog_wake(d);
	d->waiter = c;
	client_wait(c, waiter_gone, d);
}

static void set_deadline(struct dialog *d, int64_t seconds)
{
	sd_event_source_set_time_relative(d->deadline, (uint64_t)seconds * 1000000);
	sd_event_source_set_enabled(d->deadline, SD_EVENT_ONESHOT);
}

static void hang_up(struct dialog *d)
{
	queue_leave(d);
	link_forget(d->question);
	d->question = NULL;
	d->io = sd_event_source_disable_unref(d->io);
	if (d->fd >= 0)
		close(d->fd);
	d->fd = -1;
	message_free(d->prompts);
	d->prompts = NULL;
	message_free(d->terms);
	d->terms = NULL;
}

static void finish(struct dialog *d, enum public_result result)
{
	hang_up(d);
	d->phase = DIALOG_OVER;
	d->result = result;
	set_deadline(d, DIALOG_RESULT_SECONDS);
	dialog_wake(d);
}

void dialog_close(struct dialog *d)
{
	hang_up(d);
	DL_DELETE(d->set->list, d);
	d->set->count--;
	sd_event_source_disable_unref(d->deadline);
	dialog_wake(d);
	message_free(d->notes);
	secret_wipe(d, sizeof *d);
	free(d);
}

int dialogs_open(struct dialogs *set, struct link *link)
{
	set->link = link;
	return queue_open(set);
}

void dialogs_close(struct dialogs *set)
{
	for (struct dialog *d = set->list, *next; d; d = next) {
		next = d->next;
		dialog_close(d);
	}
	queue_close(set);
}

static int on_deadline(sd_event_source *s, uint64_t usec, void *arg)
{
	struct dialog *d = arg;

	(void)s, (void)usec;
	if (d->phase == DIALOG_OVER) {
		dialog_close(d);
	} else if (d->phase == DIALOG_QUEUED && d->waiter) {
		dialog_seen(d);
		dialog_wake(d);
	} else {
		finish(d, PUBLIC_TIMEOUT);
	}
	return 0;
}

struct dialog *dialog_find(struct dialogs *set, uint32_t device)
{
	struct dialog *d;

	for (d = set->list; d; d = d->next)
		if (d->device == device)
			return d;
	return NULL;
}

/* Keeps informations that came without a question, to be shown with what comes next; beyond PROMPTS_MAX the later ones win. */
static void keep_notes(struct dialog *d, struct message *m)
{
	struct message *old = d->notes;

	d->notes = m;
	for (uint8_t i = 0; old && i < old->prompt_count && m->prompt_count < PROMPTS_MAX; i++) {
		memmove(&m->prompts[i + 1], &m->prompts[i], (size_t)(m->prompt_count - i) * sizeof *m->prompts);
		m->prompts[i] = old->prompts[i];
		m->prompt_count++;
	}
	message_free(old);
}

/* It is the user's turn. */
static void ask_user(struct dialog *d, enum dialog_phase phase, int64_t seconds)
{
	d->phase = phase;
	d->until = time_now() + seconds * INT64_C(1000000);
	set_deadline(d, seconds);
	dialog_wake(d);
}

static void take_message(struct dialog *d, struct message *m)
{
	queue_started(d);
	if (m->type == AUTH_RESULT) {
		enum public_result result = m->result;
		d->opens = m->opens;
		message_free(m);
		finish(d, result);
	} else if (m->type == AUTH_TERMS) {
		d->terms = m;
		ask_user(d, DIALOG_TERMS, DIALOG_TERMS_SECONDS);
	} else if (!d->state.asked) {
		keep_notes(d, m);
	} else {
		d->prompts = m;
		d->round++;
		ask_user(d, DIALOG_QUESTION, DIALOG_ANSWER_SECONDS);
	}
}

static int on_message(sd_event_source *s, int fd, uint32_t events, void *arg)
{
	struct dialog *d = arg;
	struct message *m = NULL;
	int err = message_receive(fd, &m);

	(void)s, (void)events;
	if (err == -EAGAIN)
		return 0;
	if (!err)
		err = message_turn(&d->state, SIDE_SERVER, m);
	if (!err) {
		take_message(d, m);
		return 0;
	}
	message_free(m);
	say_warning("sekisho-auth ended a login without a result (%s): see its journal",
		err == -EPIPE ? "it closed" : strerror(-err));
	finish(d, PUBLIC_UNAVAILABLE);
	return 0;
}

static int send_message(struct dialog *d, struct message *m)
{
	int err = message_turn(&d->state, SIDE_CLIENT, m);

	if (!err)
		err = message_send(d->fd, m);
	message_free(m);
	if (err == -EPIPE)
		err = 0; /* it has hung up, but its last word may still be there to be read */
	if (!err) {
		d->phase = DIALOG_THINKING;
		set_deadline(d, d->set->think_seconds + DIALOG_MARGIN_SECONDS);
	}
	return err;
}

static int start_auth(struct dialog *d, const uint8_t attempt[static ATTEMPT_SIZE])
{
	struct message *m = NULL;
	int err, fd = link_connect(d->set->auth_path, 0);

	if (fd < 0)
		return fd;
	d->fd = fd;
	d->state = (struct message_state){.channel = CHANNEL_AUTH};
	err = sd_event_add_io(d->set->loop, &d->io, fd, EPOLLIN, on_message, d);
	if (err < 0)
		return err;
	m = message_new(AUTH_START);
	if (!m)
		return -ENOMEM;
	memcpy(m->attempt, attempt, sizeof m->attempt);
	snprintf(m->user, sizeof m->user, "%s", d->user);
	snprintf(m->language, sizeof m->language, "%s", d->language);
	snprintf(m->tls, sizeof m->tls, "1.3");
	snprintf(m->agent, sizeof m->agent, "%s", d->agent);
	return send_message(d, m);
}

static void on_attempt(const struct message *m, void *arg)
{
	struct dialog *d = arg;

	d->question = NULL;
	if (!m) {
		finish(d, PUBLIC_UNAVAILABLE);
		return;
	}
	/* Addresses are never given to another device; an answer about another is a fault all the same. */
	if (m->result != LOGIN_OK || m->device != d->device) {
		d->opens = m->opens;
		finish(d, m->result != LOGIN_OK ? login_reason_public(m->result) : PUBLIC_UNAVAILABLE);
		return;
	}
	int err = start_auth(d, m->attempt);
	if (!err)
		return;
	say_error("cannot start a login at %s (%s): is sekisho-auth.socket active?", d->set->auth_path, strerror(-err));
	finish(d, err == -EAGAIN ? PUBLIC_BUSY : PUBLIC_UNAVAILABLE);
}

static int make_token(char token[static DIALOG_TOKEN])
{
	uint8_t bytes[DIALOG_TOKEN / 2];

	if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
		return -EIO;
	for (size_t i = 0; i < sizeof bytes; i++)
		snprintf(token + 2 * i, 3, "%02x", bytes[i]);
	return 0;
}

static void take_start(struct dialog *d, const struct dialog_start *start)
{
	d->source = start->source;
	d->renewal = start->renewal;
	snprintf(d->user, sizeof d->user, "%s", start->user);
	snprintf(d->language, sizeof d->language, "%s", start->language);
	text_safe(start->agent, d->agent, sizeof d->agent);
}

static struct dialog *dialog_new(struct dialogs *set, const struct dialog_start *start)
{
	struct dialog *d = calloc(1, sizeof *d);

	if (!d)
		return NULL;
	d->set = set;
	d->fd = -1;
	d->device = start->device;
	take_start(d, start);
	return d;
}

/* Asking again, perhaps by another name, costs nobody his place. */
static void stay_in_line(struct dialog *d, const struct dialog_start *start, struct client *waiter)
{
	take_start(d, start);
	set_waiter(d, waiter);
	if (d->told)
		dialog_wake(d);
}

int dialog_begin(struct dialogs *set, const struct dialog_start *start, struct client *waiter)
{
	struct dialog *d = dialog_find(set, start->device);
	int err;

	if (d && d->phase == DIALOG_QUEUED) {
		stay_in_line(d, start, waiter);
		return 0;
	}
	if (d)
		dialog_close(d);
	if (set->count >= DIALOGS_MAX)
		return -EBUSY;
	d = dialog_new(set, start);
	if (!d)
		return -ENOMEM;
	err = make_token(d->token);
	if (!err)
		err = sd_event_add_time_relative(
			set->loop, &d->deadline, CLOCK_BOOTTIME, QUEUE_LOOK_SECONDS * UINT64_C(1000000), 0, on_deadline, d);
	if (err < 0) {
		secret_wipe(d, sizeof *d);
		free(d);
		return err;
	}
	DL_PREPEND(set->list, d);
	set->count++;
	set_waiter(d, waiter);
	queue_join(d);
	return 0;
}

void dialog_seen(struct dialog *d)
{
	if (d->phase == DIALOG_QUEUED)
		set_deadline(d, QUEUE_LOOK_SECONDS);
}

bool dialog_hold(struct dialog *d, struct client *waiter)
{
	if (d->phase != DIALOG_QUEUED || queue_before(d) >= QUEUE_HELD)
		return false;
	set_waiter(d, waiter);
	set_deadline(d, QUEUE_HOLD_SECONDS);
	return true;
}

void dialog_start(struct dialog *d)
{
	d->phase = DIALOG_ASKING;
	set_deadline(d, 2 * LINK_ANSWER_SECONDS);
	if (link_ask(d->set->link, PORTAL_ATTEMPT, &d->source, 0, on_attempt, d, &d->question) < 0)
		finish(d, PUBLIC_UNAVAILABLE);
}

bool dialog_owns(const struct dialog *d, const char *token)
{
	return strlen(token) == sizeof d->token - 1 && CRYPTO_memcmp(token, d->token, sizeof d->token - 1) == 0;
}

bool dialog_is_current(const struct dialog *d, const char *round)
{
	char expected[12];

	snprintf(expected, sizeof expected, "%u", d->round);
	return d->phase == DIALOG_QUESTION && !strcmp(round, expected);
}

/* What the user has said, instead of what was shown. */
static void reply_to_auth(struct dialog *d, struct message *m)
{
	message_free(d->prompts);
	d->prompts = NULL;
	message_free(d->terms);
	d->terms = NULL;
	message_free(d->notes);
	d->notes = NULL;
	int err = send_message(d, m);
	if (err) {
		say_warning("sekisho-auth does not take answers (%s): see its journal", strerror(-err));
		finish(d, PUBLIC_UNAVAILABLE);
	}
}

const char *dialog_terms_hex(const struct message *terms, char text[static TERMS_HEX])
{
	for (size_t i = 0; i < TERMS_SHA256; i++)
		snprintf(text + 2 * i, 3, "%02x", terms->terms_sha256[i]);
	return text;
}

int dialog_answer(struct dialog *d, const struct form *f, struct client *waiter)
{
	struct message *m = message_new(AUTH_ANSWERS);

	if (!m)
		return -ENOMEM;
	for (; m->answer_count < d->state.asked; m->answer_count++) {
		char name[8];
		snprintf(name, sizeof name, "a%u", m->answer_count);
		const char *value = form_get(f, name);
		if (!value || strlen(value) >= ANSWER_MAX) {
			message_free(m);
			return -EINVAL;
		}
		memcpy(m->answers[m->answer_count], value, strlen(value) + 1);
	}
	set_waiter(d, waiter);
	reply_to_auth(d, m);
	return 0;
}

int dialog_accept(struct dialog *d, const char *sha256, struct client *waiter)
{
	char expected[TERMS_HEX];
	struct message *m;

	if (d->phase != DIALOG_TERMS || strcmp(sha256, dialog_terms_hex(d->terms, expected)) != 0)
		return -EINVAL;
	m = message_new(AUTH_ACCEPT);
	if (!m)
		return -ENOMEM;
	set_waiter(d, waiter);
	reply_to_auth(d, m);
	return 0;
}

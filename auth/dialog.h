/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Login dialogs under way, one for each device: between a browser, which comes and goes over both addresses of its device, and
 * one sekisho-auth process, which asks. A dialog outlives the browser's connections; it ends with the result, with the answer's
 * deadline, or when a new one replaces it. The browser proves with a random token of the dialog's own that it answers what it was
 * shown; the gateway's attempt id never leaves this process.
 */
#ifndef SEKISHO_DIALOG_H
#define SEKISHO_DIALOG_H

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "auth/form.h"
#include "auth/link.h"
#include "auth/queue.h"
#include "common/message.h"

struct client;

enum {
	DIALOG_ANSWER_SECONDS = 120, /* for the user to answer one round */
	DIALOG_TERMS_SECONDS = 600, /* to read the conditions of use */
	DIALOG_RESULT_SECONDS = 300, /* for the browser to fetch the result */
	DIALOG_MARGIN_SECONDS = 15, /* beyond login-timeout, which gateway and sekisho-auth keep to the second */
	DIALOGS_MAX = 10000, /* under way, in line, or over and not seen: a KiB each */
	DIALOG_TOKEN = 33,
};

enum dialog_phase {
	DIALOG_QUEUED, /* others are before it */
	DIALOG_ASKING, /* the gateway, for an attempt id */
	DIALOG_THINKING, /* sekisho-auth computes */
	DIALOG_QUESTION, /* the user is to answer */
	DIALOG_TERMS, /* the user is to accept the conditions of use */
	DIALOG_OVER, /* there is a result that nobody has seen */
};

/* What a dialog has of its queue. */
enum dialog_place { PLACE_NONE, PLACE_IN_LINE, PLACE_STARTING, PLACE_ACTIVE };

struct dialog {
	struct dialog *prev, *next;
	struct dialog *before, *behind; /* in line */
	enum dialog_place place;
	bool told; /* that it must wait */
	int64_t began; /* when its turn came, CLOCK_BOOTTIME microseconds */
	struct dialogs *set;
	uint32_t device;
	struct addr source; /* one of the device's addresses */
	bool renewal; /* of a session that is open */
	enum dialog_phase phase;
	char token[DIALOG_TOKEN];
	unsigned round; /* of questions, from 1 */
	char user[USER_NAME_MAX + 1], language[3], agent[AGENT_MAX];
	struct message *prompts; /* DIALOG_QUESTION: the round */
	struct message *terms; /* DIALOG_TERMS: AUTH_TERMS */
	struct message *notes; /* informations that came without a question; NULL for none */
	enum public_result result; /* DIALOG_OVER */
	int64_t opens; /* DIALOG_OVER: when a login will be possible again, or 0 */
	int64_t until; /* DIALOG_QUESTION, DIALOG_TERMS: deadline, CLOCK_REALTIME microseconds, to be shown */

	int fd; /* to sekisho-auth, or -1 */
	sd_event_source *io, *deadline;
	struct message_state state;
	struct question *question;
	struct client *waiter; /* whose request waits for the next phase */
};

struct dialogs {
	sd_event *loop;
	struct link *link;
	const char *auth_path;
	int64_t think_seconds; /* how long a login may take: login-timeout */
	unsigned limit; /* under way at the same time */
	unsigned count;
	struct queue queue;
	struct dialog *list;
	/* A waiting request can go on; must call client_reply(). */
	void (*wake)(struct client *c);
};

/* `loop`, `auth_path` and `wake` are set. 0 or -errno. */
int dialogs_open(struct dialogs *set, struct link *link);

/* NULL when there is none. */
struct dialog *dialog_find(struct dialogs *set, uint32_t device);

/* Who wants to log in, and how to speak to them. */
struct dialog_start {
	uint32_t device;
	struct addr source; /* one of its addresses */
	bool renewal; /* the page's words only: what it is is the gateway's to know */
	const char *user, *language, *agent; /* borrowed; `language` is "ja" or "en" */
};

/* Begins a dialog, in line behind those who came before, and makes `waiter` wait until it asks or must stand there. An older
 * dialog of the device ends; its place in line is kept. 0; -EBUSY beyond DIALOGS_MAX; -errno. On failure nobody waits. */
int dialog_begin(struct dialogs *set, const struct dialog_start *start, struct client *waiter);

/* For the queue: it is its turn; and whoever waits is to see how it stands. */
void dialog_start(struct dialog *d);
void dialog_wake(struct dialog *d);

/* Whoever stands in line has asked for the page, and so keeps the place. */
void dialog_seen(struct dialog *d);

/* Makes `waiter` wait for the turn if that is near: true; woken when it has come, or after a while, to see how it stands. */
bool dialog_hold(struct dialog *d, struct client *waiter);

/* Is this the dialog's token? Takes the same time for every wrong one. */
bool dialog_owns(const struct dialog *d, const char *token);

/* Is this the round that waits for answers? */
bool dialog_is_current(const struct dialog *d, const char *round);

/* Sends the form's a0, a1, ... as the answers of the current round and makes `waiter` wait. 0; -EINVAL when one is missing or too
 * long, and nobody waits. */
int dialog_answer(struct dialog *d, const struct form *f, struct client *waiter);

/* The SHA-256 of terms in hex, by which a form names them. Returns `text`. */
enum { TERMS_HEX = 2 * TERMS_SHA256 + 1 };
const char *dialog_terms_hex(const struct message *terms, char text[static TERMS_HEX]);

/* The user accepts the terms of this SHA-256 (in hex), and `waiter` waits. 0; -EINVAL when these are not what waits to be
 * accepted, and nobody waits. */
int dialog_accept(struct dialog *d, const char *sha256, struct client *waiter);

/* Ends it; a waiting request is woken. */
void dialog_close(struct dialog *d);
void dialogs_close(struct dialogs *set);

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What each page asks of gateway and dialog, and what it shows. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/portal_internal.h"
#include "common/text.h"

/* Would this user be another person on a shared device that somebody is logged in on? */
static bool is_other(const struct message *m, const char *user)
{
	return m->state == STATE_LOGGED_IN && m->sharing != SHARING_NONE && strcmp(user, m->user) != 0;
}

/* ---- GET / ---- */

static void show_dialog(struct client *c, const struct message *m, struct dialog *d)
{
	static const enum page_kind kinds[] = {[DIALOG_QUEUED] = PAGE_QUEUE,
		[DIALOG_ASKING] = PAGE_WAIT,
		[DIALOG_THINKING] = PAGE_WAIT,
		[DIALOG_QUESTION] = PAGE_ROUND,
		[DIALOG_TERMS] = PAGE_TERMS};
	struct page_view v = portal_view(c, kinds[d->phase]);

	dialog_seen(d);
	v.before = queue_before(d);
	v.other = is_other(m, d->user);
	v.open = m->state == STATE_LOGGED_IN && !v.other;
	v.prompts = d->prompts;
	v.terms = d->terms;
	v.notes = d->notes;
	v.token = d->token;
	v.round = d->round;
	v.until = d->until;
	v.user = d->user;
	portal_reply(c, &v, 200);
}

/* The device's state, with the result of the last dialog if nobody has seen it yet. */
static void show_state(struct client *c, const struct message *m, struct dialog *d)
{
	bool other = d && d->result != PUBLIC_GRANTED && is_other(m, d->user);
	struct page_view v = portal_view(c, other ? PAGE_OTHER : m->state == STATE_LOGGED_IN ? PAGE_STATUS : PAGE_LOGIN);

	v.device = m;
	v.last_end = m->last_end;
	v.opens = m->opens;
	if (d) {
		/* A granted login that has ended meanwhile is no news. */
		v.notice = d->result == PUBLIC_GRANTED && v.kind == PAGE_LOGIN ? PAGE_NO_NOTICE : (uint8_t)d->result;
		v.renewed = d->renewal;
		v.notes = d->notes;
		v.user = d->user;
		v.opens = d->opens;
	}
	portal_reply(c, &v, 200);
	if (d && client_request(c)->method == HTTP_GET)
		dialog_close(d);
}

void portal_get_home(struct client *c, const struct message *m)
{
	struct dialog *d = dialog_find(&portal->dialogs, m->device);

	if (d && d->phase != DIALOG_OVER)
		show_dialog(c, m, d);
	else
		show_state(c, m, d);
}

void portal_get_other(struct client *c, const struct message *m)
{
	struct page_view v = portal_view(c, PAGE_OTHER);

	v.device = m;
	if (is_other(m, ""))
		portal_reply(c, &v, 200);
	else
		portal_reply_home(c); /* nobody is logged in any more */
}

/* How the page of the line reloads: with something to tell. */
void portal_get_turn(struct client *c, const struct message *m)
{
	struct dialog *d = dialog_find(&portal->dialogs, m->device);

	if (!d || !dialog_hold(d, c))
		portal_reply_home(c);
}

/* ---- a login ---- */

static void begin(struct client *c, const struct message *m, const char *user)
{
	struct dialog_start start = {.device = m->device,
		.source = *client_source(c),
		.renewal = m->state == STATE_LOGGED_IN && !strcmp(user, m->user),
		.user = user,
		.language = page_language_tag(portal_view(c, PAGE_LOGIN).language),
		.agent = client_request(c)->user_agent};

	if (dialog_begin(&portal->dialogs, &start, c) < 0)
		portal_reply_error(c, 503);
}

/* Keyboards of phones add blanks around a word they complete. */
static void trim(const char *from, char *to, size_t size)
{
	from += strspn(from, " \t");
	size_t n = strlen(from);
	while (n && (from[n - 1] == ' ' || from[n - 1] == '\t'))
		n--;
	snprintf(to, size, "%.*s", (int)n, from);
}

static void reply_bad_user(struct client *c, const struct message *m, const char *user)
{
	struct page_view v = portal_view(c, is_other(m, user) ? PAGE_OTHER : PAGE_LOGIN);

	v.device = m;
	v.bad_user = true;
	v.user = user;
	portal_reply(c, &v, 422);
}

void portal_post_login(struct client *c, const struct message *m, const struct form *f)
{
	const char *typed = form_get(f, "user");
	char user[USER_NAME_MAX + 2]; /* one more, so that a cut name is not taken for a valid one */

	trim(typed ? typed : "", user, sizeof user);
	if (text_name_valid(user))
		begin(c, m, user);
	else
		reply_bad_user(c, m, strlen(user) <= USER_NAME_MAX ? user : "");
}

void portal_post_renew(struct client *c, const struct message *m, const struct form *f)
{
	(void)f;
	/* A session that is over, or that somebody else has by now: the page says so. */
	if (m->state == STATE_LOGGED_IN && m->renewal)
		begin(c, m, m->user);
	else
		portal_reply_home(c);
}

/* The dialog whose token the form carries, in whatever phase. */
static struct dialog *dialog_of(const struct message *m, const struct form *f)
{
	struct dialog *d = dialog_find(&portal->dialogs, m->device);
	const char *token = form_get(f, "attempt");

	return d && token && dialog_owns(d, token) ? d : NULL;
}

/* The page has been restarted, or the attempt was closed: the user typed into the void and must hear of it. */
static bool lost(struct client *c, const struct message *m)
{
	if (m->state == STATE_LOGGED_IN || dialog_find(&portal->dialogs, m->device))
		return false;

	struct page_view v = portal_view(c, PAGE_LOGIN);
	v.device = m;
	v.lost = true;
	portal_reply(c, &v, 409);
	return true;
}

/* A second tab, the back button, a late answer: what it wanted is gone, so it is shown what there is. */
void portal_post_answer(struct client *c, const struct message *m, const struct form *f)
{
	struct dialog *d = dialog_of(m, f);
	const char *round = form_get(f, "round");

	if (lost(c, m))
		return;
	if (!d || !round || !dialog_is_current(d, round))
		portal_reply_home(c);
	else if (dialog_answer(d, f, c) < 0)
		portal_reply_error(c, 422);
}

void portal_post_accept(struct client *c, const struct message *m, const struct form *f)
{
	struct dialog *d = dialog_of(m, f);
	const char *sha256 = form_get(f, "terms");

	if (lost(c, m))
		return;
	if (!d || !sha256 || dialog_accept(d, sha256, c) < 0)
		portal_reply_home(c);
}

void portal_post_cancel(struct client *c, const struct message *m, const struct form *f)
{
	struct dialog *d = dialog_of(m, f);

	if (d)
		dialog_close(d);
	portal_reply_home(c);
}

/* ---- what is asked of the gateway once more ---- */

static void on_done(const struct message *m, void *arg)
{
	struct client *c = arg;

	if (!m)
		portal_reply_away(c);
	else if (m->result != LOGIN_OK)
		portal_reply_error(c, 500);
	else
		portal_reply_home(c);
}

void portal_post_logout(struct client *c, const struct message *m, const struct form *f)
{
	(void)m, (void)f;
	portal_ask(c, PORTAL_LOGOUT, 0, on_done);
}

/* ---- devices that are not in hand ---- */

static void show_devices(const struct message *m, void *arg)
{
	struct client *c = arg;
	struct page_view v = portal_view(c, PAGE_DEVICES);

	v.device = m;
	if (!m)
		portal_reply_away(c);
	else if (m->result == LOGIN_INTERNAL_ERROR)
		portal_reply_error(c, 500);
	else if (m->result != LOGIN_OK)
		portal_reply_home(c); /* logged out meanwhile */
	else
		portal_reply(c, &v, 200);
}

void portal_get_devices(struct client *c, const struct message *m)
{
	(void)m;
	portal_ask(c, PORTAL_OWN, 0, show_devices);
}

static void on_suspended(const struct message *m, void *arg)
{
	struct client *c = arg;

	if (!m)
		portal_reply_away(c);
	else if (m->result == LOGIN_INTERNAL_ERROR)
		portal_reply_error(c, 500);
	else
		portal_reply_to(c, "/devices");
}

void portal_post_suspend(struct client *c, const struct message *m, const struct form *f)
{
	const char *device = form_get(f, "device");
	char *end = NULL;
	unsigned long id = device && *device >= '1' && *device <= '9' ? strtoul(device, &end, 10) : 0;

	if (m->state != STATE_LOGGED_IN || !id || *end || id > UINT32_MAX)
		portal_reply_home(c);
	else
		portal_ask(c, PORTAL_SUSPEND, (uint32_t)id, on_suspended);
}

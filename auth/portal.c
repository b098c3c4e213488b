/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "auth/portal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "auth/form.h"
#include "auth/page.h"
#include "common/paths.h"
#include "common/say.h"
#include "common/text.h"

enum { RETRY_SECONDS = 5 };

/* The one portal of this process: callbacks that get a client or a dialog find their way back through it. */
static struct portal *portal;

bool portal_is_us(const struct settings *s, const char *host)
{
	char v4[ADDR_TEXT], v6[ADDR_TEXT];

	return http_host_is(host, s->portal_name, s->portal_port) ||
	       http_host_is(host, addr_format(&s->gateway4, v4), s->portal_port) ||
	       (s->gateway6.family && http_host_is(host, addr_format(&s->gateway6, v6), s->portal_port));
}

static enum language language_of(struct client *c)
{
	const char *accept = client_request(c)->accept_language;

	return page_language(accept ? accept : "");
}

static struct page_view new_view(struct client *c, enum page_kind kind)
{
	return (struct page_view){
		.kind = kind,
		.language = language_of(c),
		.label = portal->settings.label,
		.now = time_now(),
		.notice = PAGE_NO_NOTICE,
		.user = "",
		.home = "/",
	};
}

static void reply_page(struct client *c, const struct page_view *v, struct http_reply r)
{
	char *body = NULL;

	r.type = "text/html; charset=utf-8";
	if (page_render(v, &body, &r.length) < 0) {
		r.status = 500;
		r.length = 0;
		r.close = true;
	}
	client_reply(c, &r, body);
}

static void reply_error(struct client *c, unsigned status)
{
	struct page_view v = new_view(c, PAGE_ERROR);
	/* Body or syntax cannot be trusted any further after these. */
	bool close = status == 400 || status == 411 || status == 413 || status == 417 || status == 431;
	char home[HOST_NAME_LIMIT + 16];

	v.status = status;
	if (status == 421) {
		const struct settings *s = &portal->settings;
		if (s->portal_port == 443)
			snprintf(home, sizeof home, "https://%s/", s->portal_name);
		else
			snprintf(home, sizeof home, "https://%s:%u/", s->portal_name, s->portal_port);
		v.home = home;
	}
	reply_page(c, &v,
		(struct http_reply){.status = status,
			.close = close,
			.allow = status == 405 ? "GET, HEAD, POST" : NULL,
			.retry_after = status == 503 ? RETRY_SECONDS : 0});
}

static void reply_away(struct client *c)
{
	struct page_view v = new_view(c, PAGE_AWAY);

	reply_page(c, &v, (struct http_reply){.status = 503, .retry_after = RETRY_SECONDS});
}

/* To the page that shows the present state. */
static void reply_home(struct client *c)
{
	client_reply(c, &(struct http_reply){.status = 303, .location = "/"}, NULL);
}

static void reply_static(struct client *c, const char *type, const char *text)
{
	struct http_reply r = {.status = 200, .type = type, .cacheable = true, .length = strlen(text)};
	char *body = strdup(text);

	if (!body)
		reply_error(c, 503);
	else
		client_reply(c, &r, body);
}

static void on_gone(struct client *c, void *arg)
{
	(void)c;
	link_forget(arg);
}

/* Asks the gateway on behalf of a request. */
static void ask(struct client *c, enum message_type type, link_answer *answer)
{
	struct question *q = NULL;

	if (link_ask(portal->link, type, client_source(c), answer, c, &q) < 0)
		reply_away(c);
	else
		client_wait(c, on_gone, q);
}

/* ---- GET / ---- */

static void show_dialog(struct client *c, const struct dialog *d)
{
	struct page_view v = new_view(c, d->phase == DIALOG_QUESTION ? PAGE_ROUND : PAGE_WAIT);

	v.prompts = d->prompts;
	v.notes = d->notes;
	v.token = d->token;
	v.round = d->round;
	v.until = d->until;
	v.user = d->user;
	reply_page(c, &v, (struct http_reply){.status = 200});
}

/* The device's state, with the result of the last dialog if nobody has seen it yet. */
static void show_state(struct client *c, const struct message *m, struct dialog *d)
{
	struct page_view v = new_view(c, m->state == STATE_LOGGED_IN ? PAGE_STATUS : PAGE_LOGIN);

	v.device = m;
	v.last_end = m->last_end;
	v.opens = m->opens;
	if (d) {
		/* "You are logged in" is a lie when the session has ended meanwhile, and needless where the page says so itself.
		 */
		v.notice = d->result == PUBLIC_GRANTED ? PAGE_NO_NOTICE : (uint8_t)d->result;
		v.notes = d->notes;
		v.user = d->user;
		v.opens = d->opens;
	}
	reply_page(c, &v, (struct http_reply){.status = 200});
	if (d && client_request(c)->method == HTTP_GET)
		dialog_close(d);
}

static void on_who(const struct message *m, void *arg)
{
	struct client *c = arg;
	struct dialog *d = dialog_find(&portal->dialogs, client_source(c));

	if (!m) {
		reply_away(c);
	} else if (m->state == STATE_UNKNOWN) {
		struct page_view v = new_view(c, PAGE_STRANGER);
		reply_page(c, &v, (struct http_reply){.status = 403});
		if (d)
			dialog_close(d);
	} else if (d && d->phase != DIALOG_OVER) {
		show_dialog(c, d);
	} else {
		show_state(c, m, d);
	}
}

static void get_home(struct client *c, const struct http_request *r)
{
	(void)r;
	ask(c, PORTAL_WHO, on_who);
}

static void get_style(struct client *c, const struct http_request *r)
{
	(void)r;
	reply_static(c, "text/css; charset=utf-8", page_style());
}

static void get_icon(struct client *c, const struct http_request *r)
{
	(void)r;
	reply_static(c, "image/svg+xml", page_icon());
}

/* ---- POST ---- */

/* Was the form sent by a page of ours? Browsers say so in Origin, or where that is withheld in Sec-Fetch-Site. */
static bool same_origin(const struct http_request *r)
{
	if (r->has_origin && strcmp(r->origin, "null") != 0)
		return http_origin_matches(r->origin, r->host);
	return !strcmp(r->fetch_site, "same-origin");
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

static void reply_bad_user(struct client *c, const char *user)
{
	struct page_view v = new_view(c, PAGE_LOGIN);

	v.bad_user = true;
	v.user = user;
	reply_page(c, &v, (struct http_reply){.status = 422});
}

static void post_login(struct client *c, const struct form *f)
{
	const char *typed = form_get(f, "user");
	char user[USER_NAME_MAX + 2]; /* one more, so that a cut name is not taken for a valid one */
	const char *agent = client_request(c)->user_agent;

	trim(typed ? typed : "", user, sizeof user);
	if (!text_name_valid(user)) {
		reply_bad_user(c, strlen(user) <= USER_NAME_MAX ? user : "");
		return;
	}
	int err = dialog_begin(&portal->dialogs, client_source(c), user, page_language_tag(language_of(c)), agent, c);
	if (err == -ENOTCONN)
		reply_away(c);
	else if (err)
		reply_error(c, 503);
}

/* The dialog whose token the form carries, in whatever phase. */
static struct dialog *dialog_of(struct client *c, const struct form *f)
{
	struct dialog *d = dialog_find(&portal->dialogs, client_source(c));
	const char *token = form_get(f, "attempt");

	return d && token && dialog_owns(d, token) ? d : NULL;
}

/* A second tab, the back button, a late answer: what it wanted is gone, so it is shown what there is. */
static void post_answer(struct client *c, const struct form *f)
{
	struct dialog *d = dialog_of(c, f);
	const char *round = form_get(f, "round");

	if (!d || !round || !dialog_is_current(d, round))
		reply_home(c);
	else if (dialog_answer(d, f, c) < 0)
		reply_error(c, 422);
}

static void post_cancel(struct client *c, const struct form *f)
{
	struct dialog *d = dialog_of(c, f);

	if (d)
		dialog_close(d);
	reply_home(c);
}

static void on_done(const struct message *m, void *arg)
{
	struct client *c = arg;

	if (!m)
		reply_away(c);
	else if (m->result != LOGIN_OK)
		reply_error(c, 500);
	else
		reply_home(c);
}

static void post_logout(struct client *c, const struct form *f)
{
	(void)f;
	ask(c, PORTAL_LOGOUT, on_done);
}

/* ---- which request goes where ---- */

static const struct route {
	const char *path;
	void (*get)(struct client *c, const struct http_request *r);
	void (*post)(struct client *c, const struct form *f);
} routes[] = {
	{"/", get_home, NULL},
	{"/style.css", get_style, NULL},
	{"/favicon.ico", get_icon, NULL},
	{"/login", NULL, post_login},
	{"/answer", NULL, post_answer},
	{"/cancel", NULL, post_cancel},
	{"/logout", NULL, post_logout},
};

static void do_post(struct client *c, const struct http_request *r, const struct route *route)
{
	struct form f = {0};

	if (!same_origin(r))
		reply_error(c, 403);
	else if (!http_type_is(r->content_type, "application/x-www-form-urlencoded") ||
		 form_parse(r->body, r->content_length, &f) < 0)
		reply_error(c, 400);
	else
		route->post(c, &f);
	form_wipe(&f);
}

static void on_request(struct client *c, const struct http_request *r, void *arg)
{
	const struct route *route = NULL;

	(void)arg;
	for (size_t i = 0; i < sizeof routes / sizeof *routes; i++)
		if (!strcmp(r->path, routes[i].path))
			route = &routes[i];
	if (!portal_is_us(&portal->settings, r->host))
		reply_error(c, 421);
	else if (!route)
		reply_error(c, 404);
	else if (r->method == HTTP_POST && route->post)
		do_post(c, r, route);
	else if ((r->method == HTTP_GET || r->method == HTTP_HEAD) && route->get)
		route->get(c, r);
	else if ((r->method == HTTP_GET || r->method == HTTP_HEAD) && route->post)
		reply_home(c); /* a reload of the address that a form was sent to */
	else
		reply_error(c, 405);
}

static void on_refused(struct client *c, unsigned status, void *arg)
{
	(void)arg;
	reply_error(c, status);
}

int portal_open(struct portal *p, sd_event *loop, const struct settings *s, SSL_CTX *tls, uid_t gateway)
{
	memset(p, 0, sizeof *p);
	p->loop = loop;
	p->clients = (struct clients){.loop = loop, .request = on_request, .refused = on_refused};
	p->dialogs = (struct dialogs){.loop = loop, .auth_path = PATH_AUTH_SOCKET, .wake = reply_home};
	portal_renew(p, s, tls);
	portal = p;
	int err = link_open(loop, PATH_PORTAL_SOCKET, gateway, &p->link);
	p->dialogs.link = p->link;
	if (err)
		SSL_CTX_free(tls);
	return err;
}

void portal_renew(struct portal *p, const struct settings *s, SSL_CTX *tls)
{
	p->settings = *s;
	SSL_CTX_free(p->clients.tls);
	p->clients.tls = tls;
	p->dialogs.think_seconds = s->pam_timeout_seconds;
	p->dialogs.limit = s->login_attempts_max;
}

void portal_close(struct portal *p)
{
	clients_close(&p->clients);
	dialogs_close(&p->dialogs);
	link_close(p->link);
	SSL_CTX_free(p->clients.tls);
	portal = NULL;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "auth/portal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "auth/portal_internal.h"
#include "common/secret.h"
#include "common/paths.h"
#include "common/say.h"
#include "common/text.h"

enum { RETRY_SECONDS = 5 };

struct portal *portal;

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

struct page_view portal_view(struct client *c, enum page_kind kind)
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

void portal_reply_error(struct client *c, unsigned status)
{
	struct page_view v = portal_view(c, PAGE_ERROR);
	/* Body or syntax cannot be trusted any further after these. */
	bool close = status == 400 || status == 411 || status == 413 || status == 417 || status == 431;
	char host[SETTINGS_PORTAL_HOST], home[SETTINGS_PORTAL_HOST + 16];

	v.status = status;
	if (status == 421) {
		snprintf(home, sizeof home, "https://%s/", settings_portal_host(&portal->settings, host));
		v.home = home;
	}
	reply_page(c, &v,
		(struct http_reply){.status = status,
			.close = close,
			.allow = status == 405 ? "GET, HEAD, POST" : NULL,
			.retry_after = status == 503 ? RETRY_SECONDS : 0});
}

void portal_reply_away(struct client *c)
{
	struct page_view v = portal_view(c, PAGE_AWAY);

	reply_page(c, &v, (struct http_reply){.status = 503, .retry_after = RETRY_SECONDS});
}

void portal_reply(struct client *c, const struct page_view *v, unsigned status)
{
	reply_page(c, v, (struct http_reply){.status = status});
}

void portal_reply_to(struct client *c, const char *path)
{
	client_reply(c, &(struct http_reply){.status = 303, .location = path}, NULL);
}

void portal_reply_home(struct client *c)
{
	portal_reply_to(c, "/");
}

static void reply_static(struct client *c, const char *type, const void *data, size_t size)
{
	struct http_reply r = {.status = 200, .type = type, .cacheable = true, .length = size};
	char *body = malloc(size);

	if (!body) {
		portal_reply_error(c, 503);
		return;
	}
	memcpy(body, data, size);
	client_reply(c, &r, body);
}

static void on_gone(struct client *c, void *arg)
{
	(void)c;
	link_forget(arg);
}

void portal_ask(struct client *c, enum message_type type, uint32_t device, link_answer *answer)
{
	struct question *q = NULL;

	if (link_ask(portal->link, type, client_source(c), device, answer, c, &q) < 0)
		portal_reply_away(c);
	else
		client_wait(c, on_gone, q);
}

static void get_style(struct client *c)
{
	reply_static(c, "text/css; charset=utf-8", page_style(), strlen(page_style()));
}

static void get_icon(struct client *c)
{
	reply_static(c, "image/svg+xml", page_icon(), strlen(page_icon()));
}

static void get_home_icon(struct client *c)
{
	size_t size;
	const void *icon = page_home_icon(&size);

	reply_static(c, "image/png", icon, size);
}

/* ---- which request goes where ---- */

/* What is the same for everybody, and what depends on whose device it is. */
static const struct route {
	const char *path;
	void (*file)(struct client *c);
	void (*get)(struct client *c, const struct message *m);
	void (*post)(struct client *c, const struct message *m, const struct form *f);
} routes[] = {
	{"/", NULL, portal_get_home, NULL},
	{"/turn", NULL, portal_get_turn, NULL},
	{"/style.css", get_style, NULL, NULL},
	{"/favicon.ico", get_icon, NULL, NULL},
	{"/apple-touch-icon.png", get_home_icon, NULL, NULL},
	{"/other", NULL, portal_get_other, NULL},
	{"/devices", NULL, portal_get_devices, NULL},
	{"/login", NULL, NULL, portal_post_login},
	{"/renew", NULL, NULL, portal_post_renew},
	{"/answer", NULL, NULL, portal_post_answer},
	{"/accept", NULL, NULL, portal_post_accept},
	{"/cancel", NULL, NULL, portal_post_cancel},
	{"/logout", NULL, NULL, portal_post_logout},
	{"/suspend", NULL, NULL, portal_post_suspend},
};

/* A request while the gateway is asked whose device it comes from. */
struct errand {
	struct client *client;
	const struct route *route;
	struct question *question;
	bool has_form;
	struct form form;
};

static void errand_free(struct errand *e)
{
	link_forget(e->question);
	secret_wipe(e, sizeof *e);
	free(e);
}

static void errand_gone(struct client *c, void *arg)
{
	(void)c;
	errand_free(arg);
}

static void on_who(const struct message *m, void *arg)
{
	struct errand *e = arg;
	struct client *c = e->client;

	e->question = NULL;
	if (!m) {
		portal_reply_away(c);
	} else if (m->state == STATE_UNKNOWN) {
		struct page_view v = portal_view(c, PAGE_STRANGER);
		portal_reply(c, &v, 403);
	} else if (e->has_form) {
		e->route->post(c, m, &e->form);
	} else {
		e->route->get(c, m);
	}
	errand_free(e);
}

static void run_errand(struct client *c, const struct http_request *r, const struct route *route)
{
	struct errand *e = calloc(1, sizeof *e);

	if (!e) {
		portal_reply_error(c, 503);
		return;
	}
	e->client = c;
	e->route = route;
	e->has_form = r->method == HTTP_POST;
	if (e->has_form && form_parse(r->body, r->content_length, &e->form) < 0) {
		errand_free(e);
		portal_reply_error(c, 400);
	} else if (link_ask(portal->link, PORTAL_WHO, client_source(c), 0, on_who, e, &e->question) < 0) {
		errand_free(e);
		portal_reply_away(c);
	} else {
		client_wait(c, errand_gone, e);
	}
}

/* Was the form sent by a page of ours? Browsers say so in Origin, or where that is withheld in Sec-Fetch-Site. */
static bool same_origin(const struct http_request *r)
{
	if (r->has_origin && strcmp(r->origin, "null") != 0)
		return http_origin_matches(r->origin, r->host);
	return !strcmp(r->fetch_site, "same-origin");
}

static void do_post(struct client *c, const struct http_request *r, const struct route *route)
{
	if (!same_origin(r))
		portal_reply_error(c, 403);
	else if (!http_type_is(r->content_type, "application/x-www-form-urlencoded"))
		portal_reply_error(c, 400);
	else
		run_errand(c, r, route);
}

static void on_request(struct client *c, const struct http_request *r, void *arg)
{
	const struct route *route = NULL;
	bool reads = r->method == HTTP_GET || r->method == HTTP_HEAD;

	(void)arg;
	for (size_t i = 0; i < sizeof routes / sizeof *routes; i++)
		if (!strcmp(r->path, routes[i].path))
			route = &routes[i];
	if (!portal_is_us(&portal->settings, r->host))
		portal_reply_error(c, 421);
	else if (!route)
		portal_reply_error(c, 404);
	else if (r->method == HTTP_POST && route->post)
		do_post(c, r, route);
	else if (reads && route->file)
		route->file(c);
	else if (reads && route->get)
		run_errand(c, r, route);
	else if (reads)
		portal_reply_home(c); /* a reload of the address that a form was sent to */
	else
		portal_reply_error(c, 405);
}

static void on_refused(struct client *c, unsigned status, void *arg)
{
	(void)arg;
	portal_reply_error(c, status);
}

int portal_open(struct portal *p, sd_event *loop, const struct settings *s, SSL_CTX *tls, uid_t gateway)
{
	memset(p, 0, sizeof *p);
	p->loop = loop;
	p->clients = (struct clients){.loop = loop, .request = on_request, .refused = on_refused};
	p->dialogs = (struct dialogs){.loop = loop, .auth_path = PATH_AUTH_SOCKET, .wake = portal_reply_home};
	portal_renew(p, s, tls);
	portal = p;
	int err = link_open(loop, PATH_PORTAL_SOCKET, gateway, &p->link);
	if (!err)
		err = dialogs_open(&p->dialogs, p->link);
	if (err)
		SSL_CTX_free(tls);
	return err;
}

void portal_renew(struct portal *p, const struct settings *s, SSL_CTX *tls)
{
	p->settings = *s;
	SSL_CTX_free(p->clients.tls);
	p->clients.tls = tls;
	p->dialogs.think_seconds = s->login_timeout_seconds;
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

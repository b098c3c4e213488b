/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What portal.c (which request goes where, and how it is answered) and portal_page.c (what each asks and shows) share. */
#ifndef SEKISHO_PORTAL_INTERNAL_H
#define SEKISHO_PORTAL_INTERNAL_H

#include "auth/form.h"
#include "auth/page.h"
#include "auth/portal.h"

/* The one portal of this process: callbacks that get a client or a dialog find their way back through it. */
extern struct portal *portal;

/* A page in the language of the request. */
struct page_view portal_view(struct client *c, enum page_kind kind);
void portal_reply(struct client *c, const struct page_view *v, unsigned status);
void portal_reply_error(struct client *c, unsigned status);
void portal_reply_away(struct client *c); /* the gateway does not answer */
void portal_reply_to(struct client *c, const char *path); /* 303 */
void portal_reply_home(struct client *c); /* to the page that shows the present state */

/* Asks the gateway on behalf of a request, and has `answer` answer it. */
void portal_ask(struct client *c, enum message_type type, uint32_t device, link_answer *answer);

/*
 * The requests of a device of ours; `m` is its state (PORTAL_DEVICE), asked for this request. Each answers the request or makes
 * it wait.
 */
void portal_get_home(struct client *c, const struct message *m);
void portal_get_other(struct client *c, const struct message *m);
void portal_get_turn(struct client *c, const struct message *m);
void portal_get_devices(struct client *c, const struct message *m);
void portal_post_login(struct client *c, const struct message *m, const struct form *f);
void portal_post_renew(struct client *c, const struct message *m, const struct form *f);
void portal_post_answer(struct client *c, const struct message *m, const struct form *f);
void portal_post_accept(struct client *c, const struct message *m, const struct form *f);
void portal_post_cancel(struct client *c, const struct message *m, const struct form *f);
void portal_post_logout(struct client *c, const struct message *m, const struct form *f);
void portal_post_suspend(struct client *c, const struct message *m, const struct form *f);

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The login page's logic: which request, from which device, in which state, gets which page. The gateway is asked anew for every
 * page; nothing that it said is remembered. Nothing here can open anything: the portal only relays a conversation.
 */
#ifndef SEKISHO_PORTAL_H
#define SEKISHO_PORTAL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#include "auth/client.h"
#include "auth/dialog.h"
#include "auth/link.h"
#include "config/settings.h"

struct portal {
	sd_event *loop;
	struct settings settings;
	struct link *link;
	struct clients clients;
	struct dialogs dialogs;
};

/* Prepares everything but the sockets; `tls` is taken over. `gateway` is the uid of the gateway. 0 or -errno. */
int portal_open(struct portal *p, sd_event *loop, const struct settings *s, SSL_CTX *tls, uid_t gateway);
void portal_close(struct portal *p);

/* New settings and a new context, for requests and connections from now on; `tls` is taken over. */
void portal_renew(struct portal *p, const struct settings *s, SSL_CTX *tls);

/* Is `host` (a Host field) one of our names: portal-name or a tunnel address of the gateway? */
bool portal_is_us(const struct settings *s, const char *host);

#endif

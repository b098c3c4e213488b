/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The portal's channel: who is at this tunnel address, an attempt id for it, the user's wish to leave, and what the user has
 * lost. That is all the portal can say; none of it opens a session or keeps one open. What it may show of a session is put
 * together here.
 */
#ifndef SEKISHO_PORTALCHAN_H
#define SEKISHO_PORTALCHAN_H

#include <stdbool.h>

#include "gateway/gateway.h"

/* Listens for the user sekisho-portal (and root). 0 or -errno; -ESRCH when the system has no such user. */
int portalchan_open(struct gateway *g, struct portalchan **out);
void portalchan_close(struct portalchan *p);

/* Is a portal connected? */
bool portalchan_connected(const struct portalchan *p);

#endif

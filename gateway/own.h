/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What somebody who is logged in may see and do, on the login page, about the other devices that are registered in the same name:
 * a phone that is lost must be cut off before the service desk opens. A user can stop a device, and only the desk or an
 * administrator can set it going again: a thief who has one phone gains nothing by stopping another.
 */
#ifndef SEKISHO_OWN_H
#define SEKISHO_OWN_H

#include "gateway/session.h"

/* Puts the devices of the session's user, other than the session's own, that are active or suspended into m->own; at most
 * OWN_MAX. 0 or -errno. */
int own_list(struct gateway *g, const struct session *s, struct message *m);

/* Suspends one of them, recorded as done by that user from the session's device. 0 (also when it was suspended before); -ENOENT
 * when it is none of them; -errno: it is cut off, but would come back. */
int own_suspend(struct gateway *g, const struct session *s, uint32_t device);

#endif

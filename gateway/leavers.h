/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The accounts of all users of devices, logged in or not, each once in `leaver-check`: whose account is gone, locked or expired,
 * but still has a device that may come in, is somebody who has left, and the device should be taken back. Nothing is ended here:
 * who is logged in is looked at far more often (gateway/recheck.h), and who is not cannot log in. A directory that does not
 * answer says nothing about anybody.
 */
#ifndef SEKISHO_LEAVERS_H
#define SEKISHO_LEAVERS_H

#include "gateway/gateway.h"

struct leavers;

/* Begins with whoever has not been looked at for longest. 0 or -errno. */
int leavers_open(struct gateway *g, struct leavers **out);
void leavers_close(struct leavers *all); /* NULL is fine */

#endif

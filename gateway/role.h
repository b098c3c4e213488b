/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who asks over the control socket, and how much that person may ask. The kernel says who (SO_PEERCRED and SO_PEERGROUPS of
 * unix(7)), the Unix groups say the role: root and members of group sekisho-admin may do everything; those of sekisho-desk, the
 * service desk, what is needed when a phone is lost or somebody calls; those of sekisho-logs, who read the logs, nothing here but
 * ask whether the gateway is well. Who is in several groups has the role that may do most; each role may do what those below it
 * may. What the roles may is a table in control.c.
 */
#ifndef SEKISHO_ROLE_H
#define SEKISHO_ROLE_H

#include <stdint.h>
#include <sys/socket.h>

#include "common/message.h"

enum role { ROLE_NONE, ROLE_LOGS, ROLE_DESK, ROLE_ADMIN, ROLES };

/* "none", "logs", "desk", "admin": as the log and the ledger have it. */
const char *role_name(enum role r);

/* The Unix group of a role, "sekisho-desk"; NULL for ROLE_NONE. */
const char *role_group(enum role r);

/* Who did something, for the ledger and the log. */
struct actor {
	uint32_t uid;
	enum role role;
	char name[USER_NAME_MAX + 1]; /* login name of that uid, or the number */
};

/* The peer of a connected socket, as it was when it connected. Where the kernel or the directory does not tell: ROLE_NONE. */
struct actor role_of_peer(int fd, const struct ucred *peer);

#endif

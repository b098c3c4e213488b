/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the programs that start others' code can never do, whatever that is: PAM modules, alert hooks, wireguard-go. A list of
 * what is forbidden, since what they need cannot be listed. The units forbid more, and drop-ins can give that back; this they
 * cannot.
 */
#ifndef SEKISHO_FORBID_H
#define SEKISHO_FORBID_H

#include <stdbool.h>

/*
 * For this process and all that it starts: who does it all the same is killed (SIGSYS). `listens`: new sockets may wait for
 * connections. Needs no_new_privs. 0 or -errno.
 */
int forbid(bool listens);

#endif

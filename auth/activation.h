/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What systemd hands over to a process that it starts for one connection, by the protocol that sd_listen_fds(3) promises to keep.
 * Not by libsystemd: it would load five more libraries into a root process that is started for each login.
 */
#ifndef SEKISHO_ACTIVATION_H
#define SEKISHO_ACTIVATION_H

enum { ACTIVATION_FD = 3 }; /* the first descriptor that is handed over */

/* Is ACTIVATION_FD one connected AF_UNIX socket of messages (SOCK_SEQPACKET), meant for this process, and the only one? 0, or
 * -EINVAL. With 0 it is closed on exec. */
int activation_check(void);

#endif

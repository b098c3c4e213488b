/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the gateway may do: it runs as user sekisho with CAP_NET_ADMIN and nothing else, whether systemd started it so or root
 * did.
 */
#ifndef SEKISHO_PRIVILEGES_H
#define SEKISHO_PRIVILEGES_H

#include <stddef.h>

/*
 * Started as root: makes the state, log, run and WireGuard socket folders if they are missing, then becomes the user. Started as
 * that user: checks that CAP_NET_ADMIN is there. In both cases: no capability but that one, which programs that it
 * executes do not inherit (wireguard-go is given it, tunnel_spawn.c), no new privileges, no core dumps, umask 027; nor what
 * forbid.h forbids, for all that it starts as well. 0 or -errno with `why`.
 */
int privileges_drop(char *why, size_t why_size);

/* For a process beside the gateway: not even that capability, and no way to one. Refused to root. 0 or -errno with `why`. */
int privileges_drop_all(char *why, size_t why_size);

#endif

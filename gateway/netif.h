/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What WireGuard leaves to others, over rtnetlink(7) with libmnl: interface index, addresses, MTU, up, routes, and the policy
 * rule that is the second lock behind the firewall. Every call reconciles: it succeeds when the state is already so.
 */
#ifndef SEKISHO_NETIF_H
#define SEKISHO_NETIF_H

#include <stdbool.h>
#include <stdint.h>

#include "common/addr.h"

/* Interface index, or -ENODEV. */
int netif_index(const char *name);

/* Creates an interface of rtnl kind "wireguard". 0, -EEXIST, -EOPNOTSUPP when the kernel has no such kind, -errno. */
int netif_create_wireguard(const char *name);

/* 1 when the existing interface is of rtnl kind `kind` ("wireguard", "tun"), 0 when not, -errno. */
int netif_is_kind(const char *name, const char *kind);

/* 1 when the interface is up, 0 when not, -errno. */
int netif_is_up(const char *name);

int netif_delete(const char *name);
int netif_up(const char *name, unsigned mtu);

/* Gives the interface exactly these addresses of each family (link-local IPv6 is left alone), as host addresses (/32, /128);
 * family 0: none. */
int netif_addresses(const char *name, const struct addr *v4, const struct addr *v6);

/* A route to `network` through the interface; replaces one through another interface. */
int netif_route(const char *name, const struct prefix *network);

/*
 * The second lock: packets that came in through `name` and carry no session mark are prohibited by routing, for both
 * families, at preference 90 (`ip rule add pref 90 iif NAME fwmark 0/0xffffffff prohibit`). Packets to local addresses are not
 * affected (the local table comes first). netif_lock_check: 1 when both rules are there, 0 when not, -errno.
 */
int netif_lock(const char *name);
int netif_unlock(const char *name);
int netif_lock_check(const char *name);

#endif

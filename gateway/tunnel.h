/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The WireGuard interface and its peers, on either backend: the kernel's module (netlink, embeddable-wg-library) or
 * wireguard-go (its UAPI socket, https://www.wireguard.com/xplatform/). The rest of the program never asks which it is.
 * An interface or a wireguard-go process left by an earlier run is taken over with its peers; it is never re-created while it
 * has peers, because deleting an interface with many peers takes the kernel very long.
 */
#ifndef SEKISHO_TUNNEL_H
#define SEKISHO_TUNNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"
#include "common/key.h"
#include "config/settings.h"

struct tunnel;

struct tunnel_spec {
	const char *interface;
	enum backend_choice backend;
	struct key private_key; /* wiped by tunnel_open() in its own copy; the caller wipes this one */
	uint16_t listen_port;
	struct prefix network4, network6; /* routed to the interface; family 0 for none */
	struct addr gateway4, gateway6; /* the interface's own addresses */
	unsigned mtu;
};

struct tunnel_peer {
	struct key public_key, preshared; /* preshared all zero: none */
	struct endpoint endpoint; /* family 0: leave as it is */
	struct addr v4, v6; /* the only inner addresses it may use; family 0: none */
	uint16_t keepalive; /* seconds, 0 for off */
	/* from tunnel_each() only: */
	int64_t last_handshake; /* microseconds since the epoch, 0 for never */
	uint64_t rx_bytes, tx_bytes; /* since the peer was installed */
	bool extra_addresses; /* it may use more than v4 and v6: somebody else changed it, install it anew */
};

/*
 * Brings the interface up: device or process, key, port, addresses, MTU, routes, link up; existing peers stay.
 * 0 or -errno with a sentence in `why` that names what failed and what to do (port taken, no WireGuard at all, ...).
 */
int tunnel_open(const struct tunnel_spec *spec, struct tunnel **out, char *why, size_t why_size);

/* Frees our side; the interface, its peers and wireguard-go go on working. */
void tunnel_close(struct tunnel *t);

/* Takes all peers out, then removes the interface (and ends wireguard-go), whoever has brought it up; needs neither the key nor a
 * backend that could bring it up. 0, also when there is none; -EEXIST: it is not WireGuard and stays; -errno; both with `why`. */
int tunnel_destroy(const char *interface, char *why, size_t why_size);

/* "kernel" or "wireguard-go". */
const char *tunnel_backend(const struct tunnel *t);

/* Is the interface there, up, with our key, and somebody serving it? 0; -ENODEV: it has vanished; -ENETDOWN; -EKEYREJECTED: it
 * has another key; -ENOTCONN: it does not listen on our port; -errno. */
int tunnel_check(struct tunnel *t);

/* Installs a peer, or replaces key, endpoint, allowed addresses and keepalive of one that exists. 0 or -errno. */
int tunnel_peer_install(struct tunnel *t, const struct tunnel_peer *p);

/* Changes the keepalive of an installed peer only; never brings back one that was taken out: -ENOENT then, or 0 without effect
 * when somebody else took it out since the last tunnel_each(). */
int tunnel_peer_keepalive(struct tunnel *t, const struct key *public_key, uint16_t seconds);

/* 0 also when there was no such peer. */
int tunnel_peer_remove(struct tunnel *t, const struct key *public_key);

/* One consistent dump of all peers; `preshared` is not filled in. Stops when `each` returns non-zero and returns that. */
int tunnel_each(struct tunnel *t, int (*each)(const struct tunnel_peer *p, void *arg), void *arg);

#endif

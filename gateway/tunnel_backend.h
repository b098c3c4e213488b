/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What tunnel.c asks of a backend. Both keep nothing in memory: the kernel or wireguard-go is the only place where a peer is, so
 * a call finds whatever an earlier run or an administrator left there.
 */
#ifndef SEKISHO_TUNNEL_BACKEND_H
#define SEKISHO_TUNNEL_BACKEND_H

#include "gateway/tunnel.h"

/* A device with all its peers at one moment. */
struct tunnel_dump {
	struct key public_key; /* zero: the device has no key yet */
	uint16_t listen_port;
	struct tunnel_peer *peers;
	size_t count, room;
};

/* One more peer, all zero, or NULL when out of memory; the pointer holds until the next one. */
struct tunnel_peer *tunnel_dump_add(struct tunnel_dump *d);
/* Notes an allowed address: the first host address of each family, anything beyond it as `extra_addresses`. */
void tunnel_dump_allow(struct tunnel_peer *p, const struct addr *a, unsigned bits);
void tunnel_dump_free(struct tunnel_dump *d);

struct tunnel_backend {
	const char *name;
	const char *kind; /* the interface's rtnl kind */
	/* Makes the interface or takes it over, gives it key, port and MTU, brings it up. */
	int (*start)(const struct tunnel_spec *spec, char *why, size_t why_size);
	int (*install)(const char *interface, const struct tunnel_peer *p);
	/* Does nothing, and says 0, when there is no such peer. */
	int (*keepalive)(const char *interface, const struct key *public_key, uint16_t seconds);
	int (*remove)(const char *interface, const struct key *public_key);
	int (*clear)(const char *interface); /* all peers out */
	int (*dump)(const char *interface, struct tunnel_dump *out);
	/* Removes the interface and whatever serves it. */
	int (*stop)(const char *interface);
};

extern const struct tunnel_backend tunnel_kernel, tunnel_uapi;

/* Both: the sentence for a port that another program holds. */
int tunnel_port_taken(uint16_t port, char *why, size_t why_size);

/* Generic netlink to the kernel's WireGuard, beside the embeddable library; see tunnel_genl.c for why. */
int tunnel_genl_dump(const char *interface, struct tunnel_dump *out);
int tunnel_genl_keepalive(const char *interface, const struct key *public_key, uint16_t seconds);

/*
 * Starts wireguard-go for an interface that nobody serves, and waits until its socket answers. It is no child of ours, keeps none
 * of our descriptors and outlives us; it has CAP_NET_ADMIN when we have. 0 or -errno with `why`.
 */
int tunnel_spawn(const char *interface, char *why, size_t why_size);

#endif

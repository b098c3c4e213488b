/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The texts of the files that `sekisho setup` makes. Each returns new memory for the caller to free, or NULL when there is none.
 */
#ifndef SEKISHO_SKELETON_H
#define SEKISHO_SKELETON_H

#include "config/settings.h"

/* What has to be known before a sekisho.conf can be written; texts as an administrator types them, borrowed. */
struct skeleton {
	const char *endpoint, *networks, *tunnel, *resolvers, *portal_name; /* lists parted by spaces */
};

/* sekisho.conf with these values, every keyword explained; the others stand commented out with their defaults. */
char *skeleton_config(const struct skeleton *s);

/* acl/systems.acl and acl/devices/private.acl: examples in comments, no rule. */
char *skeleton_systems(void);
char *skeleton_private(void);

/* The PAM service; `debian`: with Debian's common-auth and common-account, else with system-auth. */
char *skeleton_pam(bool debian);

/* The drop-in of sekisho-portal.socket: one ListenStream a tunnel address of the gateway. */
char *skeleton_socket(const struct settings *s);

/* The drop-in of sekisho-dns.socket: the same addresses, port SKELETON_DNS_PORT, both protocols, for the phones' networks only.
 */
char *skeleton_dns_socket(const struct settings *s);

/* A line of either for one address: "ListenStream=10.64.0.1:443", for the kinds ListenStream and ListenDatagram. Returns `text`.
 */
enum { SKELETON_LISTEN = ENDPOINT_TEXT + 16, SKELETON_DNS_PORT = 53 };
const char *skeleton_listen(const char *kind, const struct addr *a, uint16_t port, char text[static SKELETON_LISTEN]);

/*
 * The configuration (unbound.conf(5)) of what answers for the login page's name before a login: that name's addresses, and
 * REFUSED to whatever else is asked. It has no server to ask itself, and listens only on sockets that it is given.
 */
char *skeleton_dns(const struct settings *s);

#endif

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

/* Its line for one address: "ListenStream=10.64.0.1:443". Returns `text`. */
enum { SKELETON_LISTEN = ENDPOINT_TEXT + 16 };
const char *skeleton_listen(const struct addr *a, uint16_t port, char text[static SKELETON_LISTEN]);

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Is this machine set up as a gateway needs it? Finds everything that is wrong at once, each with its remedy; changes nothing. */
#ifndef SEKISHO_CHECK_H
#define SEKISHO_CHECK_H

#include <jansson.h>
#include <stddef.h>

#define PATH_CA_CERT PATH_CONFIG_DIR "/tls/ca.crt"
#define PATH_CA_KEY PATH_CONFIG_DIR "/tls/ca.key"
#define PATH_DNS_DROPIN "/etc/systemd/system/sekisho-dns.socket.d/address.conf"
#define PATH_PORTAL_DROPIN "/etc/systemd/system/sekisho-portal.socket.d/address.conf"

struct check {
	json_t *problems; /* array of {"what", "hint"}; NULL while there are none */
	size_t count;
};

/* Adds one problem; `hint` is NULL when the text itself says what to do. */
void check_add(struct check *c, const char *hint, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Users and groups only: without them nothing can be installed. */
void check_users(struct check *c);

/* Everything: users, settings, keys, certificate, PAM service, sockets, ACLs. Needs root, which alone can read all of it. */
void check_all(struct check *c);

void check_clear(struct check *c);

/* Prints the problems with their remedies on standard error. */
void check_print(const struct check *c);

#endif

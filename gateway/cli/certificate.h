/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The portal's certificate as `sekisho setup` installs it: what is there stays; otherwise a trial CA makes one. */
#ifndef SEKISHO_CERTIFICATE_H
#define SEKISHO_CERTIFICATE_H

#include "config/settings.h"
#include "gateway/cli/install.h"

/*
 * Sees to PATH_TLS_CERT and PATH_TLS_KEY (readable for group `portal`), with the trial CA beside them when they have to be made.
 * 0, or -errno after saying what is wrong.
 */
int certificate_install(struct install *in, const struct settings *s, gid_t portal);

/* The authority beside it, read from PATH_CA_CERT and PATH_CA_KEY. 0, or -errno after saying what is wrong. The caller clears it. */
struct ca_pair;
int certificate_authority(struct ca_pair *out);

/*
 * Puts a new certificate and key in the place of the portal's, signed by that authority, or with `anew` by a new one that takes its
 * place too. 0, or -errno after saying what is wrong: until all are made nothing is replaced.
 */
int certificate_renew(const struct settings *s, gid_t portal, bool anew);

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A configuration profile for iPhones and iPads (Apple, "Configuration Profile Reference": com.apple.security.root and
 * com.apple.webClip.managed): the private authority to trust, and the login page on the home screen. It carries nothing secret.
 * Made from the same authority again it has the same identifiers, so that a phone updates what it has.
 */
#ifndef SEKISHO_CA_PROFILE_H
#define SEKISHO_CA_PROFILE_H

struct ca_profile_words {
	const char *label; /* what the installation calls itself */
	const char *name; /* the login page's DNS name, a valid one: its parts become the identifier */
	unsigned port;
};

/* The profile as XML text in new memory that the caller frees. 0, -EINVAL when the PEM text has no certificate, -ENOMEM, -EIO. */
int ca_profile(const char *authority, const struct ca_profile_words *w, char **out);

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A private certification authority for trying the gateway out, and judging the portal's certificate, with OpenSSL. The CA
 * may vouch for nothing but the portal's name and addresses (name constraints, RFC 5280 section 4.2.1.10): whoever steals its
 * key cannot use the phones' trust in it against other sites.
 */
#ifndef SEKISHO_CA_H
#define SEKISHO_CA_H

#include "common/addr.h"

enum {
	CA_DAYS = 3650,
	CA_LEAF_DAYS = 820, /* Apple refuses server certificates of more than 825 days (support.apple.com/103769) */
	CA_SOON_DAYS = 14,  /* a certificate that ends sooner is a problem */
};

/* Whom a certificate is for. */
struct ca_subject {
	const char *name;   /* DNS name */
	struct addr v4, v6; /* family 0: none */
};

/* A certificate and its private key as PEM text. */
struct ca_pair {
	char *certificate, *key;
};

/* Wipes and frees both texts. */
void ca_pair_clear(struct ca_pair *p);

/* A new CA (ECDSA P-256) for this subject. 0, or -EIO when OpenSSL fails. The caller clears `out`. */
int ca_new(const struct ca_subject *s, struct ca_pair *out);

/*
 * A new server certificate (ECDSA P-256) signed by the CA, verified as a phone would. 0; -EINVAL when the CA's texts do not
 * parse or belong not together; -EPERM when this CA may not vouch for the subject, or has ended; -EIO.
 */
int ca_issue(const struct ca_pair *ca, const struct ca_subject *s, struct ca_pair *out);

/*
 * Judges a server's certificate (the first of a chain) and, unless NULL, its key. Calls `problem` for each thing wrong with a
 * phrase that fits behind the file's name. Addresses are only asked for when the certificate names any: public authorities do not
 * put private addresses into theirs.
 */
void ca_judge(const char *certificate, const char *key, const struct ca_subject *s, void (*problem)(void *arg, const char *what),
	void *arg);

#endif

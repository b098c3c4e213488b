/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a certificate says, for people and for `--json`: whom it is for, until when, and the fingerprint by which a person at a
 * phone compares it with the one here.
 */
#ifndef SEKISHO_CA_FACTS_H
#define SEKISHO_CA_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CA_TITLE = 512, CA_NAMES = 1024, CA_FINGERPRINT = 32 * 3, CA_DIGEST = 32 };

struct ca_facts {
	char title[CA_TITLE]; /* its subject (RFC 2253 form), made safe for a terminal */
	char names[CA_NAMES]; /* DNS names and addresses, "gate.example.jp, 10.64.0.1"; an authority's are those it may vouch for
			       */
	int64_t from, until; /* microseconds since the epoch */
	unsigned char digest[CA_DIGEST]; /* SHA-256 of the DER form */
	char fingerprint[CA_FINGERPRINT]; /* the same as "AB:CD:...", as phones show it */
};

/* The first certificate of a PEM text as OpenSSL's X509, which the caller frees; NULL when there is none. */
struct x509_st *ca_parse(const char *pem);

/* The first certificate of a PEM text. 0, -EINVAL when there is none, -EIO when OpenSSL fails. */
int ca_facts(const char *pem, struct ca_facts *out);

/* The same in DER (X.690), in new memory that the caller frees. 0, -EINVAL, -EIO. */
int ca_der(const char *pem, unsigned char **out, size_t *size);

/* Was the certificate signed by this authority? Both PEM; false also when one cannot be read. */
bool ca_signed(const char *pem, const char *authority);

#endif

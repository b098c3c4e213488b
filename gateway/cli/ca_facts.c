/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/cli/ca_facts.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/addr.h"
#include "common/text.h"

enum { RAW_TITLE = CA_TITLE / 2, NAME_TEXT = 300, IPV4_BYTES = 4, IPV6_BYTES = 16 };

X509 *ca_parse(const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	X509 *x = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
	BIO_free(bio);
	ERR_clear_error();
	return x;
}

static int64_t instant(const ASN1_TIME *t)
{
	struct tm tm;
	if (!ASN1_TIME_to_tm(t, &tm))
		return 0;
	return (int64_t)timegm(&tm) * 1000000;
}

static void names_add(char names[static CA_NAMES], const char *name)
{
	char safe[NAME_TEXT];
	size_t used = strlen(names);
	snprintf(names + used, CA_NAMES - used, "%s%s", used ? ", " : "", text_safe(name, safe, sizeof safe));
}

/* A name constraint holds address and mask, RFC 5280 section 4.2.1.10: twice the bytes; ours are single hosts. */
static void address_add(char names[static CA_NAMES], const ASN1_OCTET_STRING *s)
{
	int size = ASN1_STRING_length(s);
	char text[ADDR_TEXT];
	struct addr a;
	bool masked = size == 2 * IPV4_BYTES || size == 2 * IPV6_BYTES;
	if (!addr_from_bytes(ASN1_STRING_get0_data(s), (size_t)(masked ? size / 2 : size), &a))
		names_add(names, addr_format(&a, text));
}

static void general_name_add(char names[static CA_NAMES], const GENERAL_NAME *n)
{
	if (n->type == GEN_IPADD) {
		address_add(names, n->d.iPAddress);
	} else if (n->type == GEN_DNS) {
		char name[NAME_TEXT];
		snprintf(name, sizeof name, "%.*s", ASN1_STRING_length(n->d.dNSName),
			(const char *)ASN1_STRING_get0_data(n->d.dNSName));
		names_add(names, name);
	}
}

static void names_read(const X509 *x, char names[static CA_NAMES])
{
	GENERAL_NAMES *own = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
	NAME_CONSTRAINTS *may = X509_get_ext_d2i(x, NID_name_constraints, NULL, NULL);
	for (int i = 0; i < sk_GENERAL_NAME_num(own); i++)
		general_name_add(names, sk_GENERAL_NAME_value(own, i));
	for (int i = 0; may && i < sk_GENERAL_SUBTREE_num(may->permittedSubtrees); i++)
		general_name_add(names, sk_GENERAL_SUBTREE_value(may->permittedSubtrees, i)->base);
	GENERAL_NAMES_free(own);
	NAME_CONSTRAINTS_free(may);
}

static int title_read(const X509 *x, char title[static CA_TITLE])
{
	char raw[RAW_TITLE] = "";
	BIO *bio = BIO_new(BIO_s_mem());
	int error = -EIO;
	if (bio &&
		X509_NAME_print_ex(bio, X509_get_subject_name(x), 0, XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB) >=
			0 &&
		BIO_read(bio, raw, sizeof raw - 1) >= 0) {
		text_safe(raw, title, CA_TITLE);
		error = 0;
	}
	BIO_free(bio);
	return error;
}

static void fingerprint_write(const unsigned char digest[static CA_DIGEST], char text[static CA_FINGERPRINT])
{
	for (size_t i = 0; i < CA_DIGEST; i++)
		snprintf(text + i * 3, CA_FINGERPRINT - i * 3, i + 1 < CA_DIGEST ? "%02X:" : "%02X", digest[i]);
}

int ca_facts(const char *pem, struct ca_facts *out)
{
	X509 *x = ca_parse(pem);
	struct ca_facts f = {0};
	int error = x ? title_read(x, f.title) : -EINVAL;
	if (!error && !X509_digest(x, EVP_sha256(), f.digest, NULL))
		error = -EIO;
	if (!error) {
		names_read(x, f.names);
		fingerprint_write(f.digest, f.fingerprint);
		f.from = instant(X509_get0_notBefore(x));
		f.until = instant(X509_get0_notAfter(x));
		*out = f;
	}
	X509_free(x);
	ERR_clear_error();
	return error;
}

int ca_der(const char *pem, unsigned char **out, size_t *size)
{
	X509 *x = ca_parse(pem);
	unsigned char *der = NULL, *copy = NULL;
	int n = x ? i2d_X509(x, &der) : -1;
	int error = !x ? -EINVAL : n <= 0 || !(copy = malloc((size_t)n)) ? -EIO : 0;
	if (!error) {
		memcpy(copy, der, (size_t)n);
		*out = copy;
		*size = (size_t)n;
	}
	OPENSSL_free(der);
	X509_free(x);
	ERR_clear_error();
	return error;
}

bool ca_signed(const char *pem, const char *authority)
{
	X509 *x = ca_parse(pem), *ca = ca_parse(authority);
	EVP_PKEY *key = ca ? X509_get0_pubkey(ca) : NULL;
	bool is = x && key && X509_check_issued(ca, x) == X509_V_OK && X509_verify(x, key) == 1;
	X509_free(x);
	X509_free(ca);
	ERR_clear_error();
	return is;
}

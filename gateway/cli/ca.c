/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/cli/ca.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/secret.h"
#include "gateway/cli/ca_facts.h"

enum { SERIAL_BYTES = 16, NAMES_MAX = 768, COMMON_NAME_MAX = 64 };

void ca_pair_clear(struct ca_pair *p)
{
	free(p->certificate);
	if (p->key)
		secret_wipe(p->key, strlen(p->key));
	free(p->key);
	*p = (struct ca_pair){0};
}

/* The BIO's content as text that the caller frees. */
static char *bio_text(BIO *bio)
{
	char *data;
	long size = BIO_get_mem_data(bio, &data);
	return size > 0 ? strndup(data, (size_t)size) : NULL;
}

static int pair_write(X509 *x, EVP_PKEY *key, struct ca_pair *out)
{
	struct ca_pair p = {0};
	/* Memory BIOs wipe what they held. */
	BIO *certificate = BIO_new(BIO_s_mem()), *secret = BIO_new(BIO_s_secmem());
	if (certificate && secret && PEM_write_bio_X509(certificate, x) &&
		PEM_write_bio_PKCS8PrivateKey(secret, key, NULL, NULL, 0, NULL, NULL)) {
		p.certificate = bio_text(certificate);
		p.key = bio_text(secret);
	}
	BIO_free(certificate);
	BIO_free(secret);
	if (!p.certificate || !p.key) {
		ca_pair_clear(&p);
		return -EIO;
	}
	*out = p;
	return 0;
}

/* An encrypted key is refused, rather than asking for its password on the terminal. */
static int no_password(char *out, int size, int writing, void *arg)
{
	(void)out, (void)size, (void)writing, (void)arg;
	return -1;
}

static EVP_PKEY *key_read(const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL) : NULL;
	BIO_free(bio);
	ERR_clear_error();
	return key;
}

/* The subject's names in OpenSSL's notation (x509v3_config(5)), each with `front`; `mask`: addresses as host networks. */
static void names_write(const struct ca_subject *s, const char *front, bool mask, char text[static NAMES_MAX])
{
	char v4[ADDR_TEXT], v6[ADDR_TEXT];
	int used = snprintf(text, NAMES_MAX, "%sDNS:%s", front, s->name);
	if (s->v4.family && used > 0 && used < NAMES_MAX)
		used += snprintf(text + used, (size_t)(NAMES_MAX - used), ",%sIP:%s%s", front, addr_format(&s->v4, v4),
			mask ? "/255.255.255.255" : "");
	if (s->v6.family && used > 0 && used < NAMES_MAX)
		snprintf(text + used, (size_t)(NAMES_MAX - used), ",%sIP:%s%s", front, addr_format(&s->v6, v6),
			mask ? "/ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" : "");
}

static bool extension_add(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX context;
	X509V3_set_ctx_nodb(&context);
	X509V3_set_ctx(&context, issuer, x, NULL, NULL, 0);
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	bool added = e && X509_add_ext(x, e, -1);
	X509_EXTENSION_free(e);
	return added;
}

static bool serial_set(X509 *x)
{
	unsigned char bytes[SERIAL_BYTES];
	if (RAND_bytes(bytes, sizeof bytes) != 1)
		return false;
	bytes[0] = (bytes[0] & 0x7f) | 0x40; /* positive, and of full length */
	BIGNUM *n = BN_bin2bn(bytes, sizeof bytes, NULL);
	bool set = n && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x));
	BN_free(n);
	return set;
}

/* A certificate without extensions, not yet signed. It starts a day ago: phones' clocks are not always right. */
static X509 *certificate_new(const char *common_name, EVP_PKEY *key, const X509 *issuer, int days)
{
	X509 *x = X509_new();
	X509_NAME *name = X509_NAME_new();
	bool made = x && name && X509_set_version(x, X509_VERSION_3) && serial_set(x) && X509_set_pubkey(x, key) &&
		    X509_time_adj_ex(X509_getm_notBefore(x), -1, 0, NULL) &&
		    X509_time_adj_ex(X509_getm_notAfter(x), days, 0, NULL) &&
		    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)common_name, -1, -1, 0) &&
		    X509_set_subject_name(x, name) && X509_set_issuer_name(x, issuer ? X509_get_subject_name(issuer) : name);
	X509_NAME_free(name);
	if (made)
		return x;
	X509_free(x);
	return NULL;
}

int ca_new(const struct ca_subject *s, struct ca_pair *out)
{
	char title[COMMON_NAME_MAX + 1], constraints[NAMES_MAX];
	/* The name is only for people; a long one is cut to X.520's limit. */
	snprintf(title, sizeof title, "Sekisho trial CA for %s", s->name);
	names_write(s, "permitted;", true, constraints);
	char critical[NAMES_MAX + 16];
	snprintf(critical, sizeof critical, "critical,%s", constraints);
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = key ? certificate_new(title, key, NULL, CA_DAYS) : NULL;
	int error = -EIO;
	if (x && extension_add(x, x, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
		extension_add(x, x, NID_key_usage, "critical,keyCertSign,cRLSign") &&
		extension_add(x, x, NID_name_constraints, critical) && extension_add(x, x, NID_subject_key_identifier, "hash") &&
		X509_sign(x, key, EVP_sha256()))
		error = pair_write(x, key, out);
	X509_free(x);
	EVP_PKEY_free(key);
	return error;
}

static X509 *leaf_new(const struct ca_subject *s, EVP_PKEY *key, X509 *ca, EVP_PKEY *ca_key)
{
	char names[NAMES_MAX];
	names_write(s, "", false, names);
	X509 *x = certificate_new(strlen(s->name) <= COMMON_NAME_MAX ? s->name : "Sekisho", key, ca, CA_LEAF_DAYS);
	if (x && extension_add(x, ca, NID_basic_constraints, "critical,CA:FALSE") &&
		extension_add(x, ca, NID_key_usage, "critical,digitalSignature") &&
		extension_add(x, ca, NID_ext_key_usage, "serverAuth") && extension_add(x, ca, NID_subject_alt_name, names) &&
		extension_add(x, ca, NID_subject_key_identifier, "hash") &&
		extension_add(x, ca, NID_authority_key_identifier, "keyid") && X509_sign(x, ca_key, EVP_sha256()))
		return x;
	X509_free(x);
	return NULL;
}

/* Would a phone that trusts the CA take the certificate for this name? 0, -EPERM, -EIO. */
static int leaf_verify(X509 *x, X509 *ca, const char *name)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *context = X509_STORE_CTX_new();
	int error = -EIO;
	if (store && context && X509_STORE_add_cert(store, ca) && X509_STORE_CTX_init(context, store, x, NULL) &&
		X509_STORE_CTX_set_purpose(context, X509_PURPOSE_SSL_SERVER) &&
		X509_VERIFY_PARAM_set1_host(X509_STORE_CTX_get0_param(context), name, 0))
		error = X509_verify_cert(context) == 1 ? 0 : -EPERM;
	X509_STORE_CTX_free(context);
	X509_STORE_free(store);
	return error;
}

int ca_issue(const struct ca_pair *ca, const struct ca_subject *s, struct ca_pair *out)
{
	X509 *issuer = ca_parse(ca->certificate), *x = NULL;
	EVP_PKEY *issuer_key = key_read(ca->key), *key = NULL;
	int error = -EINVAL;
	if (!issuer || !issuer_key || X509_check_private_key(issuer, issuer_key) != 1)
		goto out;
	error = -EIO;
	key = EVP_EC_gen("P-256");
	x = key ? leaf_new(s, key, issuer, issuer_key) : NULL;
	if (!x)
		goto out;
	error = leaf_verify(x, issuer, s->name);
	if (!error)
		error = pair_write(x, key, out);
out:
	X509_free(x);
	X509_free(issuer);
	EVP_PKEY_free(key);
	EVP_PKEY_free(issuer_key);
	ERR_clear_error();
	return error;
}

static bool names_addresses(const X509 *x)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
	bool any = false;
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++)
		any |= sk_GENERAL_NAME_value(names, i)->type == GEN_IPADD;
	GENERAL_NAMES_free(names);
	return any;
}

static void judge_names(X509 *x, const struct ca_subject *s, void (*problem)(void *arg, const char *what), void *arg)
{
	const struct addr *const addresses[] = {&s->v4, &s->v6};
	char what[NAMES_MAX], text[ADDR_TEXT];
	if (X509_check_host(x, s->name, 0, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT, NULL) != 1) {
		snprintf(what, sizeof what, "is not for the portal-name %s", s->name);
		problem(arg, what);
	}
	for (size_t i = 0; i < 2 && names_addresses(x); i++) {
		if (!addresses[i]->family || X509_check_ip_asc(x, addr_format(addresses[i], text), 0) == 1)
			continue;
		snprintf(what, sizeof what, "names addresses, but not the gateway's own in the tunnel, %s", text);
		problem(arg, what);
	}
}

static void judge_dates(const X509 *x, void (*problem)(void *arg, const char *what), void *arg)
{
	char what[80];
	int days = 0, seconds = 0, since = 0;
	if (!ASN1_TIME_diff(&since, &seconds, X509_get0_notBefore(x), NULL) || since < 0 || seconds < 0)
		problem(arg, "is not yet valid (or this machine's clock is wrong)");
	if (!ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(x)) || days < 0 || seconds < 0) {
		problem(arg, "has ended");
	} else if (days < CA_SOON_DAYS) {
		snprintf(what, sizeof what, "ends in %d day%s", days, days == 1 ? "" : "s");
		problem(arg, what);
	}
}

void ca_judge(const char *certificate, const char *key, const struct ca_subject *s, void (*problem)(void *arg, const char *what),
	void *arg)
{
	X509 *x = ca_parse(certificate);
	EVP_PKEY *own = key ? key_read(key) : NULL;
	if (!x) {
		problem(arg, "holds no certificate in PEM form");
	} else {
		judge_dates(x, problem, arg);
		judge_names(x, s, problem, arg);
		if (key && (!own || X509_check_private_key(x, own) != 1))
			problem(arg, own ? "does not belong to the private key"
					 : "has a private key that is none in PEM form, or has a password");
	}
	X509_free(x);
	EVP_PKEY_free(own);
	ERR_clear_error();
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "auth/tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/say.h"
#include "common/secret.h"

enum { KEY_FILE_MAX = 16384, EXPIRY_WARNING_DAYS = 14 };

/* The first error OpenSSL has queued, and an empty queue. */
static const char *tls_reason(void)
{
	unsigned long code = ERR_get_error();
	const char *text = code ? ERR_reason_error_string(code) : NULL;

	ERR_clear_error();
	return text ? text : "no reason given";
}

/* A key with a passphrase cannot be used by a service: refuse it instead of asking the terminal. */
static int no_passphrase(char *buffer, int size, int writing, void *arg)
{
	(void)buffer, (void)size, (void)writing, (void)arg;
	return -1;
}

static int load_key(const char *path, EVP_PKEY **out, char *why, size_t why_size)
{
	char data[KEY_FILE_MAX];
	ssize_t n = secret_read_file(path, data, sizeof data, why, why_size);
	BIO *bio = NULL;
	int err = 0;

	if (n < 0)
		return (int)n;
	bio = BIO_new_mem_buf(data, (int)n);
	*out = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;
	if (!*out) {
		err = -EINVAL;
		snprintf(why, why_size, "%s holds no usable private key (%s): it must be PEM without a passphrase", path,
			tls_reason());
	}
	BIO_free(bio);
	secret_wipe(data, sizeof data);
	return err;
}

/* Phones that find no name server open the page by its address. */
static void warn_about_names(const char *path, X509 *certificate, const struct settings *s)
{
	const struct addr addresses[] = {s->gateway4, s->gateway6};
	char text[ADDR_TEXT];

	if (X509_check_host(certificate, s->portal_name, 0, 0, NULL) != 1)
		say_warning("the certificate in %s is not for '%s' (portal-name): browsers will warn; get one for this name",
			path, s->portal_name);
	for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++)
		if (addresses[i].family && X509_check_ip(certificate, addresses[i].bytes, addr_size(&addresses[i]), 0) != 1)
			say_warning("the certificate in %s is not for %s, the page's address inside the tunnel: browsers will "
				    "warn there; get one for name and addresses, or have people use the name only",
				path, addr_format(&addresses[i], text));
}

static void warn_about_certificate(const char *path, X509 *certificate, const struct settings *s)
{
	time_t soon = time(NULL) + EXPIRY_WARNING_DAYS * 86400L;
	const ASN1_TIME *end = X509_get0_notAfter(certificate);

	if (X509_cmp_current_time(end) < 0)
		say_warning(
			"the certificate in %s has expired: browsers will warn or refuse; renew it, then reload sekisho-portal",
			path);
	else if (X509_cmp_time(end, &soon) < 0)
		say_warning("the certificate in %s expires within %d days: renew it, then reload sekisho-portal", path,
			EXPIRY_WARNING_DAYS);
	if (X509_cmp_current_time(X509_get0_notBefore(certificate)) > 0)
		say_warning("the certificate in %s is not valid yet: check the clock of this machine", path);
	warn_about_names(path, certificate, s);
}

/* RFC 7301: http/1.1 if it is offered; a client that only speaks something else is told so. */
static int choose_protocol(
	SSL *ssl, const unsigned char **out, unsigned char *out_size, const unsigned char *in, unsigned in_size, void *arg)
{
	static const unsigned char ours[] = "\x08http/1.1";
	unsigned char *chosen = NULL;

	(void)ssl, (void)arg;
	if (SSL_select_next_proto(&chosen, out_size, ours, sizeof ours - 1, in, in_size) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

static SSL_CTX *new_context(void)
{
	static const unsigned char session_context[] = "sekisho-portal";
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	if (!ctx || SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) != 1 ||
		SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) != 1 ||
		SSL_CTX_set_session_id_context(ctx, session_context, sizeof session_context - 1) != 1 ||
		SSL_CTX_set1_groups_list(ctx, "X25519:P-256:P-384") != 1) {
		SSL_CTX_free(ctx);
		return NULL;
	}
	/* Form posts hold passwords: OpenSSL must not keep a copy of what it has decrypted. */
	SSL_CTX_set_options(ctx, SSL_OP_CLEANSE_PLAINTEXT | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	/* Tickets hold the state, encrypted; nothing is kept here for clients that never come back. */
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(ctx, 1);
	SSL_CTX_set_max_early_data(ctx, 0);
	SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, NULL);
	return ctx;
}

int tls_load(const char *certificate, const char *key, const struct settings *s, SSL_CTX **out, char *why, size_t why_size)
{
	EVP_PKEY *private_key = NULL;
	SSL_CTX *ctx = new_context();
	int err = -ENOMEM;

	ERR_clear_error();
	if (!ctx) {
		snprintf(why, why_size, "OpenSSL cannot make a TLS 1.3 context (%s): check openssl.cnf", tls_reason());
		goto out;
	}
	err = -EINVAL;
	if (SSL_CTX_use_certificate_chain_file(ctx, certificate) != 1) {
		snprintf(why, why_size,
			"cannot use %s (%s): it must be a PEM certificate, followed by its intermediates, readable by "
			"sekisho-portal",
			certificate, tls_reason());
		goto out;
	}
	err = load_key(key, &private_key, why, why_size);
	if (err)
		goto out;
	if (SSL_CTX_use_PrivateKey(ctx, private_key) != 1 || SSL_CTX_check_private_key(ctx) != 1) {
		err = -EINVAL;
		snprintf(why, why_size, "the key in %s does not belong to the certificate in %s (%s): install a matching pair",
			key, certificate, tls_reason());
		goto out;
	}
	warn_about_certificate(certificate, SSL_CTX_get0_certificate(ctx), s);
	*out = ctx;
	ctx = NULL;
out:
	EVP_PKEY_free(private_key);
	SSL_CTX_free(ctx);
	return err;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a login's connection cannot be cheaper than on this processor: the server's side of a TLS 1.3 handshake by OpenSSL alone,
 * with the portal's own certificate.
 *
 *   login_limits CERTIFICATE KEY
 *
 * Prints microseconds of processor time, so that a busy machine does not blur it.
 */
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { HANDSHAKES = 500, STEPS_MAX = 20 };

static double used(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static SSL_CTX *context(const SSL_METHOD *method)
{
	SSL_CTX *c = SSL_CTX_new(method);
	if (!c || SSL_CTX_set_min_proto_version(c, TLS1_3_VERSION) != 1 || SSL_CTX_set1_groups_list(c, "X25519") != 1)
		exit(1);
	return c;
}

/* One handshake through memory; only the server's steps count. */
static double handshake(SSL_CTX *server, SSL_CTX *client)
{
	SSL *s = SSL_new(server), *c = SSL_new(client);
	BIO *to_server = BIO_new(BIO_s_mem()), *to_client = BIO_new(BIO_s_mem());
	double spent = 0;
	int done = 0;
	if (!s || !c || !to_server || !to_client || BIO_up_ref(to_server) != 1 || BIO_up_ref(to_client) != 1)
		exit(1);
	SSL_set_bio(s, to_server, to_client);
	SSL_set_bio(c, to_client, to_server);
	for (int i = 0; i < STEPS_MAX && done != 1; i++) {
		(void)SSL_connect(c);
		double from = used();
		done = SSL_accept(s);
		spent += used() - from;
	}
	if (done != 1)
		exit(1);
	SSL_free(s);
	SSL_free(c);
	return spent;
}

int main(int argc, char **argv)
{
	double shaking = 0;
	if (argc != 3)
		return 64;
	SSL_CTX *server = context(TLS_server_method()), *client = context(TLS_client_method());
	if (SSL_CTX_use_certificate_chain_file(server, argv[1]) != 1 ||
		SSL_CTX_use_PrivateKey_file(server, argv[2], SSL_FILETYPE_PEM) != 1)
		return 1;
	for (int i = 0; i < HANDSHAKES; i++)
		shaking += handshake(server, client);
	printf("%.0f\n", shaking / HANDSHAKES);
	return 0;
}

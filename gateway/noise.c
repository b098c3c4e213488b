/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/noise.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <stdlib.h>
#include <string.h>

#include "common/secret.h"

struct noise {
	EVP_MD *blake2s;
	EVP_MAC *blake2smac, *hmac;
	EVP_MAC_CTX *hmac_blake2s; /* without a key: each use works on a copy, which OpenSSL wipes */
	EVP_CIPHER *aead;
};

int noise_new(struct noise **out)
{
	OSSL_PARAM digest[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char[]){"BLAKE2S-256"}, 0), OSSL_PARAM_construct_end()};
	struct noise *n = calloc(1, sizeof *n);
	int ret = -EIO;

	if (!n)
		return -ENOMEM;
	n->blake2s = EVP_MD_fetch(NULL, "BLAKE2S-256", NULL);
	n->blake2smac = EVP_MAC_fetch(NULL, "BLAKE2SMAC", NULL);
	n->hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	n->aead = EVP_CIPHER_fetch(NULL, "ChaCha20-Poly1305", NULL);
	if (!n->blake2s || !n->blake2smac || !n->hmac || !n->aead)
		goto out;
	n->hmac_blake2s = EVP_MAC_CTX_new(n->hmac);
	if (!n->hmac_blake2s || !EVP_MAC_CTX_set_params(n->hmac_blake2s, digest))
		goto out;
	*out = n;
	n = NULL;
	ret = 0;
out:
	noise_free(n);
	ERR_clear_error();
	return ret;
}

void noise_free(struct noise *n)
{
	if (!n)
		return;
	EVP_MD_free(n->blake2s);
	EVP_MAC_free(n->blake2smac);
	EVP_MAC_CTX_free(n->hmac_blake2s);
	EVP_MAC_free(n->hmac);
	EVP_CIPHER_free(n->aead);
	free(n);
}

int noise_hash(const struct noise *n, const void *a, size_t a_size, const void *b, size_t b_size, uint8_t out[static NOISE_HASH])
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	int good = c && EVP_DigestInit_ex2(c, n->blake2s, NULL) && EVP_DigestUpdate(c, a, a_size) &&
		   EVP_DigestUpdate(c, b, b_size) && EVP_DigestFinal_ex(c, out, NULL);

	EVP_MD_CTX_free(c);
	return good ? 0 : -EIO;
}

int noise_mac(
	const struct noise *n, const uint8_t key[static NOISE_HASH], const void *data, size_t size, uint8_t out[static NOISE_MAC])
{
	size_t bytes = NOISE_MAC;
	OSSL_PARAM params[] = {OSSL_PARAM_construct_size_t(OSSL_MAC_PARAM_SIZE, &bytes), OSSL_PARAM_construct_end()};
	EVP_MAC_CTX *c = EVP_MAC_CTX_new(n->blake2smac);
	int good = c && EVP_MAC_init(c, key, NOISE_HASH, params) && EVP_MAC_update(c, data, size) &&
		   EVP_MAC_final(c, out, NULL, NOISE_MAC);

	EVP_MAC_CTX_free(c);
	return good ? 0 : -EIO;
}

static int hmac(const struct noise *n, const uint8_t key[static NOISE_HASH], const void *data, size_t size, uint8_t last,
	uint8_t out[static NOISE_HASH])
{
	EVP_MAC_CTX *c = EVP_MAC_CTX_dup(n->hmac_blake2s);
	int good = c && EVP_MAC_init(c, key, NOISE_HASH, NULL) && EVP_MAC_update(c, data, size) &&
		   (!last || EVP_MAC_update(c, &last, 1)) && EVP_MAC_final(c, out, NULL, NOISE_HASH);

	EVP_MAC_CTX_free(c);
	return good ? 0 : -EIO;
}

int noise_kdf(const struct noise *n, const uint8_t chain[static NOISE_HASH], const void *input, size_t size,
	uint8_t next[static NOISE_HASH], uint8_t *key)
{
	uint8_t secret[NOISE_HASH], first[NOISE_HASH];
	int ret = hmac(n, chain, input, size, 0, secret);

	if (!ret)
		ret = hmac(n, secret, NULL, 0, 1, first);
	if (!ret && key)
		ret = hmac(n, secret, first, sizeof first, 2, key);
	if (!ret)
		memcpy(next, first, sizeof first);
	secret_wipe(secret, sizeof secret);
	secret_wipe(first, sizeof first);
	return ret;
}

int noise_private(const struct key *private_key, EVP_PKEY **out)
{
	EVP_PKEY *p = EVP_PKEY_new_raw_private_key_ex(NULL, "X25519", NULL, private_key->bytes, KEY_SIZE);

	if (!p)
		return -EIO;
	*out = p;
	return 0;
}

int noise_dh(EVP_PKEY *private_key, const uint8_t public_key[static KEY_SIZE], uint8_t out[static KEY_SIZE])
{
	EVP_PKEY *peer = EVP_PKEY_new_raw_public_key_ex(NULL, "X25519", NULL, public_key, KEY_SIZE);
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_pkey(NULL, private_key, NULL);
	size_t size = KEY_SIZE;
	int ret = -EIO;

	if (!peer || !c || EVP_PKEY_derive_init(c) != 1 || EVP_PKEY_derive_set_peer(c, peer) != 1)
		goto out;
	/* What is left to fail is the result: OpenSSL refuses one that is all zero. */
	ret = EVP_PKEY_derive(c, out, &size) == 1 && size == KEY_SIZE ? 0 : -EBADMSG;
out:
	if (ret)
		secret_wipe(out, KEY_SIZE);
	EVP_PKEY_CTX_free(c);
	EVP_PKEY_free(peer);
	ERR_clear_error();
	return ret;
}

static const uint8_t nonce_zero[12];

int noise_seal(const struct noise *n, const uint8_t key[static NOISE_HASH], const uint8_t hash[static NOISE_HASH],
	const uint8_t *plain, size_t size, uint8_t *sealed)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	int done = 0;
	int good = c && size <= NOISE_PLAIN_MAX && EVP_EncryptInit_ex2(c, n->aead, key, nonce_zero, NULL) &&
		   EVP_EncryptUpdate(c, NULL, &done, hash, NOISE_HASH) && EVP_EncryptUpdate(c, sealed, &done, plain, (int)size) &&
		   EVP_EncryptFinal_ex(c, sealed + size, &done) &&
		   EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, NOISE_TAG, sealed + size);

	EVP_CIPHER_CTX_free(c);
	return good ? 0 : -EIO;
}

int noise_open(const struct noise *n, const uint8_t key[static NOISE_HASH], const uint8_t hash[static NOISE_HASH],
	const uint8_t *sealed, size_t size, uint8_t *plain)
{
	uint8_t tag[NOISE_TAG], text[NOISE_PLAIN_MAX];
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	int done = 0;
	int ret = -EIO;

	if (!c || size > sizeof text)
		goto out;
	memcpy(tag, sealed + size, NOISE_TAG);
	if (!EVP_DecryptInit_ex2(c, n->aead, key, nonce_zero, NULL) ||
		!EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, NOISE_TAG, tag) ||
		!EVP_DecryptUpdate(c, NULL, &done, hash, NOISE_HASH) || !EVP_DecryptUpdate(c, text, &done, sealed, (int)size))
		goto out;
	ret = EVP_DecryptFinal_ex(c, text + size, &done) == 1 ? 0 : -EBADMSG;
	if (!ret)
		memcpy(plain, text, size);
out:
	secret_wipe(text, sizeof text);
	EVP_CIPHER_CTX_free(c);
	ERR_clear_error();
	return ret;
}

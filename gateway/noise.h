/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The primitives of WireGuard's handshake (white paper, section 5.4: X25519 of RFC 7748, ChaCha20-Poly1305 of RFC 8439,
 * BLAKE2s of RFC 7693, HMAC of RFC 2104 over BLAKE2s, the HKDF of RFC 5869 with them), from OpenSSL 3. The algorithms are
 * fetched once. All functions return 0, -EIO when OpenSSL fails, or what is said; outputs are wiped or untouched on failure.
 */
#ifndef SEKISHO_NOISE_H
#define SEKISHO_NOISE_H

#include <openssl/evp.h>
#include <stddef.h>
#include <stdint.h>

#include "common/key.h"

enum { NOISE_HASH = 32, NOISE_MAC = 16, NOISE_TAG = 16, NOISE_PLAIN_MAX = 64 };

struct noise;

/* 0, -ENOMEM, or -EIO when a primitive is missing (a restricted OpenSSL, a FIPS-only configuration). */
int noise_new(struct noise **out);
void noise_free(struct noise *n);

/* BLAKE2s-256 over `a` and then `b`. */
int noise_hash(const struct noise *n, const void *a, size_t a_size, const void *b, size_t b_size, uint8_t out[static NOISE_HASH]);

/* Keyed BLAKE2s with 16 bytes of result and a key of 32 bytes: mac1. */
int noise_mac(const struct noise *n, const uint8_t key[static NOISE_HASH], const void *data, size_t size,
	uint8_t out[static NOISE_MAC]);

/* KDF1 or KDF2 of the white paper: the next chaining key, and a message key when `key` is not NULL. `next` may be `chain`. */
int noise_kdf(const struct noise *n, const uint8_t chain[static NOISE_HASH], const void *input, size_t size,
	uint8_t next[static NOISE_HASH], uint8_t *key);

/* A private key ready for many noise_dh(); EVP_PKEY_free() wipes it. */
int noise_private(const struct key *private_key, EVP_PKEY **out);

/* X25519. -EBADMSG when the result is all zero (a point of small order, RFC 7748 section 6.1). */
int noise_dh(EVP_PKEY *private_key, const uint8_t public_key[static KEY_SIZE], uint8_t out[static KEY_SIZE]);

/*
 * ChaCha20-Poly1305 with counter 0 and a hash as associated data. `size` is the plain text's, at most NOISE_PLAIN_MAX; the sealed
 * form is NOISE_TAG longer. noise_open: -EBADMSG when the tag is wrong.
 */
int noise_seal(const struct noise *n, const uint8_t key[static NOISE_HASH], const uint8_t hash[static NOISE_HASH],
	const uint8_t *plain, size_t size, uint8_t *sealed);
int noise_open(const struct noise *n, const uint8_t key[static NOISE_HASH], const uint8_t hash[static NOISE_HASH],
	const uint8_t *sealed, size_t size, uint8_t *plain);

#endif

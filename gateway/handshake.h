/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads who knocks: decodes WireGuard's first handshake message (WireGuard white paper, J. Donenfeld, NDSS 2017, section
 * 5.4.2; Noise_IKpsk2) with the gateway's private key and OpenSSL's X25519, ChaCha20-Poly1305 and BLAKE2s. It answers nothing
 * and keeps no session: WireGuard itself does the handshake once the peer is installed.
 *
 * The sender is named only after both Diffie-Hellman results verify: the first one alone can be forged by anyone who knows the
 * gateway's public key.
 */
#ifndef SEKISHO_HANDSHAKE_H
#define SEKISHO_HANDSHAKE_H

#include <stddef.h>
#include <stdint.h>

#include "common/key.h"

enum { INITIATION_SIZE = 148, TAI64N_SIZE = 12 };

struct handshake; /* the gateway's identity, prepared for decoding */

struct knock {
	struct key device; /* the initiator's static public key */
	uint8_t timestamp[TAI64N_SIZE]; /* TAI64N, big-endian: compare with memcmp() */
};

/* 0, -ENOMEM, or -EIO when OpenSSL lacks a primitive. The private key is copied; handshake_free() wipes it. */
int handshake_new(const struct key *private_key, struct handshake **out);
void handshake_free(struct handshake *h);
const struct key *handshake_public(const struct handshake *h);

/* Cheap first check (BLAKE2s only): type, zero bytes and mac1. 0 or -EBADMSG. */
int handshake_mac1(const struct handshake *h, const uint8_t packet[static INITIATION_SIZE]);

/*
 * Decodes a packet whose mac1 is good. 0; -EBADMSG when it was not made for this key or its sender does not hold the private
 * key of the name it claims; -EIO when OpenSSL fails. Secrets on the way are wiped.
 */
int handshake_open(const struct handshake *h, const uint8_t packet[static INITIATION_SIZE], struct knock *out);

#endif

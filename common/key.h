/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * 32-byte keys as WireGuard uses them, and their base64 form. Apart from secret.h, because this needs libcrypto, which a process
 * that is started for each login should not have to load.
 */
#ifndef SEKISHO_KEY_H
#define SEKISHO_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { KEY_SIZE = 32, KEY_TEXT = 45 };

struct key {
	uint8_t bytes[KEY_SIZE];
};

/* Constant-time comparison. */
bool key_equal(const struct key *a, const struct key *b);
bool key_is_zero(const struct key *k);

/* Exactly 44 characters of base64 as wg(8) prints. key_parse: 0 or -EINVAL (also for non-canonical trailing bits). */
int key_parse(const char *text, struct key *out);
const char *key_format(const struct key *k, char text[static KEY_TEXT]);

/* X25519 (RFC 7748) with OpenSSL. key_generate makes a clamped private key from getrandom(2).
 * 0, or -EIO when the library fails; key_public also -EINVAL for an all-zero result. */
int key_generate(struct key *private_key);
int key_public(const struct key *private_key, struct key *out);

/* Reads one key with an optional newline from a secret file: 0, the errors of secret_read_file(), or -EINVAL, with `why` as
 * there. */
int key_read_file(const char *path, struct key *out, char *why, size_t why_size);

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Keys and other secrets: 32-byte keys as WireGuard uses them, their base64 form, wiping, and reading a secret file only
 * if nobody but its rightful readers could have read or changed it.
 */
#ifndef SEKISHO_SECRET_H
#define SEKISHO_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { KEY_SIZE = 32, KEY_TEXT = 45 };

struct key {
	uint8_t bytes[KEY_SIZE];
};

/* Overwrites memory in a way that the compiler keeps (explicit_bzero(3)). */
void secret_wipe(void *data, size_t size);

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

/*
 * Reads a secret file of at most `size` bytes. It must be a regular file (no symbolic link), owned by root or by the
 * effective user, with no permission for 'other' at all and none to write for its group.
 * Returns the number of bytes, or -errno: -EPERM for a wrong owner, -EACCES for a wrong mode or unreadable,
 * -EFBIG when larger, -ELOOP for a link, -EINVAL when not a regular file. On failure what was read is wiped, and `why` (if not
 * NULL, `why_size` bytes) gets a sentence that names the file, what is wrong, and the command that mends it.
 */
ssize_t secret_read_file(const char *path, void *out, size_t size, char *why, size_t why_size);

/* Reads one base64 key with an optional newline from a secret file. 0, the errors above, or -EINVAL with `why`. */
int secret_read_key(const char *path, struct key *out, char *why, size_t why_size);

#endif

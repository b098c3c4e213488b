/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Seals of the logs. The lines of a file form a hash chain, H = SHA-256(H || line with its newline), from 32 zero bytes on. Every
 * so often the head of the chain is signed (Ed25519, RFC 8032) with a key that is destroyed right afterwards: the seal names the
 * public key of the next one. Who breaks in later holds only the key of seals to come, and can neither change a sealed line nor
 * take one out unnoticed (forward-secure sealing, Marson and Poettering, ESORICS 2013, with ordinary signatures).
 *
 * Each file has a chain and keys of its own; a seal also signs the heads of the other two, so that one file cannot be set back
 * alone. Pure: no files, no clock. Shared by the gateway, which seals, and by `sekisho log verify`.
 */
#ifndef SEKISHO_SEAL_H
#define SEKISHO_SEAL_H

#include <jansson.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/key.h"
#include "gateway/log.h"

enum { SEAL_HASH = 32, SEAL_SIGNATURE = 64 };

/* How far a chain goes: up to and including the line of this number. */
struct seal_head {
	uint64_t sequence; /* 0: no line yet */
	uint8_t hash[SEAL_HASH];
};

struct seal {
	enum log_file file;
	uint64_t epoch; /* 1, 2, ... of this file's keys */
	int64_t when; /* microseconds since the epoch; the line's @timestamp too */
	uint64_t first, count; /* the lines since the seal before, which is the first of them; count 0: none */
	struct seal_head heads[LOG_FILES]; /* heads[file] ends with the line before the seal */
	struct key next; /* public key of the next seal */
	uint8_t signature[SEAL_SIGNATURE];
};

/* "auth", "access", "audit". */
const char *seal_file_name(enum log_file file);

/* The hash as it stands in a log line; and back, lower case only: there is one way to write it. */
enum { SEAL_HASH_TEXT = 2 * SEAL_HASH + 1 };
const char *seal_hash_format(const uint8_t hash[static SEAL_HASH], char text[static SEAL_HASH_TEXT]);
int seal_hash_parse(const char *text, uint8_t hash[static SEAL_HASH]); /* 0 or -EINVAL */

/* Goes one line further; `line` includes its newline. 0 or -EIO when OpenSSL fails. */
int seal_extend(struct seal_head *head, uint64_t sequence, const void *line, size_t size);

/* A new private key, and the public key of one. 0 or -EIO. */
int seal_key_generate(struct key *private_key);
int seal_key_public(const struct key *private_key, struct key *out);

/* Signs all that is in `s`; and is it signed by the owner of that public key? 0; -EIO; seal_verify also -EBADMSG. */
int seal_sign(struct seal *s, const struct key *private_key);
int seal_verify(const struct seal *s, const struct key *public_key);

/* The event `log-seal` with `sekisho.seal` as docs/log-events.md has it, and why it was made; NULL when out of memory. And back
 * from a line as it stands in a file (whole, parsed). -EBADMSG when that is no seal of this form. */
json_t *seal_event(const struct seal *s, const char *reason);
int seal_parse(const json_t *line, enum log_file file, struct seal *out);

#endif

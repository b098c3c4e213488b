/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/key.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/types.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "common/secret.h"

bool key_equal(const struct key *a, const struct key *b)
{
	return CRYPTO_memcmp(a->bytes, b->bytes, KEY_SIZE) == 0;
}

bool key_is_zero(const struct key *k)
{
	static const struct key zero;
	return key_equal(k, &zero);
}

/*
 * Base64 (RFC 4648) by arithmetic instead of tables: which memory a table access touches can tell another process about a
 * private key. between() is 1 when low <= c <= high, without a branch.
 */
static unsigned between(unsigned c, unsigned low, unsigned high)
{
	return ((low - 1 - c) & (c - high - 1)) >> 31;
}

static char digit_format(unsigned v)
{
	return (char)(between(v, 0, 25) * (v + 'A') + between(v, 26, 51) * (v - 26 + 'a') + between(v, 52, 61) * (v - 52 + '0') +
		      between(v, 62, 62) * '+' + between(v, 63, 63) * '/');
}

/* 0..63; bit 6 is set for a character that is no digit. */
static unsigned digit_parse(unsigned c)
{
	unsigned v = between(c, 'A', 'Z') * (c - 'A' + 1) + between(c, 'a', 'z') * (c - 'a' + 27) +
		     between(c, '0', '9') * (c - '0' + 53) + between(c, '+', '+') * 63 + between(c, '/', '/') * 64;
	return (v - 1) & 0x7f;
}

int key_parse(const char *text, struct key *out)
{
	enum { DIGITS = 43 };
	struct key k = {0};
	unsigned bad = 0;
	int err = -EINVAL;
	if (strnlen(text, KEY_TEXT) != KEY_TEXT - 1 || text[DIGITS] != '=')
		return -EINVAL;
	/* 43 digits are 258 bits: the last two must be zero, or two texts would mean one key. */
	for (unsigned i = 0, bits = 0, held = 0, used = 0; i < DIGITS; i++) {
		unsigned v = digit_parse((unsigned char)text[i]);
		bad |= v & 0x40;
		held = (held << 6 | (v & 0x3f)) & 0xffff;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			k.bytes[used++] = (uint8_t)(held >> bits);
		}
		if (i == DIGITS - 1)
			bad |= held & 3;
	}
	if (!bad) {
		*out = k;
		err = 0;
	}
	secret_wipe(&k, sizeof k);
	return err;
}

const char *key_format(const struct key *k, char text[static KEY_TEXT])
{
	for (unsigned i = 0; i < KEY_TEXT - 2; i++) {
		unsigned bit = i * 6, byte = bit / 8;
		unsigned pair = (unsigned)k->bytes[byte] << 8 | (byte + 1 < KEY_SIZE ? k->bytes[byte + 1] : 0u);
		text[i] = digit_format(pair >> (10 - bit % 8) & 0x3f);
	}
	text[KEY_TEXT - 2] = '=';
	text[KEY_TEXT - 1] = '\0';
	return text;
}

int key_generate(struct key *private_key)
{
	struct key k;
	/* Up to 256 bytes are never cut short nor interrupted once the pool is ready: getrandom(2). */
	if (getrandom(k.bytes, sizeof k.bytes, 0) != (ssize_t)sizeof k.bytes)
		return -EIO;
	k.bytes[0] &= 248;
	k.bytes[31] = (uint8_t)((k.bytes[31] & 127) | 64);
	*private_key = k;
	secret_wipe(&k, sizeof k);
	return 0;
}

int key_public(const struct key *private_key, struct key *out)
{
	struct key k;
	size_t size = sizeof k.bytes;
	int err = -EIO;
	EVP_PKEY *p = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, private_key->bytes, KEY_SIZE);
	if (!p || EVP_PKEY_get_raw_public_key(p, k.bytes, &size) != 1 || size != KEY_SIZE)
		goto out;
	err = -EINVAL;
	if (key_is_zero(&k))
		goto out;
	*out = k;
	err = 0;
out:
	EVP_PKEY_free(p);
	return err;
}

int key_read_file(const char *path, struct key *out, char *why, size_t why_size)
{
	char text[KEY_TEXT + 1] = "";
	struct key k;
	ssize_t n = secret_read_file(path, text, KEY_TEXT, why, why_size);
	if (n < 0)
		return (int)n;
	if (n && text[n - 1] == '\n')
		n--;
	text[n] = '\0';
	int err = key_parse(text, &k);
	if (!err)
		*out = k;
	else if (why && why_size)
		snprintf(why, why_size,
			"%s does not hold a key (44 characters of base64, then a newline); write one, for instance: wg genkey "
			">%s",
			path, path);
	secret_wipe(text, sizeof text);
	secret_wipe(&k, sizeof k);
	return err;
}

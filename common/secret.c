/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

void secret_wipe(void *data, size_t size)
{
	if (size)
		explicit_bzero(data, size);
}

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

static ssize_t explain(int err, char *why, size_t size, const char *format, ...) __attribute__((format(printf, 4, 5)));

static ssize_t explain(int err, char *why, size_t size, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	if (why && size)
		vsnprintf(why, size, format, args);
	va_end(args);
	return err;
}

static ssize_t explain_open(int err, const char *path, char *why, size_t size)
{
	if (err == -ELOOP)
		return explain(err, why, size,
			"%s is a symbolic link, which is not followed; put the file itself there: mv \"$(readlink -f %s)\" %s",
			path, path, path);
	if (err == -ENOENT)
		return explain(err, why, size,
			"%s does not exist; create it empty, then write the secret into it: install -m 0600 /dev/null %s", path,
			path);
	return explain(err, why, size, "cannot open %s: %s; look at the file and the folders above it: namei -l %s", path,
		strerror(-err), path);
}

/* May only the rightful have read or changed it? */
static ssize_t judge(const struct stat *st, const char *path, char *why, size_t size)
{
	uid_t me = geteuid();
	if (!S_ISREG(st->st_mode))
		return explain(
			-EINVAL, why, size, "%s is not a regular file; see what it is and move it away: ls -ld %s", path, path);
	if (st->st_uid != 0 && st->st_uid != me)
		return explain(-EPERM, why, size,
			"%s belongs to uid %u, who could have read or changed it; make a new secret, then run: chown root %s",
			path, (unsigned)st->st_uid, path);
	if (st->st_mode & (S_IRWXO | S_IWGRP))
		return explain(-EACCES, why, size,
			"%s has mode %04o and is open to others; make a new secret if it was used so, then run: chmod o=,g-w %s",
			path, (unsigned)(st->st_mode & 07777), path);
	return 0;
}

ssize_t secret_read_file(const char *path, void *out, size_t size, char *why, size_t why_size)
{
	struct stat st;
	size_t used = 0;
	ssize_t err;
	/* O_NONBLOCK: opening a FIFO put there by mistake must not hang. */
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return explain_open(-errno, path, why, why_size);
	if (fstat(fd, &st) < 0) {
		err = explain_open(-errno, path, why, why_size);
		goto out;
	}
	err = judge(&st, path, why, why_size);
	if (err < 0)
		goto out;
	for (;;) {
		char beyond;
		ssize_t n = read(fd, used < size ? (char *)out + used : &beyond, used < size ? size - used : 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			err = explain(-errno, why, why_size, "cannot read %s: %s; check the disk: dmesg", path, strerror(errno));
		else if (n > 0 && used == size)
			err = explain(-EFBIG, why, why_size,
				"%s is larger than %zu bytes and cannot be what it should be; see: ls -l %s", path, size, path);
		else if (n == 0)
			err = (ssize_t)used;
		else {
			used += (size_t)n;
			continue;
		}
		break;
	}
out:
	if (err < 0)
		secret_wipe(out, used);
	close(fd);
	return err;
}

int secret_read_key(const char *path, struct key *out, char *why, size_t why_size)
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
	if (err < 0)
		explain(err, why, why_size,
			"%s does not hold a key (44 characters of base64, then a newline); write one, for instance: wg genkey "
			">%s",
			path, path);
	else
		*out = k;
	secret_wipe(text, sizeof text);
	secret_wipe(&k, sizeof k);
	return err;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* In a file of its own because of libcrypto, which sekisho-auth would otherwise load for each login. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/evp.h>

#include "config/settings_internal.h"

static int put_sha256(struct settings *s, const char *text, size_t size)
{
	unsigned char sha256[32];
	if (EVP_Digest(text, size, sha256, NULL, EVP_sha256(), NULL) != 1)
		return -EIO;
	for (size_t i = 0; i < sizeof sha256; i++)
		snprintf(s->sha256 + 2 * i, 3, "%02x", sha256[i]);
	return 0;
}

int settings_load_digest(const char *path, struct settings *out, struct diag *d)
{
	struct settings s;
	char *text;
	size_t size;
	int r = settings_read(path, &text, &size, d);
	if (r < 0)
		return r;
	r = settings_parse(path, text, size, &s, d);
	if (!r)
		r = put_sha256(&s, text, size);
	if (!r)
		*out = s;
	free(text);
	return r;
}

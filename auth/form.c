/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "auth/form.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "common/secret.h"
#include "common/text.h"

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Decodes one name or value; `to` has room for `size` bytes and a NUL. Returns the byte after that NUL, or NULL. */
static char *decode(const char *from, size_t size, char *to)
{
	char *start = to;

	for (size_t i = 0; i < size; i++) {
		int c = (unsigned char)from[i];
		if (c == '+') {
			c = ' ';
		} else if (c == '%') {
			int high = i + 2 < size ? hex_digit(from[i + 1]) : -1;
			int low = i + 2 < size ? hex_digit(from[i + 2]) : -1;
			if (high < 0 || low < 0)
				return NULL;
			c = high * 16 + low;
			i += 2;
		}
		if ((c < ' ' && c != '\t') || c == 0x7f)
			return NULL;
		*to++ = (char)c;
	}
	if (!text_utf8_valid(start, (size_t)(to - start)))
		return NULL;
	*to++ = '\0';
	return to;
}

/* One "name=value". Returns the rest of the store, or NULL. */
static char *parse_field(const char *data, size_t size, struct form *f, char *store)
{
	const char *equals = memchr(data, '=', size);

	if (!equals || equals == data || f->count == FORM_FIELDS_MAX)
		return NULL;
	size_t name_size = (size_t)(equals - data);
	char *value = decode(data, name_size, store);
	if (!value || form_get(f, store))
		return NULL;
	char *rest = decode(equals + 1, size - name_size - 1, value);
	if (!rest)
		return NULL;
	f->fields[f->count].name = store;
	f->fields[f->count].value = value;
	f->count++;
	return rest;
}

int form_parse(const char *data, size_t size, struct form *out)
{
	char *store = out->store;

	out->count = 0;
	if (size > HTTP_BODY_MAX)
		goto bad;
	for (size_t at = 0; at < size;) {
		const char *end = memchr(data + at, '&', size - at);
		size_t n = end ? (size_t)(end - data) - at : size - at;
		store = parse_field(data + at, n, out, store);
		/* a trailing '&' is an empty field */
		if (!store || (end && at + n + 1 == size))
			goto bad;
		at += n + 1;
	}
	return 0;
bad:
	form_wipe(out);
	return -EBADMSG;
}

const char *form_get(const struct form *f, const char *name)
{
	for (size_t i = 0; i < f->count; i++)
		if (!strcmp(f->fields[i].name, name))
			return f->fields[i].value;
	return NULL;
}

void form_wipe(struct form *f)
{
	secret_wipe(f, sizeof *f);
}

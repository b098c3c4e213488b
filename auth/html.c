/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "auth/html.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static void put_bytes(struct html *h, const char *data, size_t size)
{
	size_t wanted = h->used + size, room = h->size ? h->size : 4096;

	if (h->err || !size)
		return;
	if (wanted > HTML_MAX) {
		h->err = -EMSGSIZE;
		return;
	}
	while (room < wanted)
		room *= 2;
	if (room != h->size) {
		char *grown = realloc(h->data, room);
		if (!grown) {
			h->err = -ENOMEM;
			return;
		}
		h->data = grown;
		h->size = room;
	}
	memcpy(h->data + h->used, data, size);
	h->used = wanted;
}

/* Bytes of the unwanted control character that stands here, 0 when there is none. */
static size_t control_size(const unsigned char *c)
{
	if ((*c < ' ' && *c != '\t' && *c != '\n') || *c == 0x7f)
		return 1;
	if (*c == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0)
		return 2; /* U+0080..U+009F */
	if (*c == 0xd8 && c[1] == 0x9c)
		return 2; /* U+061C */
	if (*c == 0xe2 && c[1] == 0x80 && (c[2] == 0x8e || c[2] == 0x8f || (c[2] >= 0xa8 && c[2] <= 0xae)))
		return 3; /* U+200E, U+200F, U+2028..U+202E */
	if (*c == 0xe2 && c[1] == 0x81 && c[2] >= 0xa6 && c[2] <= 0xa9)
		return 3; /* U+2066..U+2069 */
	return 0;
}

static const char *entity(char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return NULL;
	}
}

void html_put(struct html *h, const char *markup)
{
	put_bytes(h, markup, strlen(markup));
}

void html_text(struct html *h, const char *text)
{
	while (*text) {
		size_t n = control_size((const unsigned char *)text);
		const char *e = entity(*text);

		if (n)
			html_put(h, "\xef\xbf\xbd");
		else if (e)
			html_put(h, e);
		else
			put_bytes(h, text, 1);
		text += n ? n : 1;
	}
}

void html_add(struct html *h, const char *markup, ...)
{
	va_list args;

	va_start(args, markup);
	for (;;) {
		size_t n = strcspn(markup, "@");
		put_bytes(h, markup, n);
		if (!markup[n])
			break;
		html_text(h, va_arg(args, const char *));
		markup += n + 1;
	}
	va_end(args);
}

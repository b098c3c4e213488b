/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "auth/html.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"

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

void html_put(struct html *h, const char *markup)
{
	put_bytes(h, markup, strlen(markup));
}

void html_text(struct html *h, const char *text)
{
	char shown[TEXT_HTML];
	for (size_t left = strlen(text), n; left; text += n, left -= n) {
		n = text_html(text, left, shown);
		html_put(h, shown);
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

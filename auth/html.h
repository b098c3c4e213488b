/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * HTML into bounded memory, where text can only come in escaped. Errors are sticky, so a page is written whole and asked about
 * once at its end.
 */
#ifndef SEKISHO_HTML_H
#define SEKISHO_HTML_H

#include <stddef.h>

enum { HTML_MAX = 65536 };

struct html {
	char *data; /* malloc(3); the owner of the struct frees it */
	size_t size, used;
	int err; /* 0, -ENOMEM, or -EMSGSIZE beyond HTML_MAX */
};

/* Our own markup, as it is. */
void html_put(struct html *h, const char *markup);

/* Text from anywhere, as text_html() has it. */
void html_text(struct html *h, const char *text);

/* Our own markup in which each '@' stands for the next argument, a `const char *` that is escaped as html_text() does. */
void html_add(struct html *h, const char *markup, ...);

#endif

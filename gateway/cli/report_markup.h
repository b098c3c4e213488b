/* SPDX-License-Identifier: GPL-3.0-or-later */
/* HTML of the report's page: text can only come in escaped. Write errors are the stream's, asked about once at the end. */
#ifndef SEKISHO_REPORT_MARKUP_H
#define SEKISHO_REPORT_MARKUP_H

#include <jansson.h>
#include <stdio.h>

#include "gateway/cli/report.h"

/* Text from anywhere, as text_html() has it. */
void markup_text(FILE *to, const char *text);

/* Our own markup in which each '@' stands for the next argument, a `const char *` that is escaped as markup_text() does. */
void markup_add(FILE *to, const char *markup, ...);

/* The style sheet, and the source expression that allows it and nothing else: 'sha256-…' (CSP 3, section 2.3.1). */
const char *markup_style(void);
enum { MARKUP_SOURCE_TEXT = 64 };
int markup_style_source(char out[static MARKUP_SOURCE_TEXT]); /* 0 or -EIO */

/* A chart of the document as inline SVG, and a table of its numbers. */
void markup_chart(FILE *to, const json_t *chart, enum report_lang lang);
/* A number that opens to the command behind it. */
void markup_figure(FILE *to, const json_t *figure, const char *kind);

#endif

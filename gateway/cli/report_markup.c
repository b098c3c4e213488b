/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/cli/report_markup.h"

#include <stdarg.h>
#include <string.h>

#include "common/text.h"
#include "gateway/cli/cli.h"
#include "gateway/cli/report_show.h"

static bool unwanted(uint32_t code)
{
	return (code < ' ' && code != '\t' && code != '\n') || (code >= 0x7f && code < 0xa0) || code == 0x061c ||
	       code == 0x200e || code == 0x200f || (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069) ||
	       code == 0xfeff || (code & 0xfffe) == 0xfffe;
}

static const char *entity(uint32_t code)
{
	switch (code) {
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

void markup_text(FILE *to, const char *text)
{
	size_t left = strlen(text);
	while (left) {
		uint32_t code = 0;
		size_t n = text_utf8_decode(text, left, &code);
		const char *e = entity(code);
		if (!n || unwanted(code))
			fputs("\xef\xbf\xbd", to);
		else if (e)
			fputs(e, to);
		else
			fwrite(text, 1, n, to);
		text += n ? n : 1;
		left -= n ? n : 1;
	}
}

void markup_add(FILE *to, const char *markup, ...)
{
	va_list args;
	va_start(args, markup);
	for (;;) {
		size_t n = strcspn(markup, "@");
		fwrite(markup, 1, n, to);
		if (!markup[n])
			break;
		markup_text(to, va_arg(args, const char *));
		markup += n + 1;
	}
	va_end(args);
}

void markup_figure(FILE *to, const json_t *figure, const char *kind)
{
	char text[64];
	report_figure_text(figure, kind, text, sizeof text);
	if (json_integer_value(json_object_get(figure, "lines")) && *cli_text(figure, "command"))
		markup_add(to, "<details class=\"f\" name=\"f\"><summary>@</summary><code>@</code></details>", text,
			cli_text(figure, "command"));
	else
		markup_text(to, text);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/cli/report_markup.h"

#include <stdarg.h>
#include <string.h>

#include "common/text.h"
#include "gateway/cli/cli.h"
#include "gateway/cli/report_show.h"

void markup_text(FILE *to, const char *text)
{
	char shown[TEXT_HTML];
	for (size_t left = strlen(text), n; left; text += n, left -= n) {
		n = text_html(text, left, shown);
		fputs(shown, to);
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

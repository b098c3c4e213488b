/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The report as one page that needs nothing else: no script, no address of anybody. */
#include <string.h>

#include "gateway/cli/cli.h"
#include "gateway/cli/report_markup.h"
#include "gateway/cli/report_show.h"

enum { CELL_TEXT = 2048, TALL_COLUMNS = 4, WIDE_COLUMNS = 5 };

static const char *say(enum report_lang lang, const char *en, const char *ja)
{
	return lang == REPORT_JA ? ja : en;
}

static const char *level_name(enum report_lang lang, const char *level)
{
	if (!strcmp(level, "alarm"))
		return say(lang, "Act", "要対応");
	if (!strcmp(level, "look"))
		return say(lang, "Look", "要確認");
	if (!strcmp(level, "note"))
		return say(lang, "Note", "参考");
	return say(lang, "Quiet", "平常");
}

static void head(FILE *to, const json_t *document, enum report_lang lang)
{
	char source[MARKUP_SOURCE_TEXT], since[TIME_TEXT], until[TIME_TEXT], made[TIME_TEXT];
	const json_t *period = json_object_get(document, "period");
	bool one = report_period_text(period, since, until);
	report_time_text(json_object_get(document, "made"), made);
	/* Without the hash nothing would be allowed at all: the page is plain then, not open. */
	if (markup_style_source(source) < 0)
		source[0] = '\0';
	markup_add(to,
		"<!DOCTYPE html>\n<html lang=\"@\">\n<head>\n<meta charset=\"utf-8\">\n"
		"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src @; base-uri 'none'; "
		"form-action 'none'\">\n"
		"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"referrer\" "
		"content=\"no-referrer\">\n"
		"<meta name=\"robots\" content=\"noindex\">\n<meta name=\"color-scheme\" content=\"light dark\">\n"
		"<title>@ @ @</title>\n",
		say(lang, "en", "ja"), source, cli_text(document, "title"), cli_text(document, "gateway"), since);
	fprintf(to, "<style>%s</style>\n</head>\n<body>\n", markup_style());
	markup_add(to, "<header>\n<h1>@ <small>@</small></h1>\n<p class=\"period\"><time>@</time>", cli_text(document, "title"),
		cli_text(document, "gateway"), since);
	if (!one)
		markup_add(to, " – <time>@</time>", until);
	markup_add(to, "</p>\n<p>@ (@) · @ <time>@</time></p>\n</header>\n<main>\n", say(lang, "local time", "現地時刻"),
		report_offset_text(json_object_get(period, "since")), say(lang, "made", "作成"), made);
}

static void attention(FILE *to, const json_t *document, enum report_lang lang)
{
	const json_t *item;
	size_t i;
	markup_add(to, "<section class=\"first\" id=\"attention\">\n<h2>@</h2>\n<ul>\n",
		say(lang, "What needs attention first", "まず確認すること"));
	json_array_foreach(json_object_get(document, "attention"), i, item)
	{
		const char *level = cli_text(item, "level");
		markup_add(to, "<li class=\"@\"><span class=\"chip\">@</span><a href=\"#@\">@</a></li>\n", level,
			level_name(lang, level), cli_text(item, "section"), cli_text(item, "text"));
	}
	fputs("</ul>\n</section>\n<ul class=\"tiles\">\n", to);
	json_array_foreach(json_object_get(document, "figures"), i, item)
	{
		markup_add(to, "<li><span>@</span><div>", cli_text(item, "title"));
		markup_figure(to, json_object_get(item, "figure"), cli_text(item, "kind"));
		fputs("</div></li>\n", to);
	}
	fputs("</ul>\n<nav><ul>\n", to);
	json_array_foreach(json_object_get(document, "sections"), i, item)
	{
		markup_add(to, "<li><a href=\"#@\">@</a></li>\n", cli_text(item, "id"), cli_text(item, "title"));
	}

	fputs("</ul></nav>\n", to);
}

/* How a column is set: numbers to the right, instants unbroken, words of the log as code. */
static const char *class_of(const char *kind)
{
	if (!strcmp(kind, "count") || !strcmp(kind, "bytes") || !strcmp(kind, "number"))
		return "n";
	if (!strcmp(kind, "time") || !strcmp(kind, "day"))
		return "w";
	return !strcmp(kind, "code") ? "c" : "t";
}

static void table(FILE *to, const json_t *t)
{
	const json_t *columns = json_object_get(t, "columns"), *rows = json_object_get(t, "rows"), *row, *column, *note;
	size_t i, j;
	char text[CELL_TEXT];
	if (!json_array_size(rows) && !json_array_size(json_object_get(t, "notes")))
		return;
	bool wide = json_array_size(columns) >= WIDE_COLUMNS;
	json_array_foreach(columns, j, column)
	{
		wide = wide || !strcmp(cli_text(column, "kind"), "key");
	}

	markup_add(to, "<div class=\"@\"><h3>@</h3>\n",
		json_array_size(columns) < TALL_COLUMNS ? "table"
		: wide					? "table tall wide"
							: "table tall",
		cli_text(t, "title"));
	if (json_array_size(rows))
		fputs("<table><thead><tr>", to);
	json_array_foreach(columns, j, column)
	{
		if (json_array_size(rows))
			markup_add(to, "<th scope=\"col\" class=\"@\">@</th>", class_of(cli_text(column, "kind")),
				cli_text(column, "title"));
	}

	if (json_array_size(rows))
		fputs("</tr></thead><tbody>\n", to);
	json_array_foreach(rows, i, row)
	{
		fputs("<tr>", to);
		json_array_foreach(columns, j, column)
		{
			const json_t *cell = json_object_get(row, cli_text(column, "id"));
			bool zero = json_is_object(cell) && !json_integer_value(json_object_get(cell, "value"));
			markup_add(to, "<td class=\"@@\" data-l=\"@\">", class_of(cli_text(column, "kind")), zero ? " z" : "",
				cli_text(column, "title"));
			if (json_is_object(cell))
				markup_figure(to, cell, cli_text(column, "kind"));
			else
				markup_text(to, report_cell_text(row, column, text, sizeof text));
			fputs("</td>", to);
		}
		fputs("</tr>\n", to);
	}
	if (json_array_size(rows))
		fputs("</tbody></table>", to);
	json_array_foreach(json_object_get(t, "notes"), i, note)
	{
		markup_add(to, "<p class=\"small\">@</p>", json_string_value(note));
	}

	fputs("</div>\n", to);
}

static void section(FILE *to, const json_t *s, enum report_lang lang)
{
	const json_t *item;
	size_t i;
	markup_add(to, "<section id=\"@\">\n<h2>@</h2>\n", cli_text(s, "id"), cli_text(s, "title"));
	json_array_foreach(json_object_get(s, "notes"), i, item)
	{
		markup_add(to, "<p>@</p>\n", json_string_value(item));
	}

	if (report_section_empty(s))
		markup_add(to, "<p>@</p>\n", say(lang, "Nothing.", "ありません。"));
	json_array_foreach(json_object_get(s, "charts"), i, item)
	{
		markup_chart(to, item, lang);
	}

	fputs("<div class=\"tables\">\n", to);
	json_array_foreach(json_object_get(s, "tables"), i, item)
	{
		table(to, item);
	}

	fputs("</div>\n", to);
	if (json_object_get(s, "command"))
		markup_add(to, "<code class=\"run\">@</code>\n", cli_text(s, "command"));
	fputs("</section>\n", to);
}

void report_html(FILE *to, const json_t *document, enum report_lang lang)
{
	const json_t *item;
	size_t i;
	head(to, document, lang);
	attention(to, document, lang);
	json_array_foreach(json_object_get(document, "sections"), i, item)
	{
		section(to, item, lang);
	}

	markup_add(to, "</main>\n<footer>@ Sekisho @</footer>\n</body>\n</html>\n",
		say(lang, "Every number opens to the command that lists its lines. How each is counted: man sekisho, log report.",
			"数字を開くと、その行を一覧するコマンドが出ます。数え方は man sekisho の log report にあります。"),
		cli_text(document, "version"));
}

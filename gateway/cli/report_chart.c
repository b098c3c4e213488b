/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Charts: stacked bars in SVG without a view box, so that bars stretch with the page and letters do not. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/cli/cli.h"
#include "gateway/cli/report_markup.h"
#include "gateway/cli/report_show.h"

enum { TOP = 10, BOTTOM = 86, LABELS_MOST = 9, HOURS = 24 }; /* per cent of the height */

struct chart {
	const json_t *buckets, *series;
	size_t count, series_count;
	bool by_hour;
	int64_t most; /* what the topmost line stands for */
	enum report_lang lang;
};

static const json_t *figure_of(const struct chart *c, size_t bucket, size_t series)
{
	return json_array_get(json_object_get(json_array_get(c->buckets, bucket), "values"), series);
}

static int64_t value_of(const struct chart *c, size_t bucket, size_t series)
{
	return json_integer_value(json_object_get(figure_of(c, bucket, series), "value"));
}

static int64_t sum_of(const struct chart *c, size_t bucket)
{
	int64_t sum = 0;
	for (size_t s = 0; s < c->series_count; s++)
		if (__builtin_add_overflow(sum, value_of(c, bucket, s), &sum))
			sum = INT64_MAX;
	return sum;
}

/* The next of 2, 4, 6, 10, 20, 40, 60, 100 ...: halves of them are whole. */
static int64_t round_up(int64_t n)
{
	static const int64_t steps[] = {2, 4, 6, 10};
	for (int64_t ten = 1; ten < INT64_MAX / 100; ten *= 10)
		for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
			if (n <= steps[i] * ten)
				return steps[i] * ten;
	return n;
}

static struct tm time_of(const struct chart *c, size_t bucket)
{
	return report_local(json_object_get(json_array_get(c->buckets, bucket), "since"));
}

static void bucket_text(const struct chart *c, size_t bucket, char *out, size_t size)
{
	const struct tm tm = time_of(c, bucket);
	if (c->by_hour)
		snprintf(out, size, "%02d-%02d %02d:%02d", tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min);
	else
		snprintf(out, size, "%04d-%02d-%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
}

static void grid(FILE *to, const struct chart *c)
{
	static const int half = (TOP + BOTTOM) / 2;
	fprintf(to,
		"<g class=\"grid\"><line x1=\"0\" x2=\"100%%\" y1=\"%d%%\" y2=\"%d%%\"/><line x1=\"0\" x2=\"100%%\" y1=\"%d%%\" "
		"y2=\"%d%%\"/>"
		"<line class=\"zero\" x1=\"0\" x2=\"100%%\" y1=\"%d%%\" y2=\"%d%%\"/>"
		"<text x=\"0\" y=\"%d%%\" dy=\"-4\">%" PRId64 "</text><text x=\"0\" y=\"%d%%\" dy=\"-4\">%" PRId64 "</text></g>",
		TOP, TOP, half, half, BOTTOM, BOTTOM, TOP, c->most, half, c->most / 2);
}

static void bar(FILE *to, const struct chart *c, size_t bucket)
{
	double step = 100.0 / (double)c->count, bottom = BOTTOM;
	char when[32];
	if (!sum_of(c, bucket))
		return;
	bucket_text(c, bucket, when, sizeof when);
	markup_add(to, "<g><title>@", when);
	for (size_t s = 0; s < c->series_count; s++)
		fprintf(to, " · %s %" PRId64, cli_text(json_array_get(c->series, s), "title"), value_of(c, bucket, s));
	fputs("</title>", to);
	for (size_t s = 0; s < c->series_count; s++) {
		double height = (double)value_of(c, bucket, s) / (double)c->most * (BOTTOM - TOP);
		if (height <= 0)
			continue;
		bottom -= height;
		fprintf(to, "<rect class=\"s%zu\" x=\"%.3f%%\" width=\"%.3f%%\" y=\"%.3f%%\" height=\"%.3f%%\"/>", s,
			(double)bucket * step + step * 0.1, step * 0.8, bottom, height);
	}
	fputs("</g>", to);
}

/* Hours of one day, otherwise the first bucket of each day, so far apart that LABELS_MOST fit. */
static bool has_label(const struct chart *c, size_t bucket)
{
	size_t days = c->by_hour ? c->count / HOURS + 1 : c->count;
	const struct tm tm = time_of(c, bucket);
	if (c->by_hour && c->count <= HOURS + 1)
		return tm.tm_hour % 3 == 0;
	if (c->by_hour)
		return tm.tm_hour == 0;
	return bucket % ((days + LABELS_MOST - 1) / LABELS_MOST) == 0;
}

static void labels(FILE *to, const struct chart *c)
{
	fputs("<g class=\"x\">", to);
	for (size_t i = 0; i < c->count; i++) {
		const struct tm tm = time_of(c, i);
		double x = 100.0 * (double)i / (double)c->count;
		if (!has_label(c, i))
			continue;
		fprintf(to, "<line x1=\"%.3f%%\" x2=\"%.3f%%\" y1=\"%d%%\" y2=\"%d%%\"/><text x=\"%.3f%%\" dx=\"3\" y=\"98%%\">",
			x, x, BOTTOM, BOTTOM + 4, x);
		if (c->by_hour && c->count <= HOURS + 1)
			fprintf(to, "%d", tm.tm_hour);
		else
			fprintf(to, "%d/%d", tm.tm_mon + 1, tm.tm_mday);
		fputs("</text>", to);
	}
	fputs("</g>", to);
}

/* All numbers of the bars, each with its command. */
static void numbers(FILE *to, const struct chart *c)
{
	markup_add(to, "<details class=\"more\"><summary>@</summary><table><thead><tr><th scope=\"col\">@</th>",
		c->lang == REPORT_JA ? "グラフの数字とコマンド" : "The numbers, with their commands",
		c->lang == REPORT_JA ? "いつから" : "From");
	for (size_t s = 0; s < c->series_count; s++)
		markup_add(to, "<th scope=\"col\" class=\"n\">@</th>", cli_text(json_array_get(c->series, s), "title"));
	fputs("</tr></thead><tbody>", to);
	for (size_t i = 0; i < c->count; i++) {
		char when[32];
		if (!sum_of(c, i))
			continue;
		bucket_text(c, i, when, sizeof when);
		markup_add(to, "<tr><td>@</td>", when);
		for (size_t s = 0; s < c->series_count; s++) {
			markup_add(to, "<td class=\"n\" data-l=\"@\">", cli_text(json_array_get(c->series, s), "title"));
			markup_figure(to, figure_of(c, i, s), "count");
			fputs("</td>", to);
		}
		fputs("</tr>", to);
	}
	fputs("</tbody></table></details>", to);
}

void markup_chart(FILE *to, const json_t *chart, enum report_lang lang)
{
	struct chart c = {.buckets = json_object_get(chart, "buckets"), .series = json_object_get(chart, "series"), .lang = lang};
	c.count = json_array_size(c.buckets);
	c.series_count = json_array_size(c.series);
	c.by_hour = !strcmp(cli_text(chart, "unit"), "hour");
	for (size_t i = 0; i < c.count; i++)
		if (sum_of(&c, i) > c.most)
			c.most = sum_of(&c, i);
	if (!c.most)
		return;
	c.most = round_up(c.most);
	markup_add(to, "<figure><figcaption><h3>@</h3>", cli_text(chart, "title"));
	for (size_t s = 0; s < c.series_count; s++)
		fprintf(to,
			"<span class=\"key\"><svg class=\"dot\" aria-hidden=\"true\"><rect class=\"s%zu\" width=\"100%%\" "
			"height=\"100%%\" rx=\"2\"/></svg>%s</span>",
			s, cli_text(json_array_get(c.series, s), "title"));
	markup_add(to, "</figcaption><svg class=\"chart @\" role=\"img\" aria-label=\"@\">", cli_text(chart, "id"),
		cli_text(chart, "title"));
	grid(to, &c);
	for (size_t i = 0; i < c.count; i++)
		bar(to, &c, i);
	labels(to, &c);
	fputs("</svg></figure>", to);
	numbers(to, &c);
}

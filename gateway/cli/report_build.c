/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The document's parts: sections, tables, figures and the commands behind them. */
#include "gateway/cli/report_build.h"

#include <stdarg.h>
#include <string.h>

#include "common/text.h"
#include "gateway/cli/cli.h"

const char *report_say(const struct report *r, const char *en, const char *ja)
{
	return r->lang == REPORT_JA ? ja : en;
}

json_t *report_sentence(const struct report *r, const char *en, const char *ja, ...)
{
	char text[2048];
	va_list args;
	va_start(args, ja);
	vsnprintf(text, sizeof text, r->lang == REPORT_JA ? ja : en, args);
	va_end(args);
	return json_string(text);
}

json_t *report_section(json_t *document, const char *id, const char *title)
{
	json_t *section = json_pack("{s:s, s:s, s:[], s:[], s:[]}", "id", id, "title", title, "notes", "charts", "tables");
	json_array_append_new(json_object_get(document, "sections"), section);
	return section;
}

void report_note(json_t *section_or_table, json_t *sentence)
{
	json_array_append_new(json_object_get(section_or_table, "notes"), sentence);
}

json_t *report_table(const struct report *r, json_t *section, const char *id, const char *title,
	const struct report_column *columns, size_t count)
{
	json_t *list = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "id", columns[i].id, "title",
						    report_say(r, columns[i].en, columns[i].ja), "kind", columns[i].kind));
	json_t *table = json_pack("{s:s, s:s, s:o, s:[], s:[]}", "id", id, "title", title, "columns", list, "rows", "notes");
	json_array_append_new(json_object_get(section, "tables"), table);
	return table;
}

json_t *report_row(json_t *table)
{
	json_t *row = json_object();
	json_array_append_new(json_object_get(table, "rows"), row);
	return row;
}

json_t *report_instant(int64_t usec)
{
	char text[TIME_TEXT];
	return usec == LOGVALUE_NONE ? json_null() : json_string(time_format(usec, text));
}

/* ---- commands ---- */

struct words {
	char text[REPORT_COMMAND_MAX];
	size_t used;
	bool cut;
};

static void put(struct words *w, const char *text, size_t size)
{
	if (w->used + size >= sizeof w->text) {
		w->cut = true;
		return;
	}
	memcpy(w->text + w->used, text, size);
	w->used += size;
	w->text[w->used] = '\0';
}

/* As a shell takes it for one word, whatever it is made of. */
static void word(struct words *w, const char *text)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-./:=@_,%";
	if (w->used)
		put(w, " ", 1);
	if (*text && !text[strspn(text, plain)]) {
		put(w, text, strlen(text));
		return;
	}
	put(w, "'", 1);
	for (; *text; text++) {
		if (*text == '\'')
			put(w, "'\\''", 4);
		else
			put(w, text, 1);
	}
	put(w, "'", 1);
}

/* "2026-11-23T10:05:00+09:00", with microseconds only if there are some. */
static void instant(struct words *w, const char *option, int64_t usec)
{
	char text[TIME_TEXT];
	time_format(usec, text);
	char *fraction = strstr(text, ".000000");
	if (fraction)
		memmove(fraction, fraction + 7, strlen(fraction + 7) + 1);
	word(w, option);
	word(w, text);
}

json_t *report_figure_at(
	const struct report *r, int64_t since, int64_t until, uint64_t value, uint64_t lines, const char *const *words)
{
	struct words w = {0};
	word(&w, "sekisho");
	word(&w, "log");
	word(&w, "search");
	if (r->dir)
		word(&w, r->dir);
	for (; words[0]; words += 2) {
		if (!words[1] || !*words[1])
			continue;
		word(&w, words[0]);
		word(&w, words[1]);
	}
	instant(&w, "--since", since);
	instant(&w, "--until", until);
	return json_pack(
		"{s:I, s:I, s:s}", "value", (json_int_t)value, "lines", (json_int_t)lines, "command", w.cut ? "" : w.text);
}

json_t *report_figure(const struct report *r, uint64_t value, uint64_t lines, const char *const *words)
{
	return report_figure_at(r, r->since, r->until, value, lines, words);
}

void report_count_cell(const struct report *r, json_t *row, const struct report_entry *e, const char *const *words)
{
	json_object_set_new(row, "count", report_figure(r, e->count.times, e->count.lines, words));
}

/* ---- lists of the largest ---- */

/* Marks the figures of an entry that was counted anew after the bag had been full. */
static void mark_missed(json_t *row, const struct report_entry *e)
{
	const char *key;
	json_t *cell;
	json_object_foreach(row, key, cell)
	{
		if (e->missed && json_is_object(cell))
			json_object_set_new(cell, "at_least", json_true());
	}
}

void report_top(struct report *r, enum report_bags bag, json_t *table, size_t most, int (*compare)(const void *, const void *),
	void (*each)(const struct report *, json_t *row, const struct report_entry *))
{
	struct report_bag *b = &r->bags[bag];
	report_bag_sort(b, compare);
	for (size_t i = 0; i < b->used && i < most; i++) {
		json_t *row = report_row(table);
		each(r, row, &b->entries[i]);
		mark_missed(row, &b->entries[i]);
	}
	if (b->floor)
		report_note(table, report_sentence(r,
					   "There were more than %d different ones: those with %llu lines or fewer may be "
					   "missing here, and \"≥\" "
					   "marks what may have been more.",
					   "%d 種類を超えたため、%llu "
					   "行以下のものは漏れている可能性があります。「≥」はそれ以上かもしれない値です。",
					   REPORT_BAG_MAX, (unsigned long long)b->floor));
	else if (b->used > most)
		report_note(table, report_sentence(r, "%zu more are not shown.", "ほか %zu 件は省略しました。", b->used - most));
}

json_t *report_build(struct report *r)
{
	static void (*const parts[])(struct report *, json_t *) = {report_build_attention, report_build_logins,
		report_build_refused, report_build_people, report_build_traffic, report_build_admin, report_build_evidence};
	json_t *document = json_pack("{s:s, s:s, s:{s:o, s:o}, s:o, s:s, s:o, s:[], s:[], s:[]}", "title",
		report_say(r, "Access report", "アクセス報告"), "gateway", r->observer, "period", "since",
		report_instant(r->since), "until", report_instant(r->until), "made", report_instant(r->now), "version",
		SEKISHO_VERSION, "reaches", report_instant(r->reaches), "attention", "figures", "sections");
	for (size_t i = 0; document && i < sizeof parts / sizeof *parts; i++)
		parts[i](r, document);
	return document;
}

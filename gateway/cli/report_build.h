/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The parts of the report's document. Every number in it is a figure: what it is, how many lines of the logs it was counted from,
 * and the `sekisho log search` command that lists just those lines. Text is in one language; identifiers are not.
 *
 *   section {id, title, notes[], tables[], charts[]}
 *   table   {id, title, columns[{id, title, kind: text|key|code|number|count|bytes|time|day}], rows[{column: cell}], notes[]}
 *   cell    a string; {value, lines, command, at_least}; for time an RFC 3339 string
 */
#ifndef SEKISHO_REPORT_BUILD_H
#define SEKISHO_REPORT_BUILD_H

#include "gateway/cli/report.h"

enum { REPORT_TOP = 10, REPORT_COMMAND_MAX = 2048 };

/* The text of the report's language. */
const char *report_say(const struct report *r, const char *en, const char *ja);
/* The same with numbers and names put in, as printf(3) does; new memory as a JSON string. */
json_t *report_sentence(const struct report *r, const char *en, const char *ja, ...)
	__attribute__((format(printf, 2, 4), format(printf, 3, 4)));

/* What a reason, an action or another word of the logs means; "" when nobody has explained it. */
const char *report_meaning(const struct report *r, const char *word);

json_t *report_section(json_t *document, const char *id, const char *title);
void report_note(json_t *section_or_table, json_t *sentence); /* steals */

struct report_column {
	const char *id, *kind, *en, *ja;
};
json_t *report_table(const struct report *r, json_t *section, const char *id, const char *title,
	const struct report_column *columns, size_t count);
json_t *report_row(json_t *table);

/* A figure of the period, or of a part of it; the words are `--option`, value, ...; pairs with an empty value are left out. */
#define REPORT_WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})
json_t *report_figure(const struct report *r, uint64_t value, uint64_t lines, const char *const *words);
json_t *report_figure_at(
	const struct report *r, int64_t since, int64_t until, uint64_t value, uint64_t lines, const char *const *words);

/* The cell "count": how many times an entry's event happened in the period. */
void report_count_cell(const struct report *r, json_t *row, const struct report_entry *e, const char *const *words);

json_t *report_instant(int64_t usec); /* RFC 3339, JSON null for none */

/* The best `most` entries of a bag, sorted by `compare`, each put into the table by `each`; a note says what is not shown. */
void report_top(struct report *r, enum report_bags bag, json_t *table, size_t most, int (*compare)(const void *, const void *),
	void (*each)(const struct report *, json_t *row, const struct report_entry *));

/* Sections, in the order of the page. */
void report_build_attention(struct report *r, json_t *document);
void report_build_logins(struct report *r, json_t *document);
void report_build_refused(struct report *r, json_t *document);
void report_build_people(struct report *r, json_t *document);
void report_build_traffic(struct report *r, json_t *document);
void report_build_admin(struct report *r, json_t *document);
void report_build_evidence(struct report *r, json_t *document);

#endif

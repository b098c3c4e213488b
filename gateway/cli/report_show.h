/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How values of the document are shown, on a terminal and on the page alike. */
#ifndef SEKISHO_REPORT_SHOW_H
#define SEKISHO_REPORT_SHOW_H

#include <jansson.h>
#include <stdbool.h>
#include <time.h>

#include "common/text.h"

/* An RFC 3339 string in local time: for tables "11-23 10:05", for headings "2026-11-23 10:05"; "-" when it is none. */
const char *report_time_text(const json_t *instant, char out[static TIME_TEXT]);
/* Both ends of the period: whole days as days, the last one included. True when it is one day. */
bool report_period_text(const json_t *period, char since[static TIME_TEXT], char until[static TIME_TEXT]);
struct tm report_local(const json_t *instant);
const char *report_offset_text(const json_t *instant); /* "+09:00"; borrowed */

/* A figure: "12", "≥12", or for kind "bytes" "1.5 MiB". */
const char *report_figure_text(const json_t *figure, const char *kind, char *out, size_t size);

/* What stands in a row under a column. */
const char *report_cell_text(const json_t *row, const json_t *column, char *out, size_t size);

/* Has it neither rows nor bars? */
bool report_section_empty(const json_t *section);

#endif

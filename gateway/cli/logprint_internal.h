/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SEKISHO_LOGPRINT_INTERNAL_H
#define SEKISHO_LOGPRINT_INTERNAL_H

#include "gateway/cli/logprint.h"

enum { LOGPRINT_TIME = 32 };

/* "2026-11-23 10:05:00", local or UTC as `p` says; "-" for none. Returns `out`. */
const char *logprint_time(const struct logprint *p, int64_t usec, char out[static LOGPRINT_TIME]);

/* Byte order mark and headings, once; then the row. */
void logprint_csv_begin(struct logprint *p);
void logprint_csv(struct logprint *p, const struct logmatch *match);

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `--on DATE` and `--at TIME`: which instant, or which day, a question is about. Local time. */
#ifndef SEKISHO_CLI_MOMENT_H
#define SEKISHO_CLI_MOMENT_H

#include <stdbool.h>
#include <stdint.h>

struct moment {
	int64_t at; /* the instant: now, the one that was named, or noon of the day */
	int64_t from, to; /* the whole day, or `at` and the microsecond after it */
	bool day; /* a date without a time was named */
	bool past; /* something was named that is not now */
};

/* `on` is YYYY-MM-DD or YYYY-MM-DDTHH:MM, `at` the latter or HH:MM (of that date, or of today); either may be NULL. CLI_OK, or
 * CLI_USAGE after saying what is wrong. */
int moment_parse(const char *on, const char *at, int64_t now, struct moment *out);

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One value of a log line, as it stands there; see logfield.h. Nothing here allocates, nothing changes the line. */
#ifndef SEKISHO_LOGVALUE_H
#define SEKISHO_LOGVALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Raw JSON (RFC 8259) within the line: a string without its quotes, its escapes still in it; all else as it is written, arrays
 * with their brackets. `text` is NULL when the value is absent, or null. */
struct logvalue {
	const char *text;
	size_t size;
	bool string;
};

/* What logvalue_time() and logvalue_number() return where there is none. */
#define LOGVALUE_NONE INT64_MIN

/* A string with an RFC 3339 instant (section 5.6) -> microseconds since 1970, UTC; further digits of the fraction are dropped. */
int64_t logvalue_time(struct logvalue v);

/* A number without fraction and exponent that fits. */
int64_t logvalue_number(struct logvalue v);

/*
 * Writes the value to `out` of `size` bytes (at least 1) with a NUL: strings with their escapes resolved, all else as it stands;
 * "" when absent. Cut at the end when it does not fit. U+0000 and halves of surrogate pairs become U+FFFD. The text may hold
 * anything, also what no terminal should see and ill-formed UTF-8: text_safe() is for that. Returns its bytes without the NUL.
 */
size_t logvalue_text(struct logvalue v, char *out, size_t size);

/* Is it a string of just this text? */
bool logvalue_equals(struct logvalue v, const char *text);

/* Is it a string with this text somewhere in it? */
bool logvalue_contains(struct logvalue v, const char *text);

/* The items of an array, as logfield_scan() found it: true with the next one, `*at` being 0 at first. */
bool logvalue_next(struct logvalue array, size_t *at, struct logvalue *item);

#endif

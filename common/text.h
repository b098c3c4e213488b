/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Text from outside: is it well formed, is it a name, how is it shown; and the few human notations (durations, instants)
 * that files, commands and logs share.
 */
#ifndef SEKISHO_TEXT_H
#define SEKISHO_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { USER_NAME_MAX = 64, TIME_TEXT = 40, DURATION_TEXT = 24 };

/* RFC 3629: well-formed UTF-8 of exactly `size` bytes, no surrogates, no overlong forms, no NUL. */
bool text_utf8_valid(const char *data, size_t size);

/* One character of at most `size` bytes. Returns its length and sets `code`; 0 when it is ill-formed or NUL. */
size_t text_utf8_decode(const char *data, size_t size, uint32_t *code);

/* Columns that a character takes on a terminal: 2 for wide East Asian ones (UAX #11), 0 for combining marks, else 1. */
unsigned text_columns(uint32_t code);

/*
 * A user or group name we accept from anywhere: 1..64 bytes of [A-Za-z0-9_.@-], not starting with '-' or '.',
 * hence never a path, an option or hidden file (stricter than useradd(8), wide enough for name@realm).
 */
bool text_name_valid(const char *name);

/* Copies `from` for a terminal or a log line: ill-formed bytes and C0/DEL become \xNN; C1, bidirectional controls and the
 * Unicode line separators become \u{NNNN}; cut (on a character, with "…") to fit `size` bytes with its NUL. Returns `to`.
 * TEXT_SAFE_GROWTH times the bytes of `from`, and one, are always enough. */
enum { TEXT_SAFE_GROWTH = 4 };
const char *text_safe(const char *from, char *to, size_t size);

/* How the first character of `from` (`left` bytes, at least one) stands in HTML text or an attribute, in `out`: &, <, >, " and '
 * as entities (HTML, section 13.1.4), U+FFFD for ill-formed bytes, noncharacters and all that text_safe() escapes but TAB and LF.
 * Returns how many bytes of `from` it is. */
enum { TEXT_HTML = 8 };
size_t text_html(const char *from, size_t left, char out[static TEXT_HTML]);

/* "90s", "15m", "8h", "30d", sums like "1h30m" (largest unit first, each once); at least one second, at most 3650 days.
 * 0 or -EINVAL. Seconds. */
int duration_parse(const char *text, int64_t *seconds);
/* The same notation, largest units first: 5400 -> "1h30m"; 0 or less -> "0s". */
const char *duration_format(int64_t seconds, char text[static DURATION_TEXT]);

/* Microseconds since the epoch -> RFC 3339 with microseconds and the numeric local offset:
 * "2026-11-23T10:05:00.123456+09:00". */
const char *time_format(int64_t usec, char text[static TIME_TEXT]);

/* "YYYY-MM-DD" (local midnight at the start of that day; where the clock skips midnight, the day's first instant) or
 * "YYYY-MM-DDTHH:MM" (local). 0 or -EINVAL. Microseconds. */
int time_parse(const char *text, int64_t *usec);

/* CLOCK_REALTIME now, in microseconds. */
int64_t time_now(void);

/* CLOCK_BOOTTIME now, in microseconds: for timers and deadlines, unmoved by somebody setting the clock. */
int64_t time_boot(void);

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The form that sekisho.conf and the ACL files share: UTF-8 text, one statement a line, words between blanks, "quoted
 * text" as one word, '#' outside quotes starts a comment. A byte order mark at the start and CR before LF are
 * skipped, for they come from editors, not from people. A line that is not of this form is reported and left out.
 */
#ifndef SEKISHO_LEXER_H
#define SEKISHO_LEXER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/diag.h"

enum {
	LEXER_LINE_MAX = 4096, /* bytes of a line without its newline */
	LEXER_WORDS_MAX = LEXER_LINE_MAX / 2,
};

struct word {
	const char *text; /* without quotes, NUL-terminated; valid until the next line is read */
	unsigned column, width; /* characters, quotes included; column 1-based */
	bool quoted;
};

struct lexer {
	const char *name; /* of the file, for messages */
	struct diag *d; /* NULL: keep quiet */
	const char *rest;
	size_t left;
	unsigned line;
	unsigned count; /* words of this line, at least 1 */
	struct word words[LEXER_WORDS_MAX];
	char source[LEXER_LINE_MAX + 1]; /* the line as it stands in the file */
	char cut[LEXER_LINE_MAX + 1]; /* the same, cut into words */
	uint16_t column[LEXER_LINE_MAX + 1]; /* of each byte where a character begins, and of the line's end */
};

/* `name` and `text` are borrowed. The lexer is about 70 KiB. */
void lexer_start(struct lexer *lx, const char *name, const char *text, size_t size, struct diag *d);

/* Goes to the next line that has words. False at the end of the text. */
bool lexer_next(struct lexer *lx);

/* Reports something about the current line, under a word of it. */
void lexer_say(const struct lexer *lx, enum diag_level level, const struct word *at, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
#define lexer_mistake(lx, at, ...) lexer_say(lx, DIAG_ERROR, at, __VA_ARGS__)
#define lexer_warning(lx, at, ...) lexer_say(lx, DIAG_WARNING, at, __VA_ARGS__)

/* Word `i` of the line, or, when the line is shorter, the place just after its last word (text is ""). */
struct word lexer_word(const struct lexer *lx, unsigned i);

/* The part of a bare word that begins at byte `from` and is `size` bytes long, at least one character wide; text is the word's.
 */
struct word word_part(const struct word *w, size_t from, size_t size);

/* Decimal digits only, no sign, no leading zero, at most `max`. */
bool word_number(const char *text, size_t size, unsigned max, unsigned *out);

/* Is word `i` there, bare, and this keyword? */
bool lexer_is(const struct lexer *lx, unsigned i, const char *keyword);

/* Writes words from..to-1 with single blanks between them, quotes restored; `text` has LEXER_LINE_MAX + 1 bytes. */
void lexer_join(const struct lexer *lx, unsigned from, unsigned to, char *text);

#endif

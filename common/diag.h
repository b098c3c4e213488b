/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Mistakes found in administrators' files: all of them, each with file, line, column, the offending line, what is wrong
 * and what was expected, in the order found, shown the way compilers show theirs.
 */
#ifndef SEKISHO_DIAG_H
#define SEKISHO_DIAG_H

#include <stdbool.h>
#include <stddef.h>

enum diag_level { DIAG_ERROR, DIAG_WARNING };

enum { DIAG_MAX = 1000 }; /* beyond that, only the number is kept */

struct diag_entry {
	enum diag_level level;
	char *file; /* as opened or relative to the set's folder */
	unsigned line, column; /* 1-based; column counts characters, 0 for none; line 0 is the file as a whole */
	unsigned width; /* characters under the caret line, at least 1 */
	char *text; /* what is wrong and what was expected, UTF-8, one line */
	char *source; /* the line itself, or NULL */
};

struct diag {
	struct diag_entry *entries;
	size_t count, dropped;
	bool failed; /* at least one error, or out of memory */
};

struct diag diag_new(void);
void diag_free(struct diag *d);

/* Adds one entry; strings are copied. `source` may be NULL. */
void diag_add(struct diag *d, enum diag_level level, const char *file, unsigned line, unsigned column, unsigned width,
	const char *source, const char *format, ...) __attribute__((format(printf, 8, 9)));

/*
 * Renders all entries as
 *     users/t-yamada.acl:3:11: error: unknown system 'webmial'; did you mean 'webmail'?
 *         allow  webmial
 *                ^~~~~~~
 * Tabs are shown as one space, control characters escaped; wide East Asian characters count two columns before the caret.
 * The caller frees the result; NULL when out of memory.
 */
char *diag_render(const struct diag *d);

#endif

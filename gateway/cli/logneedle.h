/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Words that are looked for in many gigabytes, all of them in one pass: what a search of the logs spends its time with. */
#ifndef SEKISHO_LOGNEEDLE_H
#define SEKISHO_LOGNEEDLE_H

#include <stddef.h>

enum { LOGNEEDLES = 16 };

/* Borrowed; none is empty. */
struct logneedles {
	size_t count;
	struct logneedle {
		const char *text;
		size_t size;
	} items[LOGNEEDLES];
};

/* Where the first of the words begins, at or behind `from`; NULL when none is whole before `end`. */
const char *logneedle_find(const struct logneedles *needles, const char *from, const char *end);

#endif

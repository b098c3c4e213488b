/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * 'Did you mean': which of the known names is what somebody most likely wanted to type? Distance is the number of letters
 * inserted, left out, replaced or swapped with their neighbour (optimal string alignment), case being ignored.
 */
#ifndef SEKISHO_NEAREST_H
#define SEKISHO_NEAREST_H

#include <stddef.h>

enum { NEAREST_NAME_MAX = 64, NEAREST_TEXT = NEAREST_NAME_MAX + 24 };

struct nearest {
	const char *word, *best; /* borrowed; best is NULL until a name was near enough */
	unsigned distance; /* names at this distance or more are no better */
};

/* Begins a search; words and names of more than NEAREST_NAME_MAX bytes are near to nothing. */
struct nearest nearest_to(const char *word);

/* Offers one known name. Of equally near ones the first offered wins. */
void nearest_offer(struct nearest *n, const char *name);

/* Offers all names of an array that ends with NULL. */
void nearest_offer_all(struct nearest *n, const char *const *names);

/* "; did you mean 'webmail'?", or "" when nothing is near. Returns `text`. */
const char *nearest_hint(const struct nearest *n, char text[static NEAREST_TEXT]);

#endif

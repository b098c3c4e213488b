/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config/nearest.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

static int lower(char c)
{
	return tolower((unsigned char)c);
}

/* The distance of two words, or `limit` as soon as it is clear that it is not below. */
static unsigned distance(const char *a, size_t a_size, const char *b, size_t b_size, unsigned limit)
{
	unsigned rows[3][NEAREST_NAME_MAX + 1];
	unsigned *before = rows[0], *last = rows[1], *now = rows[2];

	for (size_t j = 0; j <= b_size; j++)
		before[j] = last[j] = (unsigned)j;
	for (size_t i = 1; i <= a_size; i++) {
		unsigned best = now[0] = (unsigned)i;
		for (size_t j = 1; j <= b_size; j++) {
			const unsigned replace = last[j - 1] + (lower(a[i - 1]) != lower(b[j - 1]));
			now[j] = least(replace, least(last[j], now[j - 1]) + 1);
			if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) && lower(a[i - 2]) == lower(b[j - 1]))
				now[j] = least(now[j], before[j - 2] + 1);
			best = least(best, now[j]);
		}
		if (best >= limit)
			return limit;
		unsigned *const spare = before;
		before = last;
		last = now;
		now = spare;
	}
	return last[b_size];
}

struct nearest nearest_to(const char *word)
{
	const size_t size = strlen(word);
	/* A third of the letters may be wrong, but never all of a short word. */
	const unsigned limit = size < 3 ? 2 : (unsigned)least((unsigned)(size + 2) / 3, 3) + 1;

	return (struct nearest){.word = word, .distance = size > NEAREST_NAME_MAX || size < 2 ? 0 : limit};
}

void nearest_offer(struct nearest *n, const char *name)
{
	const size_t size = strlen(name), word_size = strlen(n->word);
	const size_t longer = size > word_size ? size - word_size : word_size - size;

	if (size > NEAREST_NAME_MAX || longer >= n->distance)
		return;
	const unsigned d = distance(n->word, word_size, name, size, n->distance);
	if (d < n->distance) {
		n->distance = d;
		n->best = name;
	}
}

void nearest_offer_all(struct nearest *n, const char *const *names)
{
	for (size_t i = 0; names[i]; i++)
		nearest_offer(n, names[i]);
}

const char *nearest_hint(const struct nearest *n, char text[static NEAREST_TEXT])
{
	text[0] = '\0';
	if (n->best)
		snprintf(text, NEAREST_TEXT, "; did you mean '%s'?", n->best);
	return text;
}

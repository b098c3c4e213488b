/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Memory that is taken piece by piece and given back all at once: a policy consists of many small values that live and die
 * together. An arena that is all zeros is empty and ready.
 */
#ifndef SEKISHO_ARENA_H
#define SEKISHO_ARENA_H

#include <stddef.h>

struct arena_chunk;

struct arena {
	struct arena_chunk *chunks;
	char *next; /* free memory of the first chunk */
	size_t left;
};

/* `count` values of `size` bytes, zeroed and aligned for any type; valid until arena_free(). NULL when out of memory. */
void *arena_alloc(struct arena *a, size_t count, size_t size);

/* A copy of a string. NULL when out of memory. */
char *arena_text(struct arena *a, const char *text);

/* Gives everything back; the arena is empty afterwards. */
void arena_free(struct arena *a);

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK_SIZE = 16384 };

struct arena_chunk {
	struct arena_chunk *next;
	alignas(max_align_t) char data[];
};

void *arena_alloc(struct arena *a, size_t count, size_t size)
{
	const size_t unit = alignof(max_align_t);
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes) || bytes > SIZE_MAX / 2)
		return NULL;
	bytes = (bytes + unit - 1) / unit * unit;
	if (bytes > a->left) {
		const size_t room = bytes > CHUNK_SIZE ? bytes : CHUNK_SIZE;
		struct arena_chunk *chunk = calloc(1, sizeof *chunk + room);
		if (!chunk)
			return NULL;
		chunk->next = a->chunks;
		a->chunks = chunk;
		a->next = chunk->data;
		a->left = room;
	}
	void *out = a->next;
	a->next += bytes;
	a->left -= bytes;
	return out;
}

char *arena_text(struct arena *a, const char *text)
{
	const size_t size = strlen(text) + 1;
	char *copy = arena_alloc(a, size, 1);
	if (copy)
		memcpy(copy, text, size);
	return copy;
}

void arena_free(struct arena *a)
{
	while (a->chunks) {
		struct arena_chunk *next = a->chunks->next;
		free(a->chunks);
		a->chunks = next;
	}
	*a = (struct arena){0};
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/cli/logneedle.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { WIDTH = 16 };

/* Sixteen bytes at once, as every 64-bit machine has them; memmem(3) takes them one by one. */
typedef uint8_t block __attribute__((vector_size(WIDTH)));
typedef uint64_t halves __attribute__((vector_size(WIDTH)));

static block load(const char *at)
{
	block b;
	memcpy(&b, at, sizeof b);
	return b;
}

static bool stands_at(const struct logneedle *n, const char *at, const char *end)
{
	return (size_t)(end - at) >= n->size && !memcmp(at, n->text, n->size);
}

static const char *first_at(const struct logneedles *needles, const char *from, const char *until, const char *end)
{
	for (const char *at = from; at < until; at++)
		for (size_t i = 0; i < needles->count; i++)
			if (stands_at(&needles->items[i], at, end))
				return at;
	return NULL;
}

const char *logneedle_find(const struct logneedles *needles, const char *from, const char *end)
{
	block firsts[LOGNEEDLES], lasts[LOGNEEDLES];
	size_t longest = 1;
	for (size_t i = 0; i < needles->count; i++) {
		const struct logneedle *n = &needles->items[i];
		firsts[i] = (block){0} + (uint8_t)n->text[0];
		lasts[i] = (block){0} + (uint8_t)n->text[n->size - 1];
		longest = n->size > longest ? n->size : longest;
	}
	/* A word may begin where its first and its last byte are right: few places are left to be looked at. */
	for (; (size_t)(end - from) >= WIDTH + longest; from += WIDTH) {
		block any = {0};
		const block here = load(from);
		for (size_t i = 0; i < needles->count; i++)
			any |= (block)(here == firsts[i]) & (block)(load(from + needles->items[i].size - 1) == lasts[i]);
		const halves h = (halves)any;
		const char *found = h[0] | h[1] ? first_at(needles, from, from + WIDTH, end) : NULL;
		if (found)
			return found;
	}
	return first_at(needles, from, end, end);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Counters by key in bounded memory, for logs whose keys a stranger may choose. Exact until it is full; then the half with the
 * fewest lines is dropped, and what comes later may have been dropped before: its `missed` says how much at most. So whatever
 * has more lines than `floor` is always among the entries (lossy counting, Manku and Motwani 2002).
 */
#ifndef SEKISHO_REPORT_BAG_H
#define SEKISHO_REPORT_BAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { REPORT_KEY_MAX = 512, REPORT_PART_MAX = 128, REPORT_BAG_MAX = 8192 };

struct report_count {
	uint64_t lines; /* of the log */
	uint64_t times; /* events that they stand for: a merged line is sekisho.count of them */
	uint64_t up, down; /* bytes from the phone and to it */
	int64_t first, last; /* earliest and latest line, microseconds since the epoch */
};

struct report_entry {
	struct report_count count;
	uint64_t missed; /* lines that may have come before it was counted from zero again */
	uint64_t hash;
	char *key;
	char *note; /* more about it, as the last line said; NULL: nothing. Owned, set by report_entry_note() */
	void *data; /* data_size bytes of the bag's owner, zeroed at first */
};

struct report_bag {
	struct report_entry *entries;
	size_t used, room, most, data_size;
	uint32_t *slots; /* number of an entry and one, 0 is free */
	size_t slot_count;
	uint64_t seed[2], floor;
};

/* At most `most` entries (at least 2), each with `data_size` bytes of its owner's. Memory grows with use. 0 or -errno. */
int report_bag_open(struct report_bag *bag, size_t most, size_t data_size);
void report_bag_close(struct report_bag *bag); /* a zeroed bag is fine */

/* The entry of a key, made if needed; the pointer is good until the next one is made. NULL when out of memory. */
struct report_entry *report_bag_get(struct report_bag *bag, const char *key);
struct report_entry *report_bag_find(const struct report_bag *bag, const char *key);

void report_count_add(struct report_count *c, int64_t when, uint64_t times, uint64_t up, uint64_t down);
void report_entry_note(struct report_entry *e, const char *note); /* kept as it was when out of memory */

/* Sorts the entries as qsort(3) does; pointers to them are no longer good. */
void report_bag_sort(struct report_bag *bag, int (*compare)(const void *, const void *));
int report_most_times(const void *a, const void *b); /* then by lines, then by key */
int report_most_bytes(const void *a, const void *b);
int report_first_seen(const void *a, const void *b);
int report_by_key(const void *a, const void *b);

/* Keys of several parts: joins at most 4 of them, each shorter than REPORT_PART_MAX; reads one back. No part may hold the
 * separator, U+001F: text_safe() leaves none. Returns `out`. */
const char *report_key(char out[static REPORT_KEY_MAX], size_t count, const char *const *parts);
const char *report_part(const char *key, size_t number, char out[static REPORT_PART_MAX]);
/* Both parts of a key of two. */
void report_pair(const char *key, char first[static REPORT_PART_MAX], char second[static REPORT_PART_MAX]);

#endif

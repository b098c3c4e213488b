/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/cli/report_bag.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "common/array.h"

enum { SEPARATOR = '\x1f' };
static const char separators[] = {SEPARATOR, '\0'};

static uint64_t rotate(uint64_t x, unsigned by)
{
	return x << by | x >> (64 - by);
}

static void sip_round(uint64_t v[static 4])
{
	v[0] += v[1];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[0] = rotate(v[0], 32);
	v[2] += v[3];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[2] = rotate(v[2], 32);
}

/* SipHash-1-3 (Aumasson and Bernstein 2012) with a key of this run: nobody can choose keys that all fall together. */
static uint64_t hash_of(const struct report_bag *bag, const char *key)
{
	uint64_t v[4] = {bag->seed[0] ^ 0x736f6d6570736575, bag->seed[1] ^ 0x646f72616e646f6d, bag->seed[0] ^ 0x6c7967656e657261,
		bag->seed[1] ^ 0x7465646279746573};
	size_t size = strlen(key), left = size;
	uint64_t word;
	for (; left >= sizeof word; left -= sizeof word, key += sizeof word) {
		memcpy(&word, key, sizeof word);
		v[3] ^= word;
		sip_round(v);
		v[0] ^= word;
	}
	word = (uint64_t)size << 56;
	for (size_t i = 0; i < left; i++)
		word |= (uint64_t)(unsigned char)key[i] << (8 * i);
	v[3] ^= word;
	sip_round(v);
	v[0] ^= word;
	v[2] ^= 0xff;
	for (unsigned i = 0; i < 3; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

int report_bag_open(struct report_bag *bag, size_t most, size_t data_size)
{
	struct report_bag b = {.most = most, .data_size = data_size, .slot_count = 64};
	if (getrandom(b.seed, sizeof b.seed, 0) != sizeof b.seed)
		return -errno;
	b.slots = calloc(b.slot_count, sizeof *b.slots);
	if (!b.slots)
		return -ENOMEM;
	*bag = b;
	return 0;
}

static void entry_free(struct report_entry *e)
{
	free(e->key);
	free(e->note);
	free(e->data);
}

void report_bag_close(struct report_bag *bag)
{
	for (size_t i = 0; i < bag->used; i++)
		entry_free(&bag->entries[i]);
	free(bag->entries);
	free(bag->slots);
	*bag = (struct report_bag){0};
}

/* The slot of a key: its own, or the free one where it would be put. */
static uint32_t *slot_of(const struct report_bag *bag, uint64_t hash, const char *key)
{
	for (size_t i = hash & (bag->slot_count - 1);; i = (i + 1) & (bag->slot_count - 1)) {
		uint32_t *slot = &bag->slots[i];
		if (!*slot || (bag->entries[*slot - 1].hash == hash && !strcmp(bag->entries[*slot - 1].key, key)))
			return slot;
	}
}

static void slots_fill(struct report_bag *bag)
{
	memset(bag->slots, 0, bag->slot_count * sizeof *bag->slots);
	for (size_t i = 0; i < bag->used; i++)
		*slot_of(bag, bag->entries[i].hash, bag->entries[i].key) = (uint32_t)i + 1;
}

static int most_lines(const void *a, const void *b)
{
	const struct report_entry *x = a, *y = b;
	uint64_t m = x->count.lines + x->missed, n = y->count.lines + y->missed;
	return (m < n) - (m > n);
}

static void drop_half(struct report_bag *bag)
{
	qsort(bag->entries, bag->used, sizeof *bag->entries, most_lines);
	size_t keep = bag->most / 2;
	const struct report_entry *best = &bag->entries[keep];
	if (best->count.lines + best->missed > bag->floor)
		bag->floor = best->count.lines + best->missed;
	for (size_t i = keep; i < bag->used; i++)
		entry_free(&bag->entries[i]);
	bag->used = keep;
	slots_fill(bag);
}

static int make_room(struct report_bag *bag)
{
	if (bag->used == bag->most)
		drop_half(bag);
	struct report_entry *entries = array_room(bag->entries, &bag->room, bag->used, 1, sizeof *entries);
	if (!entries)
		return -ENOMEM;
	bag->entries = entries;
	if (2 * (bag->used + 1) > bag->slot_count) {
		uint32_t *slots = reallocarray(bag->slots, 2 * bag->slot_count, sizeof *slots);
		if (!slots)
			return -ENOMEM;
		bag->slots = slots;
		bag->slot_count *= 2;
		slots_fill(bag);
	}
	return 0;
}

struct report_entry *report_bag_find(const struct report_bag *bag, const char *key)
{
	uint32_t slot = *slot_of(bag, hash_of(bag, key), key);
	return slot ? &bag->entries[slot - 1] : NULL;
}

struct report_entry *report_bag_get(struct report_bag *bag, const char *key)
{
	struct report_entry e = {.hash = hash_of(bag, key)};
	uint32_t slot = *slot_of(bag, e.hash, key);
	if (slot)
		return &bag->entries[slot - 1];
	if (make_room(bag) < 0)
		return NULL;
	e.missed = bag->floor;
	e.key = strdup(key);
	e.data = bag->data_size ? calloc(1, bag->data_size) : NULL;
	if (!e.key || (bag->data_size && !e.data)) {
		entry_free(&e);
		return NULL;
	}
	*slot_of(bag, e.hash, key) = (uint32_t)bag->used + 1;
	bag->entries[bag->used] = e;
	return &bag->entries[bag->used++];
}

/* Numbers come from the lines: whatever stands there, the sum stays one that JSON can hold. */
static void add(uint64_t *sum, uint64_t n)
{
	if (__builtin_add_overflow(*sum, n, sum) || *sum > INT64_MAX)
		*sum = INT64_MAX;
}

void report_count_add(struct report_count *c, int64_t when, uint64_t times, uint64_t up, uint64_t down)
{
	if (!c->lines || when < c->first)
		c->first = when;
	if (!c->lines || when > c->last)
		c->last = when;
	c->lines++;
	add(&c->times, times);
	add(&c->up, up);
	add(&c->down, down);
}

void report_entry_note(struct report_entry *e, const char *note)
{
	if (e->note && !strcmp(e->note, note))
		return;
	char *copy = strdup(note);
	if (!copy)
		return;
	free(e->note);
	e->note = copy;
}

void report_bag_sort(struct report_bag *bag, int (*compare)(const void *, const void *))
{
	if (!bag->used)
		return;
	qsort(bag->entries, bag->used, sizeof *bag->entries, compare);
	slots_fill(bag);
}

int report_most_times(const void *a, const void *b)
{
	const struct report_entry *x = a, *y = b;
	if (x->count.times != y->count.times)
		return (x->count.times < y->count.times) - (x->count.times > y->count.times);
	if (x->count.lines != y->count.lines)
		return (x->count.lines < y->count.lines) - (x->count.lines > y->count.lines);
	return strcmp(x->key, y->key);
}

int report_most_bytes(const void *a, const void *b)
{
	const struct report_entry *x = a, *y = b;
	uint64_t m = x->count.up + x->count.down, n = y->count.up + y->count.down;
	return m != n ? (m < n) - (m > n) : report_most_times(a, b);
}

int report_first_seen(const void *a, const void *b)
{
	const struct report_entry *x = a, *y = b;
	if (x->count.first != y->count.first)
		return (x->count.first > y->count.first) - (x->count.first < y->count.first);
	return strcmp(x->key, y->key);
}

const char *report_key(char out[static REPORT_KEY_MAX], size_t count, const char *const *parts)
{
	size_t used = 0;
	for (size_t i = 0; i < count; i++) {
		size_t size = strnlen(parts[i], REPORT_PART_MAX - 1);
		memcpy(out + used, parts[i], size);
		used += size;
		out[used++] = SEPARATOR;
	}
	out[used ? used - 1 : 0] = '\0';
	return out;
}

const char *report_part(const char *key, size_t number, char out[static REPORT_PART_MAX])
{
	out[0] = '\0';
	for (; key && number; number--) {
		key = strchr(key, SEPARATOR);
		key += key != NULL;
	}
	if (key)
		snprintf(out, REPORT_PART_MAX, "%.*s", (int)strcspn(key, separators), key);
	return out;
}

void report_pair(const char *key, char first[static REPORT_PART_MAX], char second[static REPORT_PART_MAX])
{
	report_part(key, 0, first);
	report_part(key, 1, second);
}

int report_by_key(const void *a, const void *b)
{
	const struct report_entry *x = a, *y = b;
	return strcmp(x->key, y->key);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Open addressing with linear probing; a removal moves back what follows, so that there are no tombstones. */
#include "gateway/flow_known.h"

#include <errno.h>
#include <stdlib.h>

enum { SLOTS_LEAST = 256 };

struct flow_known {
	uint64_t *slots; /* 0: free */
	size_t size; /* a power of two, more than twice the count */
	size_t count;
};

static uint32_t mix(uint32_t hash, const void *bytes, size_t size)
{
	const uint8_t *b = bytes;
	for (size_t i = 0; i < size; i++)
		hash = (hash ^ b[i]) * UINT32_C(16777619); /* FNV-1a */
	return hash;
}

uint64_t flow_key(const struct flow_record *r)
{
	uint32_t hash = UINT32_C(2166136261);
	hash = mix(hash, r->source.addr.bytes, sizeof r->source.addr.bytes);
	hash = mix(hash, r->destination.addr.bytes, sizeof r->destination.addr.bytes);
	hash = mix(hash, &r->source.port, sizeof r->source.port);
	hash = mix(hash, &r->destination.port, sizeof r->destination.port);
	hash = mix(hash, &r->proto, sizeof r->proto);
	uint64_t key = (uint64_t)r->id << 32 | hash;
	return key ? key : 1;
}

struct flow_known *flow_known_new(void)
{
	struct flow_known *k = calloc(1, sizeof *k);
	if (!k)
		return NULL;
	k->slots = calloc(SLOTS_LEAST, sizeof *k->slots);
	k->size = SLOTS_LEAST;
	if (k->slots)
		return k;
	free(k);
	return NULL;
}

void flow_known_free(struct flow_known *k)
{
	if (!k)
		return;
	free(k->slots);
	free(k);
}

/* The kernel's id is as good as random already. */
static size_t home(const struct flow_known *k, uint64_t key)
{
	return (size_t)((key >> 32) ^ key) & (k->size - 1);
}

/* Where the key is, or the free slot where it would be. */
static size_t find(const struct flow_known *k, uint64_t key)
{
	size_t i = home(k, key);
	while (k->slots[i] && k->slots[i] != key)
		i = (i + 1) & (k->size - 1);
	return i;
}

static int grow(struct flow_known *k)
{
	struct flow_known larger = {.size = 2 * k->size};
	larger.slots = calloc(larger.size, sizeof *larger.slots);
	if (!larger.slots)
		return -ENOMEM;
	for (size_t i = 0; i < k->size; i++)
		if (k->slots[i])
			larger.slots[find(&larger, k->slots[i])] = k->slots[i];
	free(k->slots);
	k->slots = larger.slots;
	k->size = larger.size;
	return 0;
}

int flow_known_add(struct flow_known *k, uint64_t key)
{
	if (k->slots[find(k, key)])
		return 0;
	if (k->count >= FLOW_KNOWN_MAX || (2 * (k->count + 1) > k->size && grow(k) < 0))
		return -ENOMEM;
	k->slots[find(k, key)] = key;
	k->count++;
	return 1;
}

bool flow_known_has(const struct flow_known *k, uint64_t key)
{
	return k->slots[find(k, key)] != 0;
}

bool flow_known_remove(struct flow_known *k, uint64_t key)
{
	size_t hole = find(k, key), mask = k->size - 1;
	if (!k->slots[hole])
		return false;
	/* What lies behind may only be reached across the hole: it moves in unless its home is behind the hole. */
	for (size_t i = (hole + 1) & mask; k->slots[i]; i = (i + 1) & mask) {
		if (((i - home(k, k->slots[i])) & mask) < ((i - hole) & mask))
			continue;
		k->slots[hole] = k->slots[i];
		hole = i;
	}
	k->slots[hole] = 0;
	k->count--;
	return true;
}

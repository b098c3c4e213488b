/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Merges events that repeat: the first of its kind is logged at once, the rest of the same minute are counted and logged as one
 * with `sekisho.count`. Bounded: when the table is full, the oldest entry is closed early, so nothing is dropped in silence.
 */
#ifndef SEKISHO_MERGE_H
#define SEKISHO_MERGE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/log.h"

struct merge;

enum { MERGE_SECONDS = 60, MERGE_THIN_SECONDS = 600, MERGE_KEY_MAX = 96, MERGE_ENTRIES_MAX = 8192 };

int merge_new(struct log *log, struct merge **out);

/* Writes what is still being counted, then frees. */
void merge_free(struct merge *m);

/*
 * Counts one more of what `key` (`size` bytes, at most MERGE_KEY_MAX) names. Returns true when it is the first: the caller then
 * builds the event and gives it to merge_first(), which logs it and keeps it as the pattern for the later ones.
 */
bool merge_count(struct merge *m, const void *key, size_t size, int64_t now);

/* Logs the first event (stolen) and remembers it under `key`. From `*owed`, unless NULL, each line takes what it counts as soon
 * as it is written; it must outlive the merge. */
void merge_first(struct merge *m, const void *key, size_t size, enum log_file file, int64_t now, json_t *event, bool durable,
	int64_t *owed);

/* Events that are counted and not yet written, of those that are `owed`. */
uint64_t merge_pending(const struct merge *m, const int64_t *owed);

/* Counts for MERGE_THIN_SECONDS, so that fewer lines come of it; or for MERGE_SECONDS, as at first. */
void merge_thin(struct merge *m, bool thin);

/* Writes the counts of entries that are old enough. */
void merge_tick(struct merge *m, int64_t now);

#endif

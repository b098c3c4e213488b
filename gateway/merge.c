/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/merge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "gateway/event.h"
#include "gateway/index.h"

struct entry {
	uint8_t key[MERGE_KEY_MAX]; /* zero-padded */
	int64_t first;
	int64_t last;
	uint64_t count; /* beyond the first */
	enum log_file file;
	json_t *pattern;
	int64_t *owed; /* NULL: nobody keeps count */
	struct entry *prev, *next;
};

struct merge {
	struct log *log;
	int64_t usec; /* how long an entry counts */
	struct entry *entries; /* in order of their first event */
	unsigned count;
	struct index by_key;
};

static int compare(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	return memcmp(x->key, y->key, sizeof x->key);
}

int merge_new(struct log *log, struct merge **out)
{
	struct merge *m = calloc(1, sizeof *m);
	if (!m)
		return -ENOMEM;
	m->log = log;
	merge_thin(m, false);
	m->by_key.compare = compare;
	*out = m;
	return 0;
}

static void entry_close(struct merge *m, struct entry *e)
{
	index_remove(&m->by_key, e);
	DL_DELETE(m->entries, e);
	m->count--;
	if (e->count) {
		event_number(e->pattern, "sekisho.count", (int64_t)e->count);
		event_time(e->pattern, "event.start", e->first);
		event_time(e->pattern, "event.end", e->last);
		if (log_write(m->log, e->file, e->last, e->pattern, false) == 0 && e->owed)
			*e->owed -= (int64_t)e->count;
	} else {
		json_decref(e->pattern);
	}
	free(e);
}

void merge_free(struct merge *m)
{
	if (!m)
		return;
	while (m->entries)
		entry_close(m, m->entries);
	free(m);
}

static struct entry *entry_find(struct merge *m, const void *key, size_t size)
{
	struct entry like = {0};
	memcpy(like.key, key, size < sizeof like.key ? size : sizeof like.key);
	return index_find(&m->by_key, &like);
}

/* Its time is over; or the clock was set back, and nobody knows. */
static bool is_old(const struct merge *m, const struct entry *e, int64_t now)
{
	return now - e->first >= m->usec || now < e->first;
}

bool merge_count(struct merge *m, const void *key, size_t size, int64_t now)
{
	struct entry *e = entry_find(m, key, size);
	if (e && is_old(m, e, now)) {
		entry_close(m, e);
		e = NULL;
	}
	if (!e)
		return true;
	e->count++;
	e->last = now;
	return false;
}

void merge_first(struct merge *m, const void *key, size_t size, enum log_file file, int64_t now, json_t *event, bool durable,
	int64_t *owed)
{
	json_t *pattern = event ? json_deep_copy(event) : NULL;
	if (log_write(m->log, file, now, event, durable) == 0 && owed)
		--*owed;
	struct entry *e = pattern ? calloc(1, sizeof *e) : NULL;
	if (!e) {
		json_decref(pattern);
		return; /* without memory each one is logged singly */
	}
	if (m->count >= MERGE_ENTRIES_MAX)
		entry_close(m, m->entries);
	memcpy(e->key, key, size < sizeof e->key ? size : sizeof e->key);
	e->first = e->last = now;
	e->file = file;
	e->owed = owed;
	e->pattern = pattern;
	if (index_add(&m->by_key, e) < 0) {
		json_decref(pattern);
		free(e);
		return;
	}
	DL_APPEND(m->entries, e);
	m->count++;
}

uint64_t merge_pending(const struct merge *m, const int64_t *owed)
{
	const struct entry *e;
	uint64_t count = 0;
	DL_FOREACH(m->entries, e)
	if (e->owed == owed)
		count += e->count;
	return count;
}

void merge_thin(struct merge *m, bool thin)
{
	m->usec = (thin ? MERGE_THIN_SECONDS : MERGE_SECONDS) * INT64_C(1000000);
}

void merge_tick(struct merge *m, int64_t now)
{
	struct entry *e, *next;
	DL_FOREACH_SAFE(m->entries, e, next)
	{
		if (!is_old(m, e, now))
			break; /* in order of their first event */
		entry_close(m, e);
	}
}

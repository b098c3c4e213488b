/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Finds items by key: a thin wrapper around tsearch(3), whose trees are balanced. Items stay their owner's, who also keeps the
 * list that is walked. An item's key must not change while it is in.
 */
#ifndef SEKISHO_INDEX_H
#define SEKISHO_INDEX_H

typedef int (*index_compare)(const void *a, const void *b);

struct index {
	void *root;
	index_compare compare; /* of two items' keys, as for qsort(3) */
};

/* 0, -ENOMEM, or -EEXIST when an item with this key is in. */
int index_add(struct index *x, void *item);

/* The item whose key equals that of `like` (an item with only its key set), or NULL. */
void *index_find(const struct index *x, const void *like);

/* Nothing happens when no such item is in. */
void index_remove(struct index *x, const void *item);

/* Takes all out, without looking at them: their keys may be gone already. */
void index_clear(struct index *x);

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/index.h"

#include <errno.h>
#include <search.h>
#include <stddef.h>

int index_add(struct index *x, void *item)
{
	void **node = tsearch(item, &x->root, x->compare);
	if (!node)
		return -ENOMEM;
	return *node == item ? 0 : -EEXIST;
}

void *index_find(const struct index *x, const void *like)
{
	void **node = tfind(like, &x->root, x->compare);
	return node ? *node : NULL;
}

void index_remove(struct index *x, const void *item)
{
	(void)tdelete(item, &x->root, x->compare);
}

static void keep_item(void *item)
{
	(void)item;
}

void index_clear(struct index *x)
{
	tdestroy(x->root, keep_item);
	x->root = NULL;
}

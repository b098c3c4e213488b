/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/array.h"

#include <stdlib.h>

enum { FIRST_ROOM = 16 };

void *array_room(void *items, size_t *room, size_t used, size_t more, size_t size)
{
	size_t wanted = *room ? *room : FIRST_ROOM, needed;
	if (__builtin_add_overflow(used, more, &needed))
		return NULL;
	while (wanted < needed)
		if (__builtin_mul_overflow(wanted, 2, &wanted))
			return NULL;
	if (wanted == *room)
		return items;
	void *grown = reallocarray(items, wanted, size);
	if (grown)
		*room = wanted;
	return grown;
}

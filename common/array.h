/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Arrays on the heap that grow by doubling. */
#ifndef SEKISHO_ARRAY_H
#define SEKISHO_ARRAY_H

#include <stddef.h>

/*
 * The array with room for `more` items of `size` bytes behind the `used` ones: `items` itself, or where realloc(3) has moved it.
 * `room` is how many it holds (0 with items NULL at first) and is kept up to date. NULL: no memory, and both are as they were.
 */
void *array_room(void *items, size_t *room, size_t used, size_t more, size_t size);

#endif

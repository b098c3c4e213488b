/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/clock.h"

#include <stdlib.h>

#include "common/text.h"

int64_t clock_offset(void)
{
	enum { TRIES = 5, NARROW_USEC = 1000 };
	int64_t best = INT64_MAX, offset = 0;
	for (unsigned i = 0; i < TRIES && best > NARROW_USEC; i++) {
		int64_t before = time_boot();
		int64_t real = time_now();
		int64_t width = time_boot() - before;
		if (width >= best)
			continue;
		best = width;
		offset = real - before - width / 2;
	}
	return offset;
}

void clock_watch_start(struct clock_watch *w, int64_t offset)
{
	w->offset = offset;
}

bool clock_watch_look(struct clock_watch *w, int64_t offset, int64_t *step)
{
	int64_t moved = offset - w->offset;
	w->offset = offset;
	if (llabs(moved) < CLOCK_STEP_USEC)
		return false;
	*step = moved;
	return true;
}

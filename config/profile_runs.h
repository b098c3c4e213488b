/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The two ends of the sweep in profile_sweep.c: addresses become small numbers before it (ranks: indexes into the sorted list of
 * all addresses where a box begins or has just ended), and runs become boxes after it.
 */
#ifndef SEKISHO_PROFILE_RUNS_H
#define SEKISHO_PROFILE_RUNS_H

#include "config/profile_sweep.h"

#define RANK_END UINT32_MAX /* behind the last address of the family */

struct positions {
	struct addr *address; /* sorted, each once; free(3) */
	size_t count;
	uint8_t family;
};

struct ranked_box {
	const struct sweep_box *source;
	uint32_t first, end; /* ranks; half-open */
};

/* Numbers the addresses of all boxes of a family. 0 or -ENOMEM; the caller frees `*boxes` and out->address in any case. */
int positions_rank(const struct sweep_box *all, size_t count, uint8_t family, struct positions *out, struct ranked_box **boxes,
	size_t *ranked);

/* Addresses for which a range of protocols and a range of ports are allowed. */
struct run {
	uint32_t first, end; /* ranks; half-open */
	uint8_t proto_first, proto_last;
	uint16_t port_first, port_last;
};

struct runs {
	struct run *run; /* free(3) */
	size_t count, room;
};

/* 0, -ENOMEM, or -E2BIG when there are so many that the finished profile must be too large. */
int runs_add(struct runs *r, const struct run *run);

/* Joins protocols, sorts, turns ranks into addresses and appends to `out`; changes `r`. 0, -ENOMEM or -E2BIG. */
int runs_finish(struct runs *r, const struct positions *p, struct profile_boxes *out);

#endif

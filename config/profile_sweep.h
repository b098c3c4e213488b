/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Geometry behind a profile: the union of allowed boxes minus the union of denied ones, cut into disjoint boxes in one way that
 * depends on the resulting set only. For each (protocol, port) the longest runs of addresses; then, where runs are equal,
 * protocols with the same ports are joined, and ports that follow each other.
 *
 * A sweep over the addresses, once for each range of protocols that the rules tell apart: n log n in the number of boxes, plus
 * the ports that change at each address (compare de Berg et al., Computational Geometry, 3rd ed., chapter 2).
 */
#ifndef SEKISHO_PROFILE_SWEEP_H
#define SEKISHO_PROFILE_SWEEP_H

#include "config/profile.h"

struct sweep_box {
	const struct profile_box *box;
	bool deny;
};

struct profile_boxes {
	struct profile_box *box; /* free(3) */
	size_t count;
};

/* Appends the result for one family (4 or 6), sorted; boxes of the other are left out. 0, -ENOMEM, or -E2BIG when there would be
 * more than PROFILE_BOXES_MAX: `out` is then unchanged. */
int profile_sweep(const struct sweep_box *all, size_t count, uint8_t family, struct profile_boxes *out);

/* Both families as a profile. 0, -ENOMEM or -E2BIG; the caller frees it. */
int profile_of_boxes(const struct sweep_box *all, size_t count, struct profile **out);

#endif

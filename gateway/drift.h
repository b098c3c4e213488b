/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Do the ACL files that lie there differ from those in force? Asked often, hence cheap: files are read only when one of them
 * looks changed (size, inode, times) since the last look. */
#ifndef SEKISHO_DRIFT_H
#define SEKISHO_DRIFT_H

#include <stdbool.h>
#include <stdint.h>

#include "config/policy.h"

/* The last look; all zero before the first. */
struct drift {
	bool known;
	uint64_t generation;
	unsigned char stamp[POLICY_SHA256];
	unsigned differing;
};

/*
 * How many of the set's files below `dir` are others than in `p`, the set of `generation`: changed, added, removed, or
 * unreadable. What would never be read as part of a set does not count. 0 with the number, or -errno when `dir` cannot be looked
 * through.
 */
int drift_look(struct drift *d, const char *dir, const struct policy *p, uint64_t generation, unsigned *differing);

#endif

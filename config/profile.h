/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A subject's rules in normal form: the allowed set minus the denied set as sorted, disjoint boxes of address range x
 * protocol range x port range. Equal rule sets have equal boxes whatever files they come from, so sessions can share one
 * compiled profile and comparison is a memcmp(). This is what nftables gets (gateway/firewall.h).
 */
#ifndef SEKISHO_PROFILE_H
#define SEKISHO_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"
#include "config/policy.h"

enum { PROFILE_BOXES_MAX = 65536 };

struct profile_box {
	struct addr first, last; /* inclusive, one family; IPv4 before IPv6 */
	uint8_t proto_first, proto_last;
	uint16_t port_first, port_last; /* 0..65535 for protocols without ports */
};

struct profile {
	size_t count;
	uint64_t hash; /* of the boxes, for a quick difference; equality is profile_equal() */
	struct profile_box *boxes; /* disjoint; sorted by family, first, proto_first, port_first; padding bytes zero */
};

/* From the rules that hold at `at`. 0, -ENOMEM, or -E2BIG beyond PROFILE_BOXES_MAX. The caller frees it. */
int profile_compile(const struct policy *p, const struct subject *s, int64_t at, struct profile **out);
void profile_free(struct profile *p); /* NULL is fine */

/* What `a` allows and `b` does not. 0, -ENOMEM or -E2BIG, `out` untouched; the caller frees it. */
int profile_minus(const struct profile *a, const struct profile *b, struct profile **out);
bool profile_equal(const struct profile *a, const struct profile *b);

/* Does a box contain the target? The same answer as policy_decide(), by construction and by test. */
bool profile_allows(const struct profile *p, const struct target *t);

#endif

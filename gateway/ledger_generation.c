/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/ledger_internal.h"

int ledger_generation_next(struct ledger *l, uint64_t *out)
{
	int64_t generation = 0;
	int r = ledger_begin(l);
	if (r < 0)
		return r;
	r = ledger_counter_get(l, "acl-generation", 0, &generation);
	if (r == 0)
		r = ledger_counter_set(l, "acl-generation", ++generation);
	r = ledger_finish(l, r);
	if (r == 0)
		*out = (uint64_t)generation;
	return r;
}

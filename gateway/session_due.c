/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/session.h"

enum session_end session_due(const struct session_times *t, int64_t now)
{
	int64_t idle = t->active + t->idle_seconds * INT64_C(1000000);
	int64_t first = t->expires;
	enum session_end reason = END_EXPIRED;
	if (t->device_until && t->device_until <= first) {
		first = t->device_until;
		reason = END_PERIOD;
	}
	if (idle < first) {
		first = idle;
		reason = END_IDLE;
	}
	return now >= first ? reason : END_NONE;
}

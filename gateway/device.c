/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/device.h"

#include <string.h>

const char *device_judge(const struct device *d, int64_t now)
{
	switch (d->status) {
	case DEVICE_ACTIVE:
		break;
	case DEVICE_SUSPENDED:
		return "suspended";
	case DEVICE_LOST:
		return "lost";
	default:
		return "revoked";
	}
	if (d->valid_from && now < d->valid_from)
		return "not-yet-valid";
	if (d->valid_until && now >= d->valid_until)
		return "expired";
	return NULL;
}

bool device_permits(const struct device *d, const char *user, char (*groups)[USER_NAME_MAX + 1], unsigned group_count)
{
	for (unsigned i = 0; i < d->user_count; i++) {
		const char *name = d->users[i];
		if (*name != '@' && !strcmp(name, user))
			return true;
		for (unsigned j = 0; *name == '@' && j < group_count; j++)
			if (!strcmp(name + 1, groups[j]))
				return true;
	}
	return false;
}

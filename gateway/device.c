/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/device.h"

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

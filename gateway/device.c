/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/device.h"

#include <string.h>

static const char *judge_key(const struct device *d, int64_t now)
{
	switch (d->key_use) {
	case KEY_CURRENT:
		return NULL;
	case KEY_NEXT:
		return now < d->next_until ? NULL : "key-lapsed";
	case KEY_LAPSED:
		return "key-lapsed";
	default:
		return "key-retired";
	}
}

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
	const char *key = judge_key(d, now);
	if (key)
		return key;
	if (d->valid_from && now < d->valid_from)
		return "not-yet-valid";
	if (d->valid_until && now >= d->valid_until)
		return "expired";
	return NULL;
}

bool device_permits_subject(const struct device *d, const struct subject *s)
{
	for (unsigned i = 0; i < d->user_count; i++) {
		const char *name = d->users[i];
		if (*name != '@' && !strcmp(name, s->user))
			return true;
		for (size_t j = 0; *name == '@' && j < s->group_count; j++)
			if (!strcmp(name + 1, s->groups[j]))
				return true;
	}
	return false;
}

bool device_permits(const struct device *d, const char *user, char (*groups)[USER_NAME_MAX + 1], unsigned group_count)
{
	const char *names[GROUPS_MAX];
	for (unsigned i = 0; i < group_count && i < GROUPS_MAX; i++)
		names[i] = groups[i];
	struct subject s = {.user = user, .groups = names, .group_count = group_count < GROUPS_MAX ? group_count : GROUPS_MAX};
	return device_permits_subject(d, &s);
}

bool device_is_shared(const struct device *d)
{
	return d->user_count > 1 || (d->user_count == 1 && d->users[0][0] == '@');
}

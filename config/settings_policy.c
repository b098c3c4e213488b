/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The ACLs as the settings see them. In a file of its own: sekisho-auth reads settings but no ACLs, nor what reading them needs.
 */
#include <string.h>

#include "config/settings.h"

struct policy_context settings_policy_context(const struct settings *s, struct prefix room[static NETWORKS_MAX + 2])
{
	size_t count = s->network_count;

	memcpy(room, s->networks, count * sizeof *room);
	room[count++] = s->tunnel4;
	if (s->tunnel6.addr.family)
		room[count++] = s->tunnel6;
	return (struct policy_context){.internal = room, .internal_count = count};
}

int settings_policy_load(const struct settings *s, const char *dir, int64_t now, struct policy **out, struct diag *d)
{
	struct prefix room[NETWORKS_MAX + 2];
	struct policy_context context = {0};

	if (s)
		context = settings_policy_context(s, room);
	context.now = now;
	return policy_load(dir, &context, out, d);
}

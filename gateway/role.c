/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/role.h"

#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/paths.h"
#include "common/text.h"

enum { PEER_GROUPS_MAX = 65536 }; /* NGROUPS_MAX of credentials(7) */

static const struct {
	const char *name, *group;
} roles[ROLES] = {
	[ROLE_NONE] = {"none", NULL},
	[ROLE_LOGS] = {"logs", GROUP_LOGS},
	[ROLE_DESK] = {"desk", GROUP_DESK},
	[ROLE_ADMIN] = {"admin", GROUP_ADMIN},
};

const char *role_name(enum role r)
{
	return (unsigned)r < ROLES ? roles[r].name : roles[ROLE_NONE].name;
}

const char *role_group(enum role r)
{
	return (unsigned)r < ROLES ? roles[r].group : NULL;
}

static bool is_among(gid_t gid, const gid_t *groups, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (groups[i] == gid)
			return true;
	return false;
}

/* The peer's supplementary groups in new memory, or NULL. */
static gid_t *groups_of(int fd, size_t *count)
{
	socklen_t size = PEER_GROUPS_MAX * sizeof(gid_t);
	gid_t *groups = malloc(size);
	if (groups && getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) < 0) {
		free(groups);
		groups = NULL;
	}
	*count = groups ? size / sizeof *groups : 0;
	return groups;
}

static enum role role_by_groups(int fd, const struct ucred *peer)
{
	size_t count;
	gid_t *groups = groups_of(fd, &count);
	enum role r = ROLE_ADMIN;
	for (; r > ROLE_NONE; r--) {
		const struct group *g = getgrnam(roles[r].group);
		if (g && (g->gr_gid == peer->gid || is_among(g->gr_gid, groups, count)))
			break;
	}
	free(groups);
	return r;
}

struct actor role_of_peer(int fd, const struct ucred *peer)
{
	struct actor a = {.uid = peer->uid, .role = peer->uid == 0 ? ROLE_ADMIN : role_by_groups(fd, peer)};
	const struct passwd *pw = getpwuid(peer->uid);
	if (pw && text_name_valid(pw->pw_name))
		snprintf(a.name, sizeof a.name, "%s", pw->pw_name);
	else
		snprintf(a.name, sizeof a.name, "%u", peer->uid);
	return a;
}

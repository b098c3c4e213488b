/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "auth/groups.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { ENTRY_FIRST = 1024, ENTRY_MOST = 16 << 20 }; /* bytes of one entry: a group may have very many members */

/* glibc answers these for "no such entry" (getpwnam(3), getgrgid(3)). */
static bool is_missing(int err)
{
	return err == 0 || err == ENOENT || err == ESRCH;
}

/* 1 and the primary group, 0 when NSS does not know the user, or -errno. */
static int primary_group(const char *user, gid_t *gid)
{
	int err = ERANGE;
	for (size_t size = ENTRY_FIRST; err == ERANGE && size <= ENTRY_MOST; size *= 2) {
		struct passwd entry, *found = NULL;
		char *room = malloc(size);
		if (!room)
			return -ENOMEM;
		err = getpwnam_r(user, &entry, room, size, &found);
		if (found)
			*gid = found->pw_gid;
		free(room);
		if (found)
			return 1;
	}
	return is_missing(err) ? 0 : -err;
}

/* 1 and the name, 0 when the group has none that could be used, or -errno. */
static int group_name(gid_t gid, char name[static USER_NAME_MAX + 1])
{
	int err = ERANGE, used = 0;
	for (size_t size = ENTRY_FIRST; err == ERANGE && size <= ENTRY_MOST; size *= 2) {
		struct group entry, *found = NULL;
		char *room = malloc(size);
		if (!room)
			return -ENOMEM;
		err = getgrgid_r(gid, &entry, room, size, &found);
		if (found && text_name_valid(found->gr_name)) {
			memcpy(name, found->gr_name, strlen(found->gr_name) + 1);
			used = 1;
		}
		free(room);
	}
	return is_missing(err) ? used : -err;
}

int groups_of(const char *user, char (**names)[USER_NAME_MAX + 1], uint16_t *count)
{
	gid_t primary = 0, gids[GROUPS_MAX];
	int found = GROUPS_MAX, err = primary_group(user, &primary);
	uint16_t used = 0;
	if (err < 0)
		return err;
	if (err == 0)
		found = 0;
	else if (getgrouplist(user, primary, gids, &found) < 0)
		return -E2BIG;
	char(*list)[USER_NAME_MAX + 1] = found ? calloc((size_t)found, sizeof *list) : NULL;
	if (found && !list)
		return -ENOMEM;
	for (int i = 0; i < found; i++) {
		err = group_name(gids[i], list[used]);
		if (err < 0) {
			free(list);
			return err;
		}
		used = (uint16_t)(used + err);
	}
	*names = list;
	*count = used;
	return 0;
}

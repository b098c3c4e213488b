/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "auth/locked.h"

#include <errno.h>
#include <shadow.h>
#include <stdlib.h>
#include <string.h>

#include "common/secret.h"

enum { ENTRY_FIRST = 1024, ENTRY_MOST = 1 << 20 }; /* bytes of one entry */

bool locked_field(const char *password)
{
	const char *hash = password + strspn(password, "!");
	return hash > password && *hash && *hash != '*';
}

int locked_account(const char *user)
{
	int err = ERANGE;
	for (size_t size = ENTRY_FIRST; err == ERANGE && size <= ENTRY_MOST; size *= 2) {
		struct spwd entry, *found = NULL;
		char *room = calloc(1, size);
		if (!room)
			return -ENOMEM;
		err = getspnam_r(user, &entry, room, size, &found);
		bool locked = found && found->sp_pwdp && locked_field(found->sp_pwdp);
		secret_wipe(room, size);
		free(room);
		if (found)
			return locked;
	}
	/* glibc answers these for "no such entry", as with getpwnam(3). */
	return err == 0 || err == ENOENT || err == ESRCH ? 0 : -err;
}

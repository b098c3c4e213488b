/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which part of the file system a program still sees, once it has begun to listen to strangers (landlock(7)). */
#ifndef SEKISHO_FENCE_H
#define SEKISHO_FENCE_H

#include <stdbool.h>
#include <stddef.h>

struct fence_place {
	const char *path; /* of a folder, which may be missing if `optional` */
	bool write; /* below it files may also be made, written, renamed and removed; none may be executed, no device made */
	bool optional;
};

/* Has this kernel what it takes? Debian's have. */
bool fence_possible(void);

/*
 * From now on, for this process and all that it starts: files below `places` may be opened, all others may not; no TCP port may
 * be bound or connected to (where the kernel can forbid that, from 6.7 on); no process from before may be sent a signal, no
 * abstract Unix socket of theirs reached (from 6.12 on). What is open stays open. Sets no_new_privs, which
 * landlock_restrict_self(2) demands. A kernel without Landlock is said and accepted, since the programs' users, units and filters
 * hold without it. 0 or -errno with `why`.
 */
int fence_close(const struct fence_place *places, size_t count, char *why, size_t why_size);

#endif

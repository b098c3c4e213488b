/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the portal gives up before it reads the first byte of a client: root, every capability, new privileges, core dumps, all
 * but a few system calls (seccomp(2)), and, where the kernel has it, all of the file system but what a reload reads (landlock(7)).
 */
#ifndef SEKISHO_SANDBOX_H
#define SEKISHO_SANDBOX_H

#include <stddef.h>

/* First of all: closes what nobody meant to hand over, all but standard streams and sd_listen_fds(3). 0 or -errno with `why`. */
int sandbox_close_inherited(char *why, size_t why_size);

/*
 * If started as root, becomes `user` with that user's groups (one of them may ask sekisho-auth). Then clears all capabilities,
 * sets no_new_privs, forbids being traced or dumped, and limits descriptors to `descriptors`. 0 or -errno with a sentence in
 * `why`.
 */
int sandbox_drop(const char *user, unsigned descriptors, char *why, size_t why_size);

/*
 * Locks the process in: files below PATH_CONFIG_DIR and the time zones' may be opened for reading and nothing else, only Unix
 * sockets may be made, system calls outside the list end the process. A kernel without Landlock is said and accepted; without
 * seccomp it is an error. 0 or -errno with `why`.
 */
int sandbox_lock(char *why, size_t why_size);

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What `sekisho setup` proposes, from what this machine knows of itself. Each writes a text of at most `size` bytes, "" when
 * there is nothing good to propose. */
#ifndef SEKISHO_GUESS_H
#define SEKISHO_GUESS_H

#include <stddef.h>

/* The private networks (RFC 1918, RFC 4193) that this machine is connected to, parted by spaces. */
void guess_internal(char *out, size_t size);

/* The name servers of /etc/resolv.conf, parted by spaces; not those on this machine itself, which phones cannot ask. */
void guess_resolvers(char *out, size_t size);

/* A unique local /64 with a random global ID (RFC 4193 section 3.2). */
void guess_network6(char *out, size_t size);

#endif

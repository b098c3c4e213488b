/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The gateway's own keys beside the one that it runs with: the next one, which `sekisho gateway-key` prepared and phones can be
 * given tunnels for, and the former one, which is kept to go back to. They are files of the administrator's; the gateway looks at
 * them when somebody asks.
 */
#ifndef SEKISHO_NEXTKEY_H
#define SEKISHO_NEXTKEY_H

#include <stdbool.h>
#include <stddef.h>

#include "gateway/gateway.h"

/* The public half of the next key. 0; -ENOENT when none is prepared; -errno with `why`. */
int nextkey_public(struct key *out, char *why, size_t why_size);

/* Is the key of the file another one than the gateway runs with? Then it wants to be restarted. */
bool nextkey_switched(const struct gateway *g);

/* A sentence for `status` about a change of keys that is under way. False when there is none. */
bool nextkey_notice(struct gateway *g, char *text, size_t size);

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "gateway/tunnel_backend.h"

struct tunnel_peer *tunnel_dump_add(struct tunnel_dump *d)
{
	struct tunnel_peer *peers = array_room(d->peers, &d->room, d->count, 1, sizeof *peers);
	if (!peers)
		return NULL;
	d->peers = peers;
	memset(&d->peers[d->count], 0, sizeof *d->peers);
	return &d->peers[d->count++];
}

void tunnel_dump_allow(struct tunnel_peer *p, const struct addr *a, unsigned bits)
{
	struct addr *at = a->family == 4 ? &p->v4 : &p->v6;

	if (!at->family && bits == 8 * addr_size(a))
		*at = *a;
	else
		p->extra_addresses = true;
}

void tunnel_dump_free(struct tunnel_dump *d)
{
	free(d->peers);
	memset(d, 0, sizeof *d);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/place.h"

#include <string.h>

#include "common/say.h"
#include "common/secret.h"
#include "gateway/peer.h"
#include "gateway/session.h"

bool place_judge(struct gateway *g, const struct device *d, const struct addr *outer, struct line_ref *line)
{
	struct session *s = session_by_device(g, d->id);
	if (s && !session_from(g, s, outer, line))
		session_end_misplaced(g, s, line);
	*line = (struct line_ref){0};
	for (unsigned i = 0; i < d->user_count; i++) {
		/* Of a group nobody knows yet who comes: whom no file names may come from wherever the class may. A name that
		 * begins with '@' is no file's. */
		struct subject subject = {.user = d->users[i], .device_class = d->device_class};
		if (policy_from(g->policy, &subject, outer, line))
			return true;
	}
	return false;
}

void place_leave(struct gateway *g, const struct device *d)
{
	int r = peer_remove(g, d, session_end_name(END_NETWORK));
	if (r < 0)
		say_warning("cannot take device d%u out of WireGuard: %s; trying again", d->id, strerror(-r));
}

static void look(struct gateway *g, struct peer *peer)
{
	struct device d;
	struct line_ref line;
	struct addr outer = peer->endpoint.addr;
	if (ledger_device_by_id(g->ledger, peer->device, &d) < 0)
		return;
	secret_wipe(&d.preshared, sizeof d.preshared);
	peer->place = outer;
	peer->judged_by = g->generation;
	if (!place_judge(g, &d, &outer, &line))
		place_leave(g, &d);
}

void places_look(struct gateway *g)
{
	struct peer *peer, *next;
	for (peer = peer_next(g, NULL); peer; peer = next) {
		next = peer_next(g, peer);
		if (peer->endpoint.addr.family &&
			(peer->judged_by != g->generation || !addr_equal(&peer->place, &peer->endpoint.addr)))
			look(g, peer);
	}
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * May a device be where it comes from? The `from` statements of the ACL files, asked at each handshake, whenever a device's outer
 * address has moved, and after other rules were applied. Before a login nobody knows which of its users will come: the device is
 * let in if any one of them may come from there, by the file of its class and that user's own; groups count from the login on. A
 * device for a group is let in from wherever the file of its class permits.
 */
#ifndef SEKISHO_PLACE_H
#define SEKISHO_PLACE_H

#include <stdbool.h>

#include "gateway/gateway.h"

/*
 * Ends the device's session if its rules do not permit `outer`. True when the device may stay in the tunnel or enter it; false
 * with the line that bars its last user (file NULL when it is nobody's device).
 */
bool place_judge(struct gateway *g, const struct device *d, const struct addr *outer, struct line_ref *line);

/* Takes a device out of the tunnel that may not be where it is. */
void place_leave(struct gateway *g, const struct device *d);

/* Judges every device in the tunnel whose outer address has not been judged yet, or not by the ACLs in force. */
void places_look(struct gateway *g);

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What event*.c share among themselves and with access_line.c, which composes the same values. */
#ifndef SEKISHO_EVENT_INTERNAL_H
#define SEKISHO_EVENT_INTERNAL_H

#include <stdbool.h>

#include "gateway/event.h"

/* "tcp", or NULL for what has no name. */
const char *event_transport(uint8_t proto);

bool event_has_ports(uint8_t proto);

/* False where there is none. */
enum { COMMUNITY_ID_TEXT = 2 + 28 + 1 };
bool event_community_id(
	uint8_t proto, const struct endpoint *source, const struct endpoint *destination, char text[static COMMUNITY_ID_TEXT]);

/* "users/t-yamada.acl:3". Returns `text`. */
enum { EVENT_RULE_TEXT = 256 };
const char *event_rule_format(const char *file, unsigned line, char text[static EVENT_RULE_TEXT]);

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What event.c and event_flow.c share. */
#ifndef SEKISHO_EVENT_INTERNAL_H
#define SEKISHO_EVENT_INTERNAL_H

#include "gateway/event.h"

/* Puts an address at `path` (NULL: nowhere else) and into related.ip; nothing for family 0. */
void event_address(json_t *e, const char *path, const struct addr *a);

#endif

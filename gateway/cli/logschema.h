/* SPDX-License-Identifier: GPL-3.0-or-later */
/* share/log-schema.json within the program: which events and reasons there are, so that no table of ours goes stale. */
#ifndef SEKISHO_LOGSCHEMA_H
#define SEKISHO_LOGSCHEMA_H

#include <jansson.h>

/* The schema as it was when the program was built; NULL when out of memory. The caller frees it. */
json_t *logschema_load(void);

#endif

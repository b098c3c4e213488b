/* SPDX-License-Identifier: GPL-3.0-or-later */
/* JSON that may hold a preshared key: memory that jansson frees is wiped first. */
#ifndef SEKISHO_JSON_WIPE_H
#define SEKISHO_JSON_WIPE_H

/* To be called before any JSON is made. Texts of json_dumps(3) can still be freed with free(3). */
void json_wipe_start(void);

#endif

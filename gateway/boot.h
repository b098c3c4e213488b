/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Has the machine been started anew since the gateway last ran? The kernel gives every boot a random name
 * (/proc/sys/kernel/random/boot_id, random(4)); the gateway keeps the name of the boot it last ran in beside the ledger. A
 * missing or damaged note counts as another boot.
 */
#ifndef SEKISHO_BOOT_H
#define SEKISHO_BOOT_H

#include <stdbool.h>

/* Was the last note made in this boot? */
bool boot_same(void);

/* Notes this boot, on disk when it returns 0; else -errno, and the old note stays. */
int boot_note(void);

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Devices as a table of text: what `device list --csv` writes is what `device import` reads. Columns are found by their names, in
 * any order; those that only a gateway can know (id, addresses, when it was seen) are passed over.
 */
#ifndef SEKISHO_CLI_DEVICE_CSV_H
#define SEKISHO_CLI_DEVICE_CSV_H

#include <jansson.h>

#include "common/diag.h"

/* Writes an array of DEVICE (gateway/control.h) to standard output. An exit code. */
int device_csv_print(const json_t *rows);

/*
 * Reads a table: an array of what device-add takes, without keys where the column public_key is empty, each with "row", the
 * number of its line. NULL when there are mistakes: all of them are in `d`. `text` has `size` bytes and room for one more, and is
 * cut up. `required`: the mask of `device-form`.
 */
json_t *device_csv_read(const char *name, char *text, size_t size, unsigned required, struct diag *d);

#endif

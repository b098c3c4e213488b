/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Takes the files of a generation out of the archive, to look at them or to begin again from there. */
#ifndef SEKISHO_CLI_EXPORT_H
#define SEKISHO_CLI_EXPORT_H

#include <jansson.h>

/* Copies the files of a row of the history into a new folder, which is whole or not there at all. An exit code. */
int export_generation(const json_t *row, const char *dir);

#endif

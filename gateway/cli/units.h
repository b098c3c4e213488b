/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What systemd says about the product's units, asked by the command itself over D-Bus (org.freedesktop.systemd1(5)), so that the
 * gateway needs no bus and a gateway that is gone can still be told about.
 */
#ifndef SEKISHO_UNITS_H
#define SEKISHO_UNITS_H

#include <jansson.h>
#include <stdbool.h>

/*
 * Appends to `problems` a sentence for each unit that is not as it should be: which, since when, why, and what to do. Nothing is
 * appended where systemd is not process 1, or where none of the units is installed; one sentence when systemd cannot be asked.
 * `portal_dns`: that setting is on, so its unit counts too.
 */
void units_problems(json_t *problems, bool portal_dns);

#endif

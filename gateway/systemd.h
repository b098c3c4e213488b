/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What only systemd knows, asked over D-Bus (org.freedesktop.systemd1(5)) by short runs of our programs. The gateway itself needs
 * no bus.
 */
#ifndef SEKISHO_SYSTEMD_H
#define SEKISHO_SYSTEMD_H

#include <systemd/sd-bus.h>

#define SYSTEMD_NAME "org.freedesktop.systemd1"

/* A connection: as root to systemd itself, which needs no bus daemon; else to the system bus. 0 or -errno. */
int systemd_connect(sd_bus **out);

/* The object of a unit; the caller frees it. 0 or -errno. */
int systemd_unit_path(const char *unit, char **out);

/*
 * Is this unit being stopped because somebody asked for that: not restarted, and not ended by itself? 1, 0, or -errno; 1 where
 * systemd is not process 1.
 */
int systemd_unit_stops(const char *unit);

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What stands in the kernel while no gateway runs: before its first start of a boot, and after an administrator stopped it. Each
 * of these is a short run of the program: sekisho-gateway --shut (sekisho-guard.service), --stopped (ExecStopPost= of
 * sekisho-gateway.service), --close (by hand). None of them touches anything while a gateway runs.
 */
#ifndef SEKISHO_GUARD_H
#define SEKISHO_GUARD_H

#include "gateway/gateway.h"

/*
 * Before the network is up: firewall without sessions and routing lock are put in place, so that nothing is forwarded from, to or
 * in the name of phones until a gateway has taken over. What an earlier run of this boot left stays as it is; what a saved
 * ruleset brought over a reboot is shut. 0, also when a gateway runs, or -errno with `why`.
 */
int guard_shut(struct gateway *g, char *why, size_t why_size);

/*
 * After the gateway has ended: if an administrator stopped it, takes its tunnel out and stays shut, or leaves all as it is, as
 * `on-stop` says; at a restart or a crash leaves all as it is. 0, also when a gateway runs, or -errno with `why`.
 */
int guard_stopped(struct gateway *g, char *why, size_t why_size);

/* For guard_stopped(), and still as root: was the gateway stopped, and not restarted? Says why that is not known. */
bool guard_was_stopped(void);

/*
 * Takes tunnel, firewall and routing lock out of the kernel; needs neither the tunnel's key nor a WireGuard that could bring the
 * tunnel up. 0; -EBUSY with `why` when a gateway runs; -errno with `why`: what could be closed is closed (enforcement_remove()).
 */
int guard_close(struct gateway *g, char *why, size_t why_size);

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the gateway does by itself while it runs: reads what the kernel reports, looks at peers, sessions and deadlines, renews
 * the dead-man time, and puts firewall and tunnel right when somebody else has changed them.
 */
#ifndef SEKISHO_UPKEEP_H
#define SEKISHO_UPKEEP_H

#include "gateway/gateway.h"

/* Adds all sources and timers to the loop and renews the dead-man time for the first time: from here packets are forwarded.
 * 0 or -errno. */
int upkeep_start(struct gateway *g);

/* Looks whether the clock was set, records it, and has everything go on by the new time. Before an instant is kept that outlasts the
 * call: what is kept by the new time must not be moved with what was kept by the old. */
void upkeep_clock(struct gateway *g);

#endif

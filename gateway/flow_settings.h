/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The kernel's connection tracking must count, keep times and report ends (nf_conntrack-sysctl in the kernel's manual). */
#ifndef SEKISHO_FLOW_SETTINGS_H
#define SEKISHO_FLOW_SETTINGS_H

#include <stddef.h>

/* Switches on what is off, in the current network namespace. 0, or -errno with `why`: which is off, and the command that mends
 * it. */
int flow_settings(char *why, size_t why_size);

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ACL files as the command reads them itself, without the gateway: on any machine, also in a git hook. */
#ifndef SEKISHO_CLI_ACLSET_H
#define SEKISHO_CLI_ACLSET_H

#include "common/diag.h"
#include "config/policy.h"

/* policy_load() with the settings of this machine (internal networks), where it has some that are in order; else without. */
int aclset_load(const char *dir, struct policy **out, struct diag *d);

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The access log: each connection of a session when it ends, with the line of the ACL that allowed it, and each refusal with the
 * line that denied it, merged per device, destination and port.
 */
#ifndef SEKISHO_ACCESS_H
#define SEKISHO_ACCESS_H

#include "gateway/flow.h"
#include "gateway/nflog.h"

/* Callbacks of flow.h and nflog.h; `arg` is the gateway. */
void access_closed(const struct flow_record *r, void *arg);
void access_refused(const struct nflog_packet *p, void *arg);

#endif

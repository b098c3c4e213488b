/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The access log: each connection of a session when it ends, with the line of the ACL that allowed it, and each refusal with the
 * line that denied it, merged per device, destination and port; if the settings say so also when it begins, and what is open at
 * intervals. The line is that of the ACLs in force when the connection ended, which are those that allowed its last packet: what
 * a change of the ACLs does not allow any more is cut and recorded before the change is seen here.
 */
#ifndef SEKISHO_ACCESS_H
#define SEKISHO_ACCESS_H

#include "gateway/flow.h"
#include "gateway/nflog.h"

struct gateway;

/* Opens the reader of connections, with the socket of an earlier run if somebody kept it, and hands ours over to be kept; then
 * what that run had left open is known. 0 or -errno with `why`. */
int access_open(struct gateway *g, char *why, size_t why_size);

/* When sessions have been taken over: records what ended while no gateway ran, or that nobody knows what did. */
void access_resume(struct gateway *g);

/* The settings are these now. */
void access_settings(struct gateway *g);

/* The timer's look, once a second. */
void access_tick(struct gateway *g);

/* Notes what is open, for the next run, and closes the reader. */
void access_close(struct gateway *g);

/* Records that something of which nobody knows how many may have happened between the last run and this one. */
void access_log_down(struct gateway *g, const char *what);

/* Callback of nflog.h; `arg` is the gateway. */
void access_refused(const struct nflog_packet *p, void *arg);

/* Before refused packets are read for the first time: records how many there were while nobody read them. */
void access_refused_resume(struct gateway *g);

/* The poll's look: records how many were refused, and got no line of their own, before the last look. */
void access_refused_look(struct gateway *g);

/* Reads what is there, stops reading, writes what was still being merged, and records how many are left. */
void access_refused_close(struct gateway *g);

#endif

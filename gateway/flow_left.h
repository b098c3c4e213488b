/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What was open when the gateway stopped. Where nothing keeps the socket of flow.h for the next run, ends that come meanwhile are
 * reported to nobody; the next run sees by this file which flows have gone, and records them with what was known of them.
 */
#ifndef SEKISHO_FLOW_LEFT_H
#define SEKISHO_FLOW_LEFT_H

#include "gateway/flow.h"

/* Writes all open flows to the file (0600), after handling every end that was reported. 0 or -errno: then there is no file. */
int flow_left_save(struct flow *f, const char *path);

struct flow_left;

/* Reads the file and begins to look out for its flows: to be called before any end is handled. 0; -ENOENT; -EBADMSG for a file
 * that is not whole; -errno. */
int flow_left_open(struct flow *f, const char *path, struct flow_left **out);

/* Calls `gone` for each flow of the file that is not open any more and was not reported as ended since flow_left_open(); its end
 * is when it was last looked at. Then frees. 0 or -errno: nothing was called. */
int flow_left_finish(struct flow *f, struct flow_left *left, void (*gone)(const struct flow_record *r, void *arg), void *arg);

/* Frees without calling anything; the file stays. NULL is fine. */
void flow_left_close(struct flow *f, struct flow_left *left);

/* Nothing passes any more: from now on the file says all. A crash's gateway has left none, and none is made. */
void flow_left_shut(const char *path, const char *shut);

/* Nobody needs it. */
void flow_left_forget(const char *path);

#endif

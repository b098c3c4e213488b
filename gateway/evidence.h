/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the gateway does when its evidence cannot be kept: `log-full-action` of sekisho.conf. Whatever gives access (a login, a
 * device, rules) is on record before it takes effect, or does not take effect; whatever takes access away takes effect first and
 * is recorded right afterwards, since a full disk must not keep anybody in.
 */
#ifndef SEKISHO_EVIDENCE_H
#define SEKISHO_EVIDENCE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "gateway/gateway.h"

/* Limits and copies as g->settings have them; after the start and each reload. */
void evidence_settings(struct gateway *g);

/* May something begin that must be recorded? 0, or why not (-ENOSPC, -EROFS, -EIO ...); always 0 with `continue`. */
int evidence_ready(struct gateway *g);

/*
 * The record of something that gives access, before it does: on disk when this returns 0. -errno: the effect must not happen;
 * with `continue` that is so only when the event itself is no good, and what the disk does not take is counted. `event` is
 * stolen.
 */
int evidence_write(struct gateway *g, enum log_file file, int64_t when, json_t *event);

/* The same for what gives no access by itself, or is one of several: on disk once an evidence_write() to the same file that
 * follows it has returned 0, and within a second at the latest. */
int evidence_write_early(struct gateway *g, enum log_file file, int64_t when, json_t *event);

/* Each second, after log_sync(): tells of trouble, ends the sessions where that is wanted, and records that all is well again. */
void evidence_look(struct gateway *g);

/* Is something wrong (then true, with what and what to do about it), or worth knowing? For `status`. */
bool evidence_problem(struct gateway *g, char *text, size_t size);
bool evidence_notice(struct gateway *g, char *text, size_t size);
bool evidence_copy_notice(struct gateway *g, char *text, size_t size);

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What would change if one set of ACLs took the place of another: by file, by the people who have devices, and by the sessions
 * that are open. One JSON object, which `acl diff --json` prints as it is and preview_print() shows to people:
 *
 *   {"before": {"generation": 12}, "after": {"dir": ...}, "sha256": of the files after, "loss": bool,
 *    "files":    [{"file", "change", "text", "loss"}],
 *    "people":   [{"users": [...], "class", "loss", "changes": [{"file": null|..., "change", "text", "loss"}]}],
 *    "sessions": [{"id", "user", "device", "change": "ends"|"narrows"|"shortens"|"widens"|"changes", "why": null|..., "until":
 *                  its latest end then, "opens": when its user may come back, "changes": [...]}],
 *    "unknown":  [users whose groups nobody knows: judged by their own files alone]}
 *
 * "people" and "sessions" are null when the gateway was not asked. "loss" of the whole is true when somebody loses something, now
 * or at some time or place, or a session ends.
 */
#ifndef SEKISHO_CLI_PREVIEW_H
#define SEKISHO_CLI_PREVIEW_H

#include <jansson.h>

#include "gateway/cli/aclset.h"

/* `ask`: also people and sessions, from the gateway. An exit code; the caller releases *out. */
int preview_make(const struct aclset *before, const struct aclset *after, bool ask, json_t **out);

bool preview_loss(const json_t *preview);

/* Does nothing change, apart from words? */
bool preview_empty(const json_t *preview);

/* For people, on standard output. An exit code. */
int preview_print(const json_t *preview, const struct aclset *before, const struct aclset *after);

#endif

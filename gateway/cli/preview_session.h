/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What becomes of an open session when other ACLs are put in force: as the gateway will judge it, said beforehand. */
#ifndef SEKISHO_CLI_PREVIEW_SESSION_H
#define SEKISHO_CLI_PREVIEW_SESSION_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "config/policy_diff.h"

struct preview_judge {
	const struct policy *before, *after;
	int64_t now;
	bool default_login; /* of sekisho.conf, as the next two */
	int64_t session_seconds, idle_seconds;
	bool loss; /* a session judged so far ends or loses something */
};

/* Takes what matters here from sekisho.conf; where it cannot be read, what is never a reason to end one. */
void preview_judge_settings(struct preview_judge *j);

/* Judges one SESSION of the control socket; appends to `list` unless nothing changes. 0, -ENOMEM or -E2BIG. */
int preview_session(struct preview_judge *j, const json_t *session, json_t *list);

/* Changes as "changes" of a preview. */
json_t *preview_changes(const struct policy_changes *c);

#endif

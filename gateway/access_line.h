/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The lines of access.jsonl that tell of one connection, composed by hand: see jsonline.h. */
#ifndef SEKISHO_ACCESS_LINE_H
#define SEKISHO_ACCESS_LINE_H

#include "config/policy.h"
#include "gateway/flow.h"
#include "gateway/log.h"
#include "gateway/session.h"

enum access_action { ACCESS_OPENED, ACCESS_OPEN, ACCESS_CLOSED };

struct access_story {
	enum access_action action;
	const char *reason; /* NULL: none */
	const struct flow_record *flow;
	const struct session *session; /* with row.opened 0: only the device is known; NULL: nothing */
	const struct endpoint *outer; /* where the device is; family 0: not known */
	const struct rule_ref *rule; /* NULL: none */
	uint64_t generation; /* of the rule */
};

enum { ACCESS_EVENT_MAX = 512, ACCESS_REST_MAX = 12288, ACCESS_WHO_MAX = 4096 };

/* What the lines of one session begin with: who, on what, from where. Kept by the caller from one line to the next; all zero: of
 * none. */
struct access_who {
	uint32_t serial, device;
	int64_t opened;
	struct endpoint outer;
	size_t size;
	char text[ACCESS_WHO_MAX];
};

/* Composes both parts of the line for log_write_text(). 0, or -EMSGSIZE. */
int access_line(const struct access_story *s, struct access_who *who, char event[static ACCESS_EVENT_MAX],
	char rest[static ACCESS_REST_MAX]);

#endif

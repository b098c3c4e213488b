/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What messages consist of: shared by message.c (which message holds what) and message_field.c (how each crosses the wire). */
#ifndef SEKISHO_MESSAGE_INTERNAL_H
#define SEKISHO_MESSAGE_INTERNAL_H

#include "common/message.h"
#include "common/wire.h"

/* One part of a message. */
enum field {
	F_NONE,
	F_ID,
	F_LOGIN,
	F_PUBLIC,
	F_SOURCE,
	F_ATTEMPT,
	F_STATE,
	F_LAST_END,
	F_EXPIRES,
	F_ENDS_REASON,
	F_OPENS,
	F_REACH,
	F_PROMPTS,
	F_ANSWERS,
	F_CODE,
	F_GROUPS,
	F_USER,
	F_LABEL,
	F_LANGUAGE,
	F_TLS,
	F_AGENT,
	F_RHOST,
	F_STAGE,
	F_DEVICE,
	F_IDLE,
	F_RENEWAL,
	F_SHARING,
	F_CHANGED,
	F_OWN,
	F_TERMS,
	FIELDS
};

/* Is the field something that this message may hold? Asked before it is sent and after it has come. */
bool field_ok(const struct message *m, enum field f);

void field_put(struct wire_out *w, const struct message *m, enum field f);

/* Counts are cut to what there is room for; field_ok() then refuses the message. */
void field_get(struct wire_in *r, struct message *m, enum field f);

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * JSON text put together by hand, for events that come in tens of thousands a second: a tree of json_t for each takes twenty
 * times as long. Everything is bounded; what does not fit makes the whole text invalid, never half a line.
 */
#ifndef SEKISHO_JSONLINE_H
#define SEKISHO_JSONLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/addr.h"

struct jsonline {
	char *data; /* not terminated */
	size_t size, used;
	bool full; /* something did not fit: not to be used */
};

/* Text as it is: punctuation, names of members, values known to need no escapes. */
void jsonline_copy(struct jsonline *l, const char *text, size_t size);
static inline void jsonline_put(struct jsonline *l, const char *text)
{
	jsonline_copy(l, text, strlen(text)); /* here, so that a constant's is known when this is compiled */
}

enum { JSONLINE_TEXT = 1024 };

/* A string in quotes: made safe as all text of the log, cut at JSONLINE_TEXT - 1 bytes by text_safe(), then escaped (RFC 8259
 * section 7). */
void jsonline_text(struct jsonline *l, const char *text);

void jsonline_number(struct jsonline *l, uint64_t number);

/* In quotes, as time_format() has it. Minutes are remembered, since each costs a look at the time zone. */
void jsonline_time(struct jsonline *l, int64_t usec);

/* In quotes. */
void jsonline_address(struct jsonline *l, const struct addr *a);

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Chosen fields of one log line, found in one pass and without allocation. The line may be any JSON object, not only one that the
 * gateway wrote: names may be escaped, members may stand in any order and twice (the last one counts, as with jansson and
 * Python). Grammar is checked (RFC 8259), with at most LOGFIELD_DEPTH arrays and objects within each other; UTF-8 is not.
 */
#ifndef SEKISHO_LOGFIELD_H
#define SEKISHO_LOGFIELD_H

#include "gateway/cli/logvalue.h"

enum { LOGFIELD_DEPTH = 32 };

enum logfield {
	LOGFIELD_TIME, /* @timestamp */
	LOGFIELD_SEQUENCE, /* event.* from here */
	LOGFIELD_ACTION,
	LOGFIELD_OUTCOME,
	LOGFIELD_REASON,
	LOGFIELD_START,
	LOGFIELD_END,
	LOGFIELD_DURATION,
	LOGFIELD_USER, /* user.name */
	LOGFIELD_USER_HASH,
	LOGFIELD_RELATED_USER, /* related.user: an array */
	LOGFIELD_RELATED_IP, /* related.ip: an array */
	LOGFIELD_DEVICE, /* device.id */
	LOGFIELD_DEVICE_KEY, /* sekisho.device.* from here */
	LOGFIELD_DEVICE_CLASS,
	LOGFIELD_DEVICE_LABEL,
	LOGFIELD_DEVICE_STATUS,
	LOGFIELD_SOURCE_IP, /* the tunnel address */
	LOGFIELD_SOURCE_PORT,
	LOGFIELD_SOURCE_BYTES,
	LOGFIELD_SOURCE_PACKETS,
	LOGFIELD_DESTINATION_IP,
	LOGFIELD_DESTINATION_PORT,
	LOGFIELD_DESTINATION_BYTES,
	LOGFIELD_DESTINATION_PACKETS,
	LOGFIELD_ENDPOINT_IP, /* sekisho.endpoint.*: the outer address */
	LOGFIELD_ENDPOINT_PORT,
	LOGFIELD_PREVIOUS_IP, /* sekisho.previous_endpoint.* */
	LOGFIELD_PREVIOUS_PORT,
	LOGFIELD_TRANSPORT, /* network.transport */
	LOGFIELD_PROTOCOL, /* network.iana_number: a string */
	LOGFIELD_SESSION, /* sekisho.session.* */
	LOGFIELD_SESSION_OPENED,
	LOGFIELD_SESSION_EXPIRES,
	LOGFIELD_SESSION_CONNECTIONS,
	LOGFIELD_RULE, /* rule.name */
	LOGFIELD_GENERATION, /* sekisho.acl.generation */
	LOGFIELD_COUNT_FIELD, /* sekisho.count: how many more there were */
	LOGFIELD_ACCOUNT, /* sekisho.account */
	LOGFIELD_ADMIN, /* sekisho.admin.name */
	LOGFIELD_VERB, /* sekisho.control.verb */
	LOGFIELD_NOTE, /* sekisho.note */
	LOGFIELD_GAP_FROM, /* sekisho.gap.* */
	LOGFIELD_GAP_TO,
	LOGFIELD_GAP_WHAT,
	LOGFIELD_MESSAGE, /* message */
	LOGFIELD_ERROR, /* error.message */
	LOGFIELD_AGENT, /* user_agent.original */
	LOGFIELDS
};

/* The dotted path of a field, "event.action". */
const char *logfield_path(enum logfield field, char *out, size_t size);

/* Fills all of `values`, which point into `line` (of `size` bytes, with or without its newline). 0, or -EINVAL when that is no
 * JSON object; `values` then hold nothing to be used. */
int logfield_scan(const char *line, size_t size, struct logvalue values[static LOGFIELDS]);

/* Calls `each` for every string value of the line, at whatever depth, until it returns true. 1 when it did, 0 when none was left,
 * -EINVAL as above. */
int logfield_strings(const char *line, size_t size, bool (*each)(struct logvalue v, void *arg), void *arg);

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What log.c needs of its other files: the making of a line. */
#ifndef SEKISHO_LOG_INTERNAL_H
#define SEKISHO_LOG_INTERNAL_H

#include <jansson.h>
#include <stdint.h>
#include <sys/types.h>

#include "gateway/log_stream.h"

/* What every line has besides its event. */
struct log_envelope {
	int64_t when;
	uint64_t sequence;
	const char *dataset, *observer;
};

/*
 * Writes the event as one line with its newline. An event that is too long loses its largest members, whose names then stand in
 * sekisho.dropped. Bytes used; -ENOMEM (also for NULL and for an event without event.action); -EMSGSIZE.
 */
ssize_t log_compose(json_t *event, const struct log_envelope *envelope, char line[static LOG_LINE_MAX]);

#endif

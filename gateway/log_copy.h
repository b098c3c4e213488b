/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The copy of log lines for syslog(3): datagrams to /dev/log, which journald, rsyslog and syslog-ng serve alike and pass on to
 * other machines as they are told; journald's own socket would be read by journald only. A line is sent as it stands in its file,
 * after it is there. Never waits: what the socket does not take at once is counted.
 */
#ifndef SEKISHO_LOG_COPY_H
#define SEKISHO_LOG_COPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/log.h"

struct log_copy {
	int fd; /* -1: not connected */
	bool reached; /* somebody was there, at least once */
	bool wanted[LOG_FILES];
	int64_t again; /* CLOCK_BOOTTIME microseconds: no attempt to connect before */
	uint64_t lost; /* lines, since the start */
	uint64_t untold; /* of these, since the last one that arrived */
};

#define LOG_COPY_NONE ((struct log_copy){.fd = -1})

/* Sends a line (`size` bytes with its newline) if its file is wanted or it is a seal. */
void log_copy_line(struct log_copy *c, enum log_file file, bool is_seal, const char *line, size_t size);
void log_copy_close(struct log_copy *c);

#endif

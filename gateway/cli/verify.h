/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Are these the lines that the gateway wrote, all of them and in their order? Follows numbers, hash chain and seals of seal.h
 * through one log after the other, then compares what the seals of each say of the other two. No files, no clock: lines come from
 * outside, findings go to a callback. What it can and cannot show stands in docs/log-events.md.
 */
#ifndef SEKISHO_VERIFY_H
#define SEKISHO_VERIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/cli/logset.h"
#include "gateway/seal.h"

enum verify_level {
	VERIFY_NOTE, /* worth knowing */
	VERIFY_UNKNOWN, /* cannot be told by what is here */
	VERIFY_ALTERED,
};

struct verify_finding {
	enum verify_level level;
	enum log_file file;
	const char *path; /* where to look; NULL: the log as a whole */
	uint64_t line; /* 0: none */
	const char *text;
};

/* A key to begin with: the public key of one epoch of one log. */
struct verify_anchor {
	bool known;
	uint64_t epoch;
	struct key key;
};

struct verify_log {
	struct verify_anchor anchor, next; /* given; and the one that the next seal needs (known after the first seal) */
	bool trusted; /* a seal of the anchor's or a later epoch fitted */
	uint64_t lines, seals, first, last; /* numbers of the first and last line */
	uint64_t unsealed; /* lines behind the last seal */
	int64_t sealed; /* when the last seal was made; 0: none */
	/* internal */
	struct seal_head head;
	uint64_t seal_at; /* number of the last seal's line */
	uint64_t since_line;
	char *since_path;
	bool chained, damaged, started;
};

struct verify_ref; /* what a seal says of another log */

struct verify {
	struct verify_log logs[LOG_FILES];
	struct verify_ref *refs;
	size_t ref_count, ref_room, ref_at;
	enum verify_level worst;
	bool failed; /* out of memory */
	void (*report)(const struct verify_finding *, void *arg);
	void *arg;
};

/* Set logs[].anchor, report and arg of a zeroed struct, then: all lines of each log; verify_log_end() for each; verify_refs();
 * all lines again by verify_again() for each; verify_end(). */
void verify_line(struct verify *v, enum log_file file, const struct logset_line *line);
void verify_log_end(struct verify *v, enum log_file file);
void verify_refs(struct verify *v);
void verify_again(struct verify *v, enum log_file file, const struct logset_line *line);
void verify_end(struct verify *v); /* frees; the counts and `worst` stay */

#endif

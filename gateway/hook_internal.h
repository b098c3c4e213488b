/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What hook.c (the gateway's side), hook_run.c (the runner) and hook_child.c (what becomes the hook) share. */
#ifndef SEKISHO_HOOK_INTERNAL_H
#define SEKISHO_HOOK_INTERNAL_H

#include "gateway/hook.h"
#include "gateway/log.h"

enum { HOOK_REASON_MAX = 40 };

/* One datagram; of `record` as many bytes as it has, without NUL. */
struct hook_order {
	int64_t seconds;
	char path[HOOK_PATH_MAX + 1], reason[HOOK_REASON_MAX];
	char record[LOG_COPY_MAX];
};

/* What hook_program_check() looks at. With 0 also its path without symbolic links, which the caller frees. */
int hook_program_resolve(const char *path, char **resolved, char *why, size_t why_size);

/* In the new process, whose group it leads: becomes the hook, with `in` and `out` as its standard files. Ends with 126 or 127,
 * and the reason in `out`, when it cannot. */
void hook_become(const struct hook_order *order, const char *program, int in, int out) __attribute__((noreturn));

#endif

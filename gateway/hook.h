/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Runs the operator's program for an alert, outside the gateway. A small process of its own (the runner, `sekisho-gateway
 * --alert-runner`) is started once and does nothing else: no capabilities, none of the gateway's descriptors or memory. Orders
 * reach it over a socket that holds a bounded number of them; nobody waits for it.
 *
 * A hook is started without a shell, in a session of its own, with the alert's record on standard input and limits on its time,
 * processes and files. What it writes, and how it ends, goes to standard error (the journal). It runs as the gateway's user,
 * hence the demands on the program (hook_program_check()).
 */
#ifndef SEKISHO_HOOK_H
#define SEKISHO_HOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/diag.h"
#include "config/settings.h"

enum {
	HOOK_PATH_MAX = ALERT_HOOK_MAX,
	HOOK_AT_ONCE = 4, /* hooks that run at the same time; others wait in the socket */
	HOOK_WAITING_BYTES = 256 << 10, /* of orders in the socket, as socket(7) counts them */
	HOOK_FD = 3, /* of the runner: its socket */
};

/* Is it a program that only root can have put or changed there: a regular, executable file of root's, which nobody else may
 * write, below folders of which the same is true? 0; -errno, or -EPERM, with `why`: what is wrong and what to do. */
int hook_program_check(const char *path, char *why, size_t why_size);

/* The same for the program that settings name, if they name one, as a mistake in the line of the file `name`. 0 or -EINVAL. */
int hook_settings_check(const char *name, const struct settings *s, struct diag *d);

struct hook_runner {
	int fd; /* -1: it does not run */
	pid_t pid;
};

/* Starts the runner. 0 or -errno: `r` is untouched. */
int hook_runner_start(struct hook_runner *r);

/* The runner finishes what it was told, within seconds, and ends. */
void hook_runner_stop(struct hook_runner *r);

/* It has ended, or broke the rules: takes away what is left of it. */
void hook_runner_bury(struct hook_runner *r);

/* What one hook came to. */
enum hook_end { HOOK_EXITED, HOOK_KILLED /* by a signal */, HOOK_TIMED_OUT, HOOK_REFUSED /* not started */ };
struct hook_report {
	uint8_t end; /* enum hook_end */
	int32_t code; /* exit code, signal, seconds, or errno */
};

/* Asks for a run of `path` with `record` as its input, for at most `seconds`. 0; -EAGAIN when too many wait; -ESRCH without a
 * runner; -errno. */
int hook_send(const struct hook_runner *r, const char *path, int64_t seconds, const char *reason, const char *record);

/* The next report; `out` is valid. 0; -EAGAIN: none yet; -ESRCH: the runner is gone. */
int hook_receive(const struct hook_runner *r, struct hook_report *out);

/* The runner itself: `sekisho-gateway --alert-runner`. Returns its exit code when the gateway has gone. */
int hook_run(void);

#endif

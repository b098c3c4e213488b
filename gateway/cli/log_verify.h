/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What `sekisho log verify` does with a folder of logs, for others who want its verdict. */
#ifndef SEKISHO_LOG_VERIFY_H
#define SEKISHO_LOG_VERIFY_H

#include "gateway/cli/verify.h"

/* Both return 0, or after saying what is wrong the exit code 2, cannot tell. */

/* Reads the keys to begin with, as `sekisho log key` prints them, into v->logs[].anchor. */
int log_verify_keys(const char *path, struct verify *v);

/* Both passes over all logs; findings go to v->report, the verdict is v->worst. verify_end() is the caller's. */
int log_verify_set(struct verify *v, const struct logset *set);

#endif

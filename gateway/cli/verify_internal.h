/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SEKISHO_VERIFY_INTERNAL_H
#define SEKISHO_VERIFY_INTERNAL_H

#include "gateway/cli/verify.h"

void verify_say(struct verify *v, enum verify_level level, enum log_file file, const char *path, uint64_t line,
	const char *format, ...) __attribute__((format(printf, 6, 7)));

/* Notes what a good seal says of the other two logs. */
void verify_ref_add(struct verify *v, enum log_file file, const struct seal *s);

#endif

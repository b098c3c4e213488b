/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a hook writes, to standard error line by line, up to a limit; of the rest it is said how much there was. */
#ifndef SEKISHO_HOOK_OUTPUT_H
#define SEKISHO_HOOK_OUTPUT_H

#include <stddef.h>
#include <stdint.h>

enum { HOOK_OUTPUT_LINE = 1000, HOOK_OUTPUT_MAX = 16384 }; /* bytes of one line; of one hook */

struct hook_output {
	char line[HOOK_OUTPUT_LINE + 1];
	size_t size; /* of the line so far */
	size_t said;
	uint64_t unsaid; /* bytes */
};

void hook_output_start(struct hook_output *o);
void hook_output_take(struct hook_output *o, const char *data, size_t size);
void hook_output_end(struct hook_output *o);

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/hook_output.h"

#include <inttypes.h>
#include <string.h>

#include "common/say.h"

static void say_output(struct hook_output *o)
{
	o->line[o->size] = '\0';
	if (o->size)
		say_info("alert hook: %s", o->line);
	o->size = 0;
}

void hook_output_start(struct hook_output *o)
{
	o->size = o->said = 0;
	o->unsaid = 0;
}

void hook_output_take(struct hook_output *o, const char *data, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (o->said == HOOK_OUTPUT_MAX) {
			o->unsaid += size - i;
			return;
		}
		o->said++;
		if (data[i] == '\n' || o->size == HOOK_OUTPUT_LINE)
			say_output(o);
		if (data[i] != '\n')
			o->line[o->size++] = data[i] ? data[i] : ' ';
	}
}

void hook_output_end(struct hook_output *o)
{
	say_output(o);
	if (o->unsaid)
		say_info("alert hook: %" PRIu64 " bytes more are not shown", o->unsaid);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/cli/logschema.h"

/* The assembler reads the file, from the folder that everything is built in; the Makefile knows that this depends on it. */
__asm__(".section .rodata\n"
	"logschema_text:\n"
	".incbin \"share/log-schema.json\"\n"
	".byte 0\n"
	".previous\n");
extern const char logschema_text[] __attribute__((visibility("hidden")));

json_t *logschema_load(void)
{
	return json_loads(logschema_text, 0, NULL);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A form's body: every field that is taken has a name of its own and is well-formed text; what is refused leaves nothing behind.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "auth/form.h"
#include "common/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct form f;
	static const struct form empty;
	if (form_parse((const char *)data, size, &f) < 0) {
		if (memcmp(&f, &empty, sizeof f) != 0)
			abort();
		return 0;
	}
	if (size > HTTP_BODY_MAX || f.count > FORM_FIELDS_MAX)
		abort();
	for (size_t i = 0; i < f.count; i++) {
		const char *name = f.fields[i].name, *value = f.fields[i].value;
		if (!*name || form_get(&f, name) != value || value + strlen(value) >= f.store + sizeof f.store)
			abort();
		if (!text_utf8_valid(name, strlen(name)) || !text_utf8_valid(value, strlen(value)) || strpbrk(value, "\r\n"))
			abort();
	}
	form_wipe(&f);
	return 0;
}

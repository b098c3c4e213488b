/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The body of a form, application/x-www-form-urlencoded (WHATWG URL standard, section 5): a few names and values, decoded into
 * memory of the form's own, which the caller wipes because values are passwords. Pure: no socket, no allocation.
 */
#ifndef SEKISHO_FORM_H
#define SEKISHO_FORM_H

#include <stddef.h>

#include "auth/http.h"

enum { FORM_FIELDS_MAX = 32 };

struct form {
	size_t count;
	struct {
		const char *name, *value;
	} fields[FORM_FIELDS_MAX];
	char store[HTTP_BODY_MAX + 1];
};

/*
 * Decodes `size` bytes. 0; or -EBADMSG with an empty, wiped form: larger than HTTP_BODY_MAX, more than FORM_FIELDS_MAX fields, a
 * field without name or without '=', a name twice, a bad percent-encoding, a control character other than TAB, not UTF-8.
 */
int form_parse(const char *data, size_t size, struct form *out);

/* The value of a name, or NULL. */
const char *form_get(const struct form *f, const char *name);

void form_wipe(struct form *f);

#endif

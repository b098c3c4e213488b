/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A form that answers a dialog: its token and its round are taken only when they are the dialog's own, to the byte. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "auth/dialog.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char own[] = "0123456789abcdef0123456789abcdef";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct form f;
	struct dialog d = {.phase = DIALOG_QUESTION, .round = 7};

	_Static_assert(sizeof own == sizeof d.token, "a token's size");
	memcpy(d.token, own, sizeof own);
	if (form_parse((const char *)data, size, &f) < 0)
		return 0;
	const char *const token = form_get(&f, "attempt"), *const round = form_get(&f, "round");
	if (token && dialog_owns(&d, token) != (strcmp(token, own) == 0))
		abort();
	if (round && dialog_is_current(&d, round) != (strcmp(round, "7") == 0))
		abort();
	d.phase = DIALOG_THINKING;
	if (round && dialog_is_current(&d, round))
		abort();
	form_wipe(&f);
	return 0;
}

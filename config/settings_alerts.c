/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is an alert, and who is told, in sekisho.conf. */
#include <string.h>

#include "config/settings_internal.h"

/* Only its form: that the program is there, and who may change it, is for the gateway to look at. */
bool settings_read_alert_hook(struct reader *r)
{
	const struct word *const w = &r->lx.words[1];
	const size_t size = strlen(w->text);

	if (lexer_is(&r->lx, 1, "none"))
		return true;
	if (*w->text != '/' || size > ALERT_HOOK_MAX) {
		lexer_mistake(&r->lx, w,
			"'%s' is not possible here; expected the absolute path of a program (at most %d bytes), or none", w->text,
			ALERT_HOOK_MAX);
		return false;
	}
	memcpy(r->s.alert_hook, w->text, size + 1);
	r->s.alert_hook_line = r->lx.line;
	r->s.alert_hook_column = w->column;
	return true;
}

bool settings_read_alert_rate(struct reader *r)
{
	return settings_read_per(r, &r->s.alert_rate, &r->s.alert_rate_seconds);
}

bool settings_read_alert_device_failures(struct reader *r)
{
	return settings_read_per(r, &r->s.alert_device_failures, &r->s.alert_device_failures_seconds);
}

bool settings_read_alert_user_devices(struct reader *r)
{
	return settings_read_per(r, &r->s.alert_user_devices, &r->s.alert_user_devices_seconds);
}

bool settings_read_alert_refused_keys(struct reader *r)
{
	return settings_read_per(r, &r->s.alert_refused_keys, &r->s.alert_refused_keys_seconds);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The verb by which `sekisho gateway-key` puts on record what it has done with the files of the gateway's own keys. */
#include <string.h>

#include "gateway/control_internal.h"
#include "gateway/control_record.h"
#include "gateway/event.h"

static bool act_known(const char *act)
{
	static const char *const acts[] = {"prepared", "switched", "taken-back", "discarded"};
	for (size_t i = 0; i < sizeof acts / sizeof *acts; i++)
		if (!strcmp(act, acts[i]))
			return true;
	return false;
}

void control_gateway_key(struct exchange *x)
{
	struct record_fault fault = {0};
	struct key key;
	const char *verb, *act, *public_key = NULL;
	if (!exchange_unpack(x, "{s:s, s:s, s?s}", "verb", &verb, "act", &act, "public_key", &public_key))
		return;
	/* Nobody else can have done it: only root may make and read the gateway's keys. */
	if (!exchange_is_root(x))
		return;
	if (!act_known(act) || (public_key && !record_take_key(public_key, &key, &fault))) {
		exchange_error(x, "invalid", "use a sekisho command of the gateway's own version",
			"the act or the key is none of the gateway's");
		return;
	}
	json_t *e = event_new("gateway-key-changed", "success", act);
	event_admin(e, &x->by);
	event_text(e, "sekisho.tunnel.key", public_key);
	int r = log_write(x->gateway->log, LOG_AUDIT, time_now(), e, true);
	if (r < 0)
		exchange_error(x, "failed", control_unrecordable, "the log cannot be written: %s", strerror(-r));
	else
		exchange_end(x, json_object());
}

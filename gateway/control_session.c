/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "gateway/control_internal.h"
#include "gateway/event.h"
#include "gateway/session.h"

void control_session_list(struct exchange *x)
{
	const char *verb;
	if (!exchange_unpack(x, "{s:s}", "verb", &verb))
		return;
	for (struct session *s = session_next(x->gateway, NULL); s; s = session_next(x->gateway, s))
		exchange_row(x, control_json_session(x->gateway, s));
	exchange_end(x, json_object());
}

void control_session_end(struct exchange *x)
{
	const char *verb;
	json_int_t id;
	struct gateway *g = x->gateway;
	if (!exchange_unpack(x, "{s:s, s:I}", "verb", &verb, "id", &id))
		return;
	struct session *s = id > 0 && id <= SESSION_SERIAL_MAX ? session_by_serial(g, (uint32_t)id) : NULL;
	if (!s) {
		exchange_error(x, "not-found", "`sekisho session list` shows who is logged in", "there is no session %lld",
			(long long)id);
		return;
	}
	json_t *json = control_json_session(g, s);
	json_t *e = event_new("session-kicked", "success", NULL);
	event_device(e, &s->device);
	event_user(e, s->row.user);
	event_session(e, s->serial, s->row.opened);
	event_admin(e, &x->by);
	int r = session_end(g, s, END_KICKED);
	(void)log_write(g->log, LOG_AUDIT, time_now(), e, true);
	if (r < 0) {
		json_decref(json);
		exchange_error(x, "failed", "`sekisho status` tells what is wrong",
			"the firewall could not be told: %s; the device was taken out of WireGuard instead", strerror(-r));
		return;
	}
	exchange_end(x, json_pack("{s:o}", "session", json));
}

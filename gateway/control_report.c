/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The verb that says what somebody with a device in hand had in reach: its sessions, and what its users' rules in force open. */
#include <errno.h>
#include <string.h>

#include "gateway/control_internal.h"
#include "gateway/event.h"
#include "gateway/ledger_user.h"
#include "gateway/session.h"
#include "common/message.h"

static bool add_session(const struct session_row *row, void *arg)
{
	struct exchange *x = arg;
	char endpoint[ENDPOINT_TEXT];
	json_t *from = row->endpoint.addr.family ? json_string(endpoint_format(&row->endpoint, endpoint)) : json_null();
	exchange_row(
		x, json_pack("{s:{s:I, s:s, s:o, s:o, s:s, s:o, s:I, s:I, s:I}}", "session", "id", (json_int_t)row->serial,
			   "user", row->user, "opened", control_json_time(row->opened), "ended", control_json_time(row->ended),
			   "reason", row->ended ? session_end_name((enum session_end)row->end_reason) : "", "endpoint", from,
			   "source_bytes", (json_int_t)row->source_bytes, "destination_bytes", (json_int_t)row->destination_bytes,
			   "connections", (json_int_t)row->connections));
	return true;
}

struct reach_rows {
	struct exchange *x;
	const char *user;
	json_t *groups;
};

static bool add_rule(const struct rule_ref *rule, void *arg)
{
	struct reach_rows *r = arg;
	exchange_row(r->x, json_pack("{s:{s:s, s:O, s:s, s:i, s:s}}", "reach", "user", r->user, "groups", r->groups, "file",
				   rule->file, "line", (int)rule->line, "text", rule->text));
	return true;
}

/* By the groups that the user was last found in; of a group that is permitted as a whole, by its file. */
static void add_user(struct exchange *x, const struct device *d, const char *user, int64_t now)
{
	struct gateway *g = x->gateway;
	const char *names[GROUPS_MAX];
	struct user_groups known = {0};
	struct subject subject = {.user = user, .groups = names, .device_class = d->device_class};
	struct reach_rows reach = {.x = x, .user = user, .groups = json_null()};
	if (*user == '@') {
		names[subject.group_count++] = user + 1;
	} else if (ledger_groups_at(g->ledger, user, now, &known) == 0) {
		reach.groups = json_array();
		for (uint16_t i = 0; i < known.count; i++) {
			names[subject.group_count++] = known.names[i];
			(void)json_array_append_new(reach.groups, json_string(known.names[i]));
		}
	}
	policy_rules(g->policy, &subject, now, add_rule, &reach);
	json_decref(reach.groups);
	ledger_groups_clear(&known);
}

void control_device_report(struct exchange *x)
{
	const char *verb, *id;
	json_int_t since = 0;
	struct device d;
	if (!exchange_unpack(x, "{s:s, s:s, s:I}", "verb", &verb, "id", &id, "since", &since) || !exchange_device(x, id, &d))
		return;
	int r = ledger_sessions_since(x->gateway->ledger, d.id, since, add_session, x);
	if (r < 0) {
		exchange_error(x, "failed", control_make_room, "cannot read the ledger: %s", strerror(-r));
		return;
	}
	for (unsigned i = 0; i < d.user_count; i++)
		add_user(x, &d, d.users[i], time_now());
	exchange_end(x, json_pack("{s:o, s:I}", "device", control_json_device(x->gateway, &d), "generation",
				(json_int_t)x->gateway->generation));
}

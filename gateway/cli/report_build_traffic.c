/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who moved how much, and where to. A connection counts when it has ended. */
#include "gateway/cli/report_build.h"

#define COUNT_OF(columns) (sizeof(columns) / sizeof *(columns))

/* Three figures of the same lines: connections, bytes from the phone, bytes to it. */
static void figures(const struct report *r, json_t *row, const struct report_entry *e, const char *user, const char *to)
{
	const struct report_count *c = &e->count;
	json_object_set_new(row, "connections",
		report_figure(r, c->times, c->lines,
			REPORT_WORDS("--action", "connection-closed", "--user", user, "--destination", to)));
	json_object_set_new(row, "up",
		report_figure(
			r, c->up, c->lines, REPORT_WORDS("--action", "connection-closed", "--user", user, "--destination", to)));
	json_object_set_new(row, "down",
		report_figure(r, c->down, c->lines,
			REPORT_WORDS("--action", "connection-closed", "--user", user, "--destination", to)));
}

static void user_row(const struct report *r, json_t *row, const struct report_entry *e)
{
	json_object_set_new(row, "user", json_string(e->key));
	figures(r, row, e, e->key, NULL);
}

static void destination_row(const struct report *r, json_t *row, const struct report_entry *e)
{
	json_object_set_new(row, "to", json_string(e->key));
	json_object_set_new(row, "ports", json_string(e->note ? e->note : ""));
	figures(r, row, e, NULL, e->key);
}

static void both_row(const struct report *r, json_t *row, const struct report_entry *e)
{
	char user[REPORT_PART_MAX], to[REPORT_PART_MAX];
	report_pair(e->key, user, to);
	json_object_set_new(row, "user", json_string(user));
	json_object_set_new(row, "to", json_string(to));
	json_object_set_new(row, "ports", json_string(e->note ? e->note : ""));
	figures(r, row, e, user, to);
}

void report_build_traffic(struct report *r, json_t *document)
{
	static const struct report_column connections = {"connections", "count", "Connections", "通信"},
					  up = {"up", "bytes", "Sent", "送信"}, down = {"down", "bytes", "Received", "受信"},
					  user = {"user", "text", "User", "利用者"}, to = {"to", "text", "To", "宛先"},
					  ports = {"ports", "text", "Ports", "ポート"};
	const struct report_column users[] = {user, connections, up, down}, destinations[] = {to, ports, connections, up, down},
				   both[] = {user, to, ports, connections, up, down};
	json_t *section = report_section(document, "traffic", report_say(r, "Traffic", "通信量"));
	report_note(
		section, report_sentence(r, "Connections that ended in the period, as the phone sees them: sent and received.",
				 "期間内に終わった通信の集計です。送信・受信は端末から見た向きです。"));
	report_top(r, BAG_VOLUME,
		report_table(r, section, "users", report_say(r, "Users with the most traffic", "通信量の多い利用者"), users,
			COUNT_OF(users)),
		REPORT_TOP, report_most_bytes, user_row);
	report_top(r, BAG_DESTINATION,
		report_table(r, section, "destinations", report_say(r, "Destinations with the most traffic", "通信量の多い宛先"),
			destinations, COUNT_OF(destinations)),
		REPORT_TOP, report_most_bytes, destination_row);
	report_top(r, BAG_USER_DESTINATION,
		report_table(r, section, "user_destinations", report_say(r, "Who moved most where", "利用者と宛先の組み合わせ"),
			both, COUNT_OF(both)),
		2 * REPORT_TOP, report_most_bytes, both_row);
}

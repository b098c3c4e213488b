/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Logins, sessions and what was refused. */
#include <inttypes.h>
#include <string.h>

#include "gateway/cli/report_build.h"

#define COUNT_OF(columns) (sizeof(columns) / sizeof *(columns))

static const struct {
	const char *id, *action, *en, *ja;
} series[REPORT_SERIES] = {
	[REPORT_LOGINS] = {"logins", "login-succeeded", "Logins", "ログイン成功"},
	[REPORT_FAILURES] = {"failures", "login-failed", "Failed logins", "ログイン失敗"},
	[REPORT_SESSIONS] = {"sessions", "session-opened", "Sessions", "セッション"},
	[REPORT_DEVICES_REFUSED] = {"devices_refused", "device-refused", "Refused devices", "拒否した端末"},
	[REPORT_CONNECTIONS_REFUSED] = {"connections_refused", "connection-refused", "Refused connections", "拒否した通信"},
	[REPORT_CONNECTIONS] = {"connections", "connection-closed", "Connections", "通信"},
};

static json_t *slot_figure(const struct report *r, const struct report_slot *slot, enum report_series s)
{
	return report_figure_at(r, slot[0].since, slot[1].since, slot->count[s].times, slot->count[s].lines,
		REPORT_WORDS("--action", series[s].action));
}

static bool slot_empty(const struct report_slot *slot)
{
	for (enum report_series s = 0; s < REPORT_SERIES; s++)
		if (slot->count[s].lines)
			return false;
	return true;
}

/* Two or more series over the slots; bars, and every number of them in the table that follows. */
static void chart(const struct report *r, json_t *section, const char *id, const char *title, enum report_series first,
	enum report_series last)
{
	const struct report_slots *slots = r->hours.used ? &r->hours : &r->days;
	json_t *names = json_array(), *buckets = json_array();
	for (enum report_series s = first; s <= last; s++)
		json_array_append_new(
			names, json_pack("{s:s, s:s}", "id", series[s].id, "title", report_say(r, series[s].en, series[s].ja)));
	for (size_t i = 0; i < slots->used; i++) {
		json_t *values = json_array();
		for (enum report_series s = first; s <= last; s++)
			json_array_append_new(values, slot_figure(r, &slots->slot[i], s));
		json_array_append_new(
			buckets, json_pack("{s:o, s:o}", "since", report_instant(slots->slot[i].since), "values", values));
	}
	json_array_append_new(
		json_object_get(section, "charts"), json_pack("{s:s, s:s, s:s, s:o, s:o}", "id", id, "title", title, "unit",
							    r->hours.used ? "hour" : "day", "series", names, "buckets", buckets));
}

static void days_table(const struct report *r, json_t *section)
{
	struct report_column columns[REPORT_SERIES + 1] = {{"day", "day", "Day", "日"}};
	for (enum report_series s = 0; s < REPORT_SERIES; s++)
		columns[s + 1] = (struct report_column){series[s].id, "count", series[s].en, series[s].ja};
	json_t *table = report_table(r, section, "days", report_say(r, "Day by day", "日ごと"), columns, COUNT_OF(columns));
	for (size_t i = 0; i < r->days.used; i++) {
		const struct report_slot *slot = &r->days.slot[i];
		if (r->days.used > REPORT_HOURLY_DAYS && slot_empty(slot))
			continue;
		json_t *row = report_row(table);
		json_object_set_new(row, "day", report_instant(slot->since));
		for (enum report_series s = 0; s < REPORT_SERIES; s++)
			json_object_set_new(row, series[s].id, slot_figure(r, slot, s));
	}
}

/* ---- lists by reason ---- */

static void by_reason(const struct report *r, json_t *row, const struct report_entry *e, const char *action)
{
	json_object_set_new(row, "reason", json_string(e->key));
	json_object_set_new(row, "meaning", json_string(report_meaning(r, e->key)));
	report_count_cell(r, row, e, REPORT_WORDS("--action", action, "--reason", e->key));
}

static void failure_row(const struct report *r, json_t *row, const struct report_entry *e)
{
	by_reason(r, row, e, "login-failed");
}

static void ended_row(const struct report *r, json_t *row, const struct report_entry *e)
{
	by_reason(r, row, e, "session-ended");
}

static void refused_row(const struct report *r, json_t *row, const struct report_entry *e)
{
	by_reason(r, row, e, "device-refused");
}

static void connection_row(const struct report *r, json_t *row, const struct report_entry *e)
{
	by_reason(r, row, e, "connection-refused");
}

static const struct report_column reason_columns[] = {
	{"meaning", "text", "Why", "理由"}, {"reason", "code", "In the log", "ログの表記"}, {"count", "count", "Times", "回数"}};

static void reasons(struct report *r, json_t *section, const char *id, const char *title, enum report_bags bag,
	void (*each)(const struct report *, json_t *, const struct report_entry *))
{
	report_top(r, bag, report_table(r, section, id, title, reason_columns, COUNT_OF(reason_columns)), REPORT_EVENTS_MAX,
		report_most_times, each);
}

/* ---- who ---- */

static void failure_who_row(const struct report *r, json_t *row, const struct report_entry *e)
{
	char user[REPORT_PART_MAX], hash[REPORT_PART_MAX], device[REPORT_PART_MAX];
	report_part(e->key, 0, user);
	report_part(e->key, 1, hash);
	report_part(e->key, 2, device);
	json_object_set_new(row, "user",
		*user || !*hash ? json_string(user) : report_sentence(r, "(unknown name %.8s…)", "(不明な名前 %.8s…)", hash));
	json_object_set_new(row, "device", json_string(device));
	report_count_cell(r, row, e,
		REPORT_WORDS("--action", "login-failed", *user ? "--user" : "--text", *user ? user : hash, "--device", device));
	json_object_set_new(row, "last", report_instant(e->count.last));
}

void report_build_logins(struct report *r, json_t *document)
{
	static const struct report_column who[] = {{"user", "text", "User", "利用者"}, {"device", "text", "Device", "端末"},
		{"count", "count", "Failures", "失敗"}, {"last", "time", "Last", "最後"}};
	json_t *section = report_section(document, "logins", report_say(r, "Logins and sessions", "ログインとセッション"));
	chart(r, section, "logins", report_say(r, "Logins and failures", "ログインの成功と失敗"), REPORT_LOGINS, REPORT_FAILURES);
	if (r->days.used > 1)
		days_table(r, section);
	reasons(r, section, "failures", report_say(r, "Why logins failed", "失敗の理由"), BAG_FAILURE, failure_row);
	report_top(r, BAG_FAILURE_WHO,
		report_table(
			r, section, "failures_who", report_say(r, "Who failed most", "失敗の多い利用者"), who, COUNT_OF(who)),
		REPORT_TOP, report_most_times, failure_who_row);
	reasons(r, section, "ended", report_say(r, "Why sessions ended", "セッション終了の理由"), BAG_ENDED, ended_row);
}

/* ---- refused ---- */

static void refused_who_row(const struct report *r, json_t *row, const struct report_entry *e)
{
	char device[REPORT_PART_MAX], key[REPORT_PART_MAX], reason[REPORT_PART_MAX];
	report_part(e->key, 0, device);
	report_part(e->key, 1, key);
	report_part(e->key, 2, reason);
	json_object_set_new(
		row, "device", *device ? report_sentence(r, "%s %s", "%s %s", device, e->note ? e->note : "") : json_string(key));
	json_object_set_new(row, "meaning", json_string(report_meaning(r, reason)));
	json_object_set_new(row, "reason", json_string(reason));
	report_count_cell(r, row, e, REPORT_WORDS("--action", "device-refused", "--key", key, "--reason", reason));
	json_object_set_new(row, "last", report_instant(e->count.last));
}

static void refused_from_row(const struct report *r, json_t *row, const struct report_entry *e)
{
	json_object_set_new(row, "address", json_string(e->key));
	report_count_cell(r, row, e, REPORT_WORDS("--action", "device-refused", "--address", e->key));
	json_object_set_new(row, "last", report_instant(e->count.last));
}

static void lost_row(const struct report *r, json_t *row, const struct report_entry *e)
{
	char device[REPORT_PART_MAX], key[REPORT_PART_MAX], from[REPORT_PART_MAX];
	report_part(e->key, 0, device);
	report_part(e->key, 1, key);
	report_part(e->key, 2, from);
	json_object_set_new(row, "device", report_sentence(r, "%s %s", "%s %s", device, e->note ? e->note : ""));
	json_object_set_new(row, "from", json_string(from));
	report_count_cell(
		r, row, e, REPORT_WORDS("--action", "device-refused", "--reason", "lost", "--key", key, "--address", from));
	json_object_set_new(row, "first", report_instant(e->count.first));
	json_object_set_new(row, "last", report_instant(e->count.last));
}

static void connection_who_row(const struct report *r, json_t *row, const struct report_entry *e)
{
	char user[REPORT_PART_MAX], device[REPORT_PART_MAX], to[REPORT_PART_MAX], reason[REPORT_PART_MAX];
	report_part(e->key, 0, user);
	report_part(e->key, 1, device);
	report_part(e->key, 2, to);
	report_part(e->key, 3, reason);
	json_object_set_new(row, "who", json_string(*user ? user : *device ? device : "-"));
	json_object_set_new(row, "to", json_string(to));
	json_object_set_new(row, "ports", json_string(e->note ? e->note : ""));
	json_object_set_new(row, "reason", json_string(reason));
	report_count_cell(r, row, e,
		REPORT_WORDS("--action", "connection-refused", "--user", user, "--device", device, "--destination", to,
			"--reason", reason));
}

void report_build_refused(struct report *r, json_t *document)
{
	static const struct report_column lost[] = {{"device", "text", "Device", "端末"},
		{"from", "text", "Outer address", "接続元"}, {"count", "count", "Times", "回数"},
		{"first", "time", "First", "最初"}, {"last", "time", "Last", "最後"}},
					  who[] = {{"device", "key", "Device or key", "端末または鍵"},
						  {"reason", "code", "Why", "理由"}, {"count", "count", "Times", "回数"},
						  {"last", "time", "Last", "最後"}},
					  from[] = {{"address", "text", "Outer address", "接続元"},
						  {"count", "count", "Times", "回数"}, {"last", "time", "Last", "最後"}},
					  connection[] = {{"who", "text", "User or device", "利用者または端末"},
						  {"to", "text", "To", "宛先"}, {"ports", "text", "Ports", "ポート"},
						  {"reason", "code", "Why", "理由"}, {"count", "count", "Times", "回数"}};
	json_t *section = report_section(document, "refused", report_say(r, "Refused", "拒否"));
	chart(r, section, "refused", report_say(r, "Refused devices and connections", "拒否した端末と通信"),
		REPORT_DEVICES_REFUSED, REPORT_CONNECTIONS_REFUSED);
	report_top(r, BAG_LOST,
		report_table(r, section, "lost", report_say(r, "Lost devices seen", "紛失端末の接続試行"), lost, COUNT_OF(lost)),
		REPORT_EVENTS_MAX, report_first_seen, lost_row);
	reasons(r, section, "devices", report_say(r, "Refused devices, by reason", "拒否した端末（理由別）"), BAG_REFUSED,
		refused_row);
	report_top(r, BAG_REFUSED_WHO,
		report_table(
			r, section, "devices_who", report_say(r, "Most refused devices", "拒否の多い端末"), who, COUNT_OF(who)),
		REPORT_TOP, report_most_times, refused_who_row);
	report_top(r, BAG_REFUSED_FROM,
		report_table(
			r, section, "devices_from", report_say(r, "Where they knocked from", "接続元"), from, COUNT_OF(from)),
		REPORT_TOP, report_most_times, refused_from_row);
	reasons(r, section, "connections", report_say(r, "Refused connections, by reason", "拒否した通信（理由別）"),
		BAG_CONNECTION, connection_row);
	report_top(r, BAG_CONNECTION_WHO,
		report_table(r, section, "connections_who", report_say(r, "Most refused connections", "拒否の多い通信"),
			connection, COUNT_OF(connection)),
		REPORT_TOP, report_most_times, connection_who_row);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is new, and what is unlike a person. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "gateway/cli/report_build.h"

#define COUNT_OF(columns) (sizeof(columns) / sizeof *(columns))

static const int64_t HOUR = 3600 * INT64_C(1000000);

static void network_row(const struct report *r, json_t *row, const struct report_entry *e)
{
	char user[REPORT_PART_MAX], network[REPORT_PART_MAX];
	report_pair(e->key, user, network);
	json_object_set_new(row, "user", json_string(user));
	json_object_set_new(row, "network", json_string(network));
	json_object_set_new(row, "first", report_instant(e->count.first));
	report_count_cell(r, row, e, REPORT_WORDS("--action", "login-succeeded", "--user", user, "--address", network));
}

static void device_row(const struct report *r, json_t *row, const struct report_entry *e)
{
	json_object_set_new(row, "device", report_sentence(r, "%s %s", "%s %s", e->key, e->note ? e->note : ""));
	json_object_set_new(row, "first", report_instant(e->count.first));
	report_count_cell(r, row, e, REPORT_WORDS("--action", "device-admitted", "--device", e->key));
}

static void hour_row(const struct report *r, json_t *row, const struct report_entry *e)
{
	char user[REPORT_PART_MAX], hour[REPORT_PART_MAX];
	report_part(e->key, 0, user);
	int64_t since = strtoll(report_part(e->key, 1, hour), NULL, 10), until = since + HOUR;
	json_object_set_new(row, "user", json_string(user));
	json_object_set_new(row, "hour", report_instant(since));
	json_object_set_new(row, "usual",
		e->note && *e->note ? report_sentence(r, "%s", "%s", e->note)
				    : report_sentence(r, "%02d-%02d (too few logins before)",
					      "%02d-%02d（過去のログインが少ない）", REPORT_DAY_BEGINS, REPORT_DAY_ENDS));
	json_object_set_new(row, "count",
		report_figure_at(r, since < r->since ? r->since : since, until > r->until ? r->until : until, e->count.times,
			e->count.lines, REPORT_WORDS("--action", "login-succeeded", "--user", user)));
}

static void roamed_row(const struct report *r, json_t *row, const struct report_entry *e)
{
	json_object_set_new(row, "device", report_sentence(r, "%s %s", "%s %s", e->key, e->note ? e->note : ""));
	report_count_cell(r, row, e, REPORT_WORDS("--action", "device-roamed", "--device", e->key));
	json_object_set_new(row, "last", report_instant(e->count.last));
}

static json_int_t number(const json_t *row, const char *name)
{
	return json_integer_value(json_object_get(row, name));
}

/* How far apart, "3m20s". */
static json_t *distance(const json_t *event)
{
	char text[DURATION_TEXT];
	return json_string(duration_format((number(event, "until") - number(event, "since")) / 1000000, text));
}

static void pairs(
	struct report *r, json_t *section, enum report_lists list, const char *id, const char *title, const char *action)
{
	static const struct report_column columns[] = {{"user", "text", "User", "利用者"}, {"when", "time", "When", "日時"},
		{"first", "text", "First", "先"}, {"second", "text", "Then", "後"}, {"apart", "text", "Apart", "間隔"},
		{"count", "count", "Lines", "行数"}};
	json_t *table = report_table(r, section, id, title, columns, COUNT_OF(columns)), *event;
	size_t i;
	json_array_foreach(r->lists[list].rows, i, event)
	{
		const char *user = json_string_value(json_object_get(event, "user"));
		json_t *row = report_row(table);
		uint64_t lines = (uint64_t)number(event, "lines");
		json_object_set_new(row, "user", json_string(user));
		json_object_set_new(row, "when", report_instant(number(event, "until")));
		json_object_set_new(row, "first",
			report_sentence(r, "%s %s", "%s %s", json_string_value(json_object_get(event, "from_device")),
				json_string_value(json_object_get(event, "from"))));
		json_object_set_new(row, "second",
			report_sentence(r, "%s %s", "%s %s", json_string_value(json_object_get(event, "to_device")),
				json_string_value(json_object_get(event, "to"))));
		json_object_set_new(row, "apart", distance(event));
		json_object_set_new(row, "count",
			report_figure_at(r, number(event, "since"), number(event, "until") + 1, lines, lines,
				REPORT_WORDS("--action", action, "--user", user)));
	}
	if (r->lists[list].hidden)
		report_note(table, report_sentence(r, "%" PRIu64 " more are not shown.", "ほか %" PRIu64 " 件は省略しました。",
					   r->lists[list].hidden));
}

static void say_reach(struct report *r, json_t *section)
{
	char text[TIME_TEXT];
	int64_t days = r->reaches == LOGVALUE_NONE ? 0 : (r->since - r->reaches) / (24 * HOUR);
	if (r->reaches == LOGVALUE_NONE || r->reaches >= r->since)
		report_note(
			section, report_sentence(r, "The logs do not reach back before the period, so nothing can be called new.",
					 "期間より前のログがないため、新しいかどうかは判定できません。"));
	else
		report_note(section, report_sentence(r,
					     "New means: not in the logs before the period. They reach back to %.10s, %" PRId64
					     " days before it.",
					     "「新しい」とは、期間より前のログにないことです。ログは %.10s（%" PRId64
					     " 日前）まで残っています。",
					     time_format(r->reaches, text), days));
}

void report_build_people(struct report *r, json_t *document)
{
	static const struct report_column network[] = {{"user", "text", "User", "利用者"},
		{"network", "text", "Outer network", "接続元ネットワーク"}, {"first", "time", "First", "最初"},
		{"count", "count", "Logins", "ログイン"}},
					  device[] = {{"device", "text", "Device", "端末"}, {"first", "time", "First", "最初"},
						  {"count", "count", "Admitted", "接続"}},
					  hour[] = {{"user", "text", "User", "利用者"}, {"hour", "time", "Hour from", "時間帯"},
						  {"usual", "text", "Usual hours", "普段の時間帯"},
						  {"count", "count", "Logins", "ログイン"}},
					  roamed[] = {{"device", "text", "Device", "端末"},
						  {"count", "count", "Changes", "変更回数"}, {"last", "time", "Last", "最後"}};
	bool history = r->reaches != LOGVALUE_NONE && r->reaches < r->since;
	json_t *new = report_section(document, "new", report_say(r, "First seen", "初めて見たもの"));
	say_reach(r, new);
	report_top(r, BAG_NEW_NETWORK,
		report_table(r, new, "networks", report_say(r, "Networks new for their user", "利用者にとって新しいネットワーク"),
			network, COUNT_OF(network)),
		history ? REPORT_EVENTS_MAX : 0, report_first_seen, network_row);
	report_top(r, BAG_NEW_DEVICE,
		report_table(r, new, "devices", report_say(r, "New devices", "新しい端末"), device, COUNT_OF(device)),
		history ? REPORT_EVENTS_MAX : 0, report_first_seen, device_row);

	json_t *people = report_section(document, "people", report_say(r, "Unlike them", "普段と違う使い方"));
	report_note(people, report_sentence(r,
				    "A place is the outer network: the /16 of an IPv4 address, the /32 of an IPv6 one. A phone "
				    "that goes from Wi-Fi to "
				    "mobile data changes it too: these are reasons to ask, not proof.",
				    "場所は接続元のネットワーク（IPv4 は /16、IPv6 は /32）で見ます。Wi-Fi "
				    "から携帯回線に移っても変わるので、確認のきっかけであって証拠ではありません。"));
	report_top(r, BAG_UNUSUAL,
		report_table(r, people, "unusual", report_say(r, "Logins at unusual hours", "普段と違う時間のログイン"), hour,
			COUNT_OF(hour)),
		REPORT_EVENTS_MAX, report_first_seen, hour_row);
	pairs(r, people, LIST_APART, "apart",
		report_say(r, "One account, two devices, two places at once", "同じアカウントが二つの端末・場所で同時に利用中"),
		"session-opened");
	pairs(r, people, LIST_FAST, "fast",
		report_say(r, "Logins from two places within 10 minutes", "10 分以内に別の場所からログイン"), "login-succeeded");
	report_top(r, BAG_ROAMED,
		report_table(r, people, "roamed",
			report_say(r, "Devices that changed their outer address most", "接続元の変更が多い端末"), roamed,
			COUNT_OF(roamed)),
		REPORT_TOP, report_most_times, roamed_row);
}

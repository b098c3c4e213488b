/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What administrators did, and whether the logs themselves can be trusted. */
#include <inttypes.h>
#include <string.h>

#include "common/text.h"
#include "gateway/cli/report_build.h"

#define COUNT_OF(columns) (sizeof(columns) / sizeof *(columns))

static const char *text_of(const json_t *row, const char *name)
{
	const char *text = json_string_value(json_object_get(row, name));
	return text ? text : "";
}

static json_int_t number_of(const json_t *row, const char *name)
{
	return json_integer_value(json_object_get(row, name));
}

static void say_hidden(struct report *r, json_t *table, enum report_lists list)
{
	if (r->lists[list].hidden)
		report_note(table, report_sentence(r, "%" PRIu64 " more are not shown.", "ほか %" PRIu64 " 件は省略しました。",
					   r->lists[list].hidden));
}

static void word_of(const struct report *r, json_t *row, const char *column, const char *word)
{
	const char *meaning = report_meaning(r, word);
	json_object_set_new(row, column, json_string(*meaning ? meaning : word));
}

static void admin_row(const struct report *r, json_t *row, const struct report_entry *e)
{
	char name[REPORT_PART_MAX], action[REPORT_PART_MAX];
	report_pair(e->key, name, action);
	json_object_set_new(row, "who", json_string(name));
	word_of(r, row, "meaning", action);
	json_object_set_new(row, "action", json_string(action));
	report_count_cell(r, row, e, REPORT_WORDS("--action", action, "--admin", name));
}

static void events(struct report *r, json_t *section, enum report_lists list, const char *id, const char *title, const char *word,
	const struct report_column *columns, size_t count)
{
	json_t *table = report_table(r, section, id, title, columns, count), *event;
	size_t i;
	json_array_foreach(r->lists[list].rows, i, event)
	{
		json_t *row = report_row(table);
		json_object_set_new(row, "when", report_instant(number_of(event, "when")));
		json_object_set_new(row, "who", json_string(text_of(event, "who")));
		word_of(r, row, "what", text_of(event, word));
		json_object_set_new(row, "about", json_string(text_of(event, "about")));
	}
	say_hidden(r, table, list);
}

static void acl_table(struct report *r, json_t *section)
{
	static const struct report_column columns[] = {{"when", "time", "When", "日時"}, {"who", "text", "Who", "実行者"},
		{"generation", "text", "No.", "番号"}, {"changes", "text", "What changed", "変更内容"},
		{"sessions", "text", "Sessions", "影響"}};
	json_t *table = report_table(r, section, "acl",
		       report_say(r, "Rules put in force (acl-applied)", "適用された規則（acl-applied）"), columns,
		       COUNT_OF(columns)),
	       *event;
	size_t i;
	json_array_foreach(r->lists[LIST_ACL].rows, i, event)
	{
		json_t *row = report_row(table), *change;
		char text[1024] = "";
		size_t used = 0, j;
		json_array_foreach(json_object_get(event, "changes"), j, change)
		{
			int n = snprintf(text + used, sizeof text - used, "%s%s", used ? "; " : "", json_string_value(change));
			used += n > 0 && (size_t)n < sizeof text - used ? (size_t)n : 0;
			text[used] = '\0';
		}
		json_int_t more = number_of(event, "changes_total") - (json_int_t)j;
		json_object_set_new(row, "when", report_instant(number_of(event, "when")));
		json_object_set_new(row, "who", json_string(text_of(event, "who")));
		json_object_set_new(
			row, "generation", report_sentence(r, "%" PRId64, "%" PRId64, (int64_t)number_of(event, "generation")));
		json_object_set_new(row, "changes",
			more > 0 ? report_sentence(r, "%s; %" PRId64 " more", "%s、ほか %" PRId64 " 件", text, (int64_t)more)
				 : json_string(text));
		json_object_set_new(row, "sessions",
			report_sentence(r, "%" PRId64, "%" PRId64, (int64_t)number_of(event, "sessions_changed")));
	}
	say_hidden(r, table, LIST_ACL);
}

void report_build_admin(struct report *r, json_t *document)
{
	static const struct report_column by[] = {{"who", "text", "Who", "実行者"}, {"meaning", "text", "What", "操作"},
		{"action", "code", "In the log", "ログの表記"}, {"count", "count", "Times", "回数"}},
					  list[] = {{"when", "time", "When", "日時"}, {"who", "text", "Who", "実行者"},
						  {"what", "text", "What", "操作"}, {"about", "text", "About", "対象"}};
	json_t *section = report_section(document, "admin", report_say(r, "Administration", "管理操作"));
	report_top(r, BAG_ADMIN,
		report_table(r, section, "actions", report_say(r, "Who did what", "実行者と操作"), by, COUNT_OF(by)),
		REPORT_EVENTS_MAX, report_most_times, admin_row);
	acl_table(r, section);
	events(r, section, LIST_ADMIN, "list", report_say(r, "In order", "時系列"), "action", list, COUNT_OF(list));
}

/* ---- the gateway and the logs ---- */

static void alert_row(const struct report *r, json_t *row, const struct report_entry *e)
{
	word_of(r, row, "meaning", e->key);
	json_object_set_new(row, "reason", json_string(e->key));
	report_count_cell(r, row, e, REPORT_WORDS("--action", "alert", "--reason", e->key));
}

static void gateway_row(const struct report *r, json_t *row, const struct report_entry *e)
{
	char action[REPORT_PART_MAX], reason[REPORT_PART_MAX];
	report_pair(e->key, action, reason);
	word_of(r, row, "meaning", action);
	json_object_set_new(row, "reason",
		*reason ? report_sentence(
				  r, "of these: %s", "うち %s", *report_meaning(r, reason) ? report_meaning(r, reason) : reason)
			: json_string(""));
	report_count_cell(r, row, e, REPORT_WORDS("--action", action, "--reason", reason));
	json_object_set_new(row, "last", report_instant(e->count.last));
}

static void gap_row(const struct report *r, json_t *row, const struct report_entry *e)
{
	char file[REPORT_PART_MAX], reason[REPORT_PART_MAX];
	report_pair(e->key, file, reason);
	json_object_set_new(row, "log", json_string(file));
	word_of(r, row, "meaning", reason);
	json_object_set_new(row, "reason", json_string(reason));
	report_count_cell(r, row, e, REPORT_WORDS("--action", "log-gap", "--file", file, "--reason", reason));
	json_object_set_new(row, "last", report_instant(e->count.last));
}

/* The three logs as the check found them, and what it has to say. */
static void seals(struct report *r, json_t *section)
{
	static const struct report_column logs[] = {{"log", "text", "Log", "ログ"}, {"lines", "number", "Lines", "行"},
		{"seals", "number", "Seals", "封印"}, {"sealed", "time", "Last seal", "最後の封印"},
		{"unsealed", "number", "Lines after it", "その後の行"}},
					  findings[] = {{"level", "code", "", ""}, {"where", "text", "Where", "場所"},
						  {"text", "text", "What", "内容"}};
	json_t *table = report_table(r, section, "seals", report_say(r, "Seals", "封印"), logs, COUNT_OF(logs)), *item;
	size_t i;
	json_array_foreach(json_object_get(r->verification, "logs"), i, item)
	{
		json_t *row = report_row(table);
		json_object_set(row, "log", json_object_get(item, "log"));
		json_object_set(row, "lines", json_object_get(item, "lines"));
		json_object_set(row, "seals", json_object_get(item, "seals"));
		json_object_set(row, "sealed", json_object_get(item, "sealed"));
		json_object_set(row, "unsealed", json_object_get(item, "unsealed"));
	}
	table = report_table(r, section, "findings", report_say(r, "Findings", "検証の結果"), findings, COUNT_OF(findings));
	json_array_foreach(json_object_get(r->verification, "findings"), i, item)
	{
		const char *file = strrchr(text_of(item, "file"), '/');
		json_t *row = report_row(table);
		json_object_set(row, "level", json_object_get(item, "level"));
		json_object_set_new(row, "where",
			file ? report_sentence(r, "%s:%" PRId64, "%s:%" PRId64, file + 1, (int64_t)number_of(item, "line"))
			     : json_string(text_of(item, "log")));
		json_object_set(row, "text", json_object_get(item, "text"));
	}
	json_object_set(section, "command", json_object_get(r->verification, "command"));
}

static void verification(struct report *r, json_t *section)
{
	const json_t *v = r->verification;
	if (!v) {
		report_note(section, report_sentence(r, "The seals of the logs were not checked (--no-verify).",
					     "ログの封印は検証していません（--no-verify）。"));
		return;
	}
	seals(r, section);
	const char *verdict = text_of(v, "verdict");
	if (!strcmp(verdict, "whole"))
		report_note(section,
			report_sentence(r,
				"All logs in this folder, not only the period, are whole and unchanged up to the last seal. This "
				"was judged with "
				"the keys in %s: who had taken over the gateway could have changed those too. For proof, verify "
				"a copy "
				"elsewhere with the keys that were kept elsewhere.",
				"このフォルダーの全ログ（期間外も含む）は、最後の封印まで欠落も変更もありません。判定には %s "
				"の鍵を使いました。ゲートウェイを乗っ取った者はこの鍵も変えられるので、証明には別に保管した鍵で複"
				"製を検証してください。",
				text_of(v, "keys")));
	else if (!strcmp(verdict, "cannot tell"))
		report_note(
			section, report_sentence(r,
					 "Whether the logs are whole cannot be told with the keys in %s. Run the command below.",
					 "%s の鍵では、ログが完全かどうか判定できません。下のコマンドで確認してください。",
					 text_of(v, "keys")));
	else
		report_note(section,
			report_sentence(r,
				"THE LOGS HAVE BEEN ALTERED, or lines are missing. Keep a copy and run the command below.",
				"ログが変更されているか、行が欠けています。複製を保全し、下のコマンドで確認してください。"));
}

void report_build_evidence(struct report *r, json_t *document)
{
	static const struct report_column alerts[] = {{"meaning", "text", "What", "内容"},
		{"reason", "code", "In the log", "ログの表記"}, {"count", "count", "Times", "回数"}},
					  list[] = {{"when", "time", "When", "日時"}, {"what", "text", "What", "内容"},
						  {"about", "text", "About", "対象"}},
					  gateway[] = {{"meaning", "text", "What", "内容"}, {"reason", "text", "How", "状況"},
						  {"count", "count", "Times", "回数"}, {"last", "time", "Last", "最後"}},
					  gaps[] = {{"log", "text", "Log", "ログ"}, {"meaning", "text", "Why", "理由"},
						  {"reason", "code", "In the log", "ログの表記"},
						  {"count", "count", "Lost", "欠落"}, {"last", "time", "Last", "最後"}};
	json_t *alert = report_section(document, "alerts", report_say(r, "Alerts", "警報"));
	report_top(r, BAG_ALERT,
		report_table(r, alert, "reasons", report_say(r, "By reason", "理由別"), alerts, COUNT_OF(alerts)),
		REPORT_EVENTS_MAX, report_most_times, alert_row);
	events(r, alert, LIST_ALERT, "list", report_say(r, "In order", "時系列"), "reason", list, COUNT_OF(list));
	report_top(r, BAG_GATEWAY,
		report_table(
			r, alert, "gateway", report_say(r, "The gateway itself", "ゲートウェイ自身"), gateway, COUNT_OF(gateway)),
		REPORT_EVENTS_MAX, report_by_key, gateway_row);

	json_t *evidence = report_section(document, "evidence", report_say(r, "Can these logs be trusted?", "ログの完全性"));
	if (r->unreadable || r->undated)
		report_note(evidence,
			report_sentence(r,
				"%" PRIu64
				" lines could not be read: they are no JSON, or have no time. None of them is in the figures.",
				"%" PRIu64 " 行は読めませんでした（JSON でない、または時刻がない）。集計には含まれません。",
				r->unreadable + r->undated));
	report_top(r, BAG_GAP,
		report_table(r, evidence, "gaps", report_say(r, "What could not be recorded", "記録できなかったもの"), gaps,
			COUNT_OF(gaps)),
		REPORT_EVENTS_MAX, report_first_seen, gap_row);
	verification(r, evidence);
}

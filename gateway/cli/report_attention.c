/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The beginning of the report: what needs attention first, in sentences; and the few numbers that people ask for. */
#include <inttypes.h>
#include <string.h>

#include "gateway/cli/report_build.h"

enum { ATTENTION_NAMES = 5 };

static void say(json_t *document, const char *level, const char *section, json_t *sentence)
{
	json_array_append_new(json_object_get(document, "attention"),
		json_pack("{s:s, s:s, s:o}", "level", level, "section", section, "text", sentence));
}

static struct report_count sum(const struct report_bag *b)
{
	struct report_count all = {0};
	for (size_t i = 0; i < b->used; i++) {
		all.lines += b->entries[i].count.lines;
		all.times += b->entries[i].count.times;
	}
	return all;
}

static const struct report_count *count_of(const struct report *r, enum report_bags bag, size_t parts, const char *const *words)
{
	static const struct report_count none;
	char key[REPORT_KEY_MAX];
	const struct report_entry *e = report_bag_find(&r->bags[bag], report_key(key, parts, words));
	return e ? &e->count : &none;
}

/* The first part of the largest entries' keys, each once: "t-yamada, h-suzuki, …". */
static const char *names(const struct report_bag *b, char *out, size_t size)
{
	char seen[ATTENTION_NAMES][REPORT_PART_MAX];
	size_t used = 0, count = 0;
	out[0] = '\0';
	for (size_t i = 0; i < b->used; i++) {
		char name[REPORT_PART_MAX];
		bool again = false;
		report_part(b->entries[i].key, 0, name);
		for (size_t j = 0; j < count; j++)
			again = again || !strcmp(seen[j], name);
		if (again || !*name)
			continue;
		int n = snprintf(out + used, size - used, "%s%s", used ? ", " : "", count == ATTENTION_NAMES ? "…" : name);
		if (n < 0 || (size_t)n >= size - used) {
			out[used] = '\0';
			break;
		}
		used += (size_t)n;
		if (count == ATTENTION_NAMES)
			break;
		snprintf(seen[count++], sizeof *seen, "%s", name);
	}
	return out;
}

static void evidence(const struct report *r, json_t *document)
{
	const char *verdict = json_string_value(json_object_get(r->verification, "verdict"));
	struct report_count gaps = sum(&r->bags[BAG_GAP]);
	/* Refused packets that are only counted: in the table of gaps, and no fault of the records. */
	static const char *const counted[] = {"rate-limited", "unread"};
	for (size_t i = 0; i < sizeof counted / sizeof *counted; i++) {
		const struct report_count *c = count_of(r, BAG_GAP, 2, (const char *[]){"access", counted[i]});
		gaps.lines -= c->lines;
		gaps.times -= c->times;
	}
	if (verdict && !strcmp(verdict, "ALTERED"))
		say(document, "alarm", "evidence",
			report_sentence(r, "The logs have been altered, or lines are missing: the seals do not fit.",
				"ログが変更されているか、行が欠けています。封印と一致しません。"));
	if (gaps.lines)
		say(document, "alarm", "evidence",
			report_sentence(r, "Events that could not be recorded: %" PRIu64 " (gaps in the logs: %" PRIu64 ").",
				"%" PRIu64 " 件の出来事を記録できませんでした（欠落 %" PRIu64 " か所）。", gaps.times,
				gaps.lines));
	if (verdict && !strcmp(verdict, "cannot tell"))
		say(document, "look", "evidence",
			report_sentence(r, "Whether the logs are whole cannot be told with the keys at hand.",
				"手元の鍵ではログが完全かどうか判定できません。"));
	if (r->unreadable + r->undated)
		say(document, "look", "evidence",
			report_sentence(r, "Lines of the logs that could not be read: %" PRIu64 ".",
				"ログの %" PRIu64 " 行を読めませんでした。", r->unreadable + r->undated));
}

static void devices(struct report *r, json_t *document)
{
	char text[512];
	const struct report_count lost = sum(&r->bags[BAG_LOST]),
				  *unknown = count_of(r, BAG_REFUSED, 1, (const char *[]){"unknown-key"});
	report_bag_sort(&r->bags[BAG_LOST], report_first_seen);
	if (lost.times)
		say(document, "alarm", "refused",
			report_sentence(r, "A device reported lost knocked and was refused: %1$s (%2$" PRIu64 ").",
				"紛失届のある端末 %1$s が %2$" PRIu64 " 回接続を試み、拒否されました。",
				names(&r->bags[BAG_LOST], text, sizeof text), lost.times));
	if (unknown->times)
		say(document, "note", "refused",
			report_sentence(r, "Knocks with keys of no device of ours: %" PRIu64 ".",
				"登録のない鍵による接続の試みが %" PRIu64 " 回ありました。", unknown->times));
}

static void alerts(const struct report *r, json_t *document)
{
	const struct report_bag *b = &r->bags[BAG_ALERT];
	const struct report_count *unclean = count_of(r, BAG_GATEWAY, 2, (const char *[]){"gateway-started", "unclean"});
	for (size_t i = 0; i < b->used; i++) {
		const struct report_entry *e = &b->entries[i];
		const char *meaning = report_meaning(r, e->key);
		if (strcmp(e->key, "lost-device-seen") != 0)
			say(document, "alarm", "alerts",
				report_sentence(r, "Alert: %1$s (%2$" PRIu64 ").", "警報：%1$s（%2$" PRIu64 " 回）。",
					*meaning ? meaning : e->key, e->count.times));
	}
	const struct report_count *by_user = count_of(r, BAG_GATEWAY, 2, (const char *[]){"device-suspended", "by-user"});
	if (by_user->lines)
		say(document, "look", "alerts",
			report_sentence(r, "Devices that users suspended on the login page, as lost or not theirs: %" PRIu64 ".",
				"利用者がログインページで停止した端末：%" PRIu64 " 件。", by_user->lines));
	if (unclean->lines)
		say(document, "look", "alerts",
			report_sentence(r, "Starts of the gateway without an orderly end before: %" PRIu64 ".",
				"正常終了を経ないゲートウェイの起動：%" PRIu64 " 回。", unclean->lines));
}

static void failures(struct report *r, json_t *document)
{
	struct report_bag *b = &r->bags[BAG_FAILURE_WHO];
	report_bag_sort(b, report_most_times);
	for (size_t i = 0; i < b->used && i < ATTENTION_NAMES && b->entries[i].count.times >= REPORT_MANY_FAILURES; i++) {
		char user[REPORT_PART_MAX], hash[REPORT_PART_MAX], device[REPORT_PART_MAX];
		report_part(b->entries[i].key, 0, user);
		report_part(b->entries[i].key, 1, hash);
		report_part(b->entries[i].key, 2, device);
		say(document, "look", "logins",
			report_sentence(r, "Failed logins as %1$.24s on %2$s: %3$" PRIu64 ".",
				"%2$s で %1$.24s のログイン失敗が %3$" PRIu64 " 回。", *user ? user : hash, device,
				b->entries[i].count.times));
	}
}

/* "N of them: a, b": one sentence for a bag, if it has anything. */
static void some(struct report *r, json_t *document, enum report_bags bag, const char *level, const char *section, const char *en,
	const char *ja)
{
	struct report_bag *b = &r->bags[bag];
	char text[512];
	report_bag_sort(b, report_first_seen);
	if (b->used)
		say(document, level, section,
			report_sentence(r, "%s: %s.", "%s：%s。", report_say(r, en, ja), names(b, text, sizeof text)));
}

static void people(struct report *r, json_t *document)
{
	static const struct {
		enum report_lists list;
		const char *en, *ja;
	} pairs[] = {{LIST_APART, "One account at two places at once", "同じアカウントが二か所で同時に利用中"},
		{LIST_FAST, "Logins from two places within 10 minutes", "10 分以内に別の場所からログイン"}};
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		const struct report_list *l = &r->lists[pairs[i].list];
		const json_t *last = json_array_get(l->rows, json_array_size(l->rows) - 1);
		if (last)
			say(document, "look", "people",
				report_sentence(r, "%s: %s (%zu in all).", "%s：%s（全 %zu 件）。",
					report_say(r, pairs[i].en, pairs[i].ja), json_string_value(json_object_get(last, "user")),
					json_array_size(l->rows) + (size_t)l->hidden));
	}
	some(r, document, BAG_UNUSUAL, "look", "people", "Logins at unusual hours", "普段と違う時間のログイン");
	if (r->reaches != LOGVALUE_NONE && r->reaches < r->since) {
		some(r, document, BAG_NEW_NETWORK, "note", "new", "Logins from networks new for the user",
			"新しいネットワークからのログイン");
		some(r, document, BAG_NEW_DEVICE, "note", "new", "Devices that came for the first time", "初めて接続した端末");
	}
}

static void admins(struct report *r, json_t *document)
{
	const struct report_bag *b = &r->bags[BAG_ADMIN];
	for (size_t i = 0; i < b->used; i++) {
		char name[REPORT_PART_MAX], action[REPORT_PART_MAX];
		report_pair(b->entries[i].key, name, action);
		if (!strcmp(action, "control-denied"))
			say(document, "look", "admin",
				report_sentence(r, "%s asked for what needs a role that is not theirs (%" PRIu64 ").",
					"%s が権限のない操作を %" PRIu64 " 回試みました。", name, b->entries[i].count.times));
	}
}

static void figures(struct report *r, json_t *document)
{
	static const struct {
		const char *id, *action, *en, *ja;
		enum report_series series;
	} all[] = {{"logins", "login-succeeded", "Logins", "ログイン成功", REPORT_LOGINS},
		{"failures", "login-failed", "Failed logins", "ログイン失敗", REPORT_FAILURES},
		{"sessions", "session-opened", "Sessions", "セッション", REPORT_SESSIONS},
		{"devices_refused", "device-refused", "Refused devices", "拒否した端末", REPORT_DEVICES_REFUSED},
		{"connections_refused", "connection-refused", "Refused connections", "拒否した通信", REPORT_CONNECTIONS_REFUSED},
		{"connections", "connection-closed", "Connections", "通信", REPORT_CONNECTIONS}};
	json_t *list = json_object_get(document, "figures");
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		const struct report_count *c = &r->total[all[i].series];
		json_array_append_new(
			list, json_pack("{s:s, s:s, s:s, s:o}", "id", all[i].id, "title", report_say(r, all[i].en, all[i].ja),
				      "kind", "count", "figure",
				      report_figure(r, c->times, c->lines, REPORT_WORDS("--action", all[i].action))));
	}
	const struct report_count *c = &r->total[REPORT_CONNECTIONS];
	json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:o}", "id", "sent", "title",
					    report_say(r, "Sent by phones", "端末からの送信"), "kind", "bytes", "figure",
					    report_figure(r, c->up, c->lines, REPORT_WORDS("--action", "connection-closed"))));
	json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:o}", "id", "received", "title",
					    report_say(r, "Received by phones", "端末の受信"), "kind", "bytes", "figure",
					    report_figure(r, c->down, c->lines, REPORT_WORDS("--action", "connection-closed"))));
}

static int rank(const char *level)
{
	return !strcmp(level, "alarm") ? 0 : !strcmp(level, "look") ? 1 : 2;
}

/* The worst first; within a level as they were said. */
static void sort(json_t *document)
{
	json_t *list = json_object_get(document, "attention"), *sorted = json_array(), *item;
	size_t i;
	for (int level = 0; level <= 2; level++)
		json_array_foreach(list, i, item)
		{
			if (rank(json_string_value(json_object_get(item, "level"))) == level)
				json_array_append(sorted, item);
		}

	json_object_set_new(document, "attention", sorted);
}

/* Nothing urgent is said as such, so that nobody wonders whether it was looked for. */
static void say_quiet(struct report *r, json_t *document)
{
	json_t *list = json_object_get(document, "attention");
	const char *level = json_string_value(json_object_get(json_array_get(list, 0), "level"));
	json_t *sentence;
	if (level && rank(level) < 2)
		return;
	if (!(r->lines[LOG_AUTH] + r->lines[LOG_ACCESS] + r->lines[LOG_AUDIT]))
		sentence =
			report_sentence(r, "There are no lines of this period in the logs.", "この期間のログの行はありません。");
	else if (level)
		sentence = report_sentence(r, "Nothing urgent.", "急ぎの確認事項はありません。");
	else
		sentence = report_sentence(
			r, "All quiet: nothing in these logs needs attention.", "異常なし。確認の必要な記録はありません。");
	json_array_insert_new(list, 0, json_pack("{s:s, s:s, s:o}", "level", "quiet", "section", "logins", "text", sentence));
}

void report_build_attention(struct report *r, json_t *document)
{
	alerts(r, document);
	admins(r, document);
	evidence(r, document);
	devices(r, document);
	failures(r, document);
	people(r, document);
	sort(document);
	say_quiet(r, document);
	figures(r, document);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `sekisho acl who`: everyone who can reach an address, or could on a date. */
#include <stdio.h>
#include <string.h>

#include "common/text.h"
#include "gateway/acl_json.h"
#include "gateway/cli/acl_print.h"
#include "gateway/cli/aclset.h"
#include "gateway/cli/cli.h"
#include "gateway/cli/command.h"
#include "gateway/cli/history.h"
#include "gateway/cli/moment.h"
#include "gateway/cli/option.h"
#include "gateway/cli/people.h"
#include "gateway/cli/table.h"

struct query {
	struct target target;
	const char *proto, *port, *address, *on;
	struct aclset_choice choice;
	struct moment moment;
	json_t *rows, *unknown, *partly; /* arrays; `partly`: see people.h */
};

/* A stretch of time in which one set was in force. */
struct window {
	const struct aclset *set;
	int64_t from, to;
};

static int query_parse(int argc, char **argv, struct query *q)
{
	struct option_words rest = {0};
	const struct option_spec specs[] = {
		{.name = "on", .value = &q->on},
		{.name = "files", .flag = &q->choice.files, .value = &q->choice.dir},
	};
	char why[256];

	int code = option_parse(argc, argv, specs, sizeof specs / sizeof *specs, &rest);
	if (!code)
		code = option_count(&rest, 2, 3, "PROTO or ADDRESS");
	if (code)
		return code;
	q->proto = rest.items[0];
	q->port = rest.count == 3 ? rest.items[1] : "";
	q->address = rest.items[rest.count - 1];
	if (q->choice.files && q->on)
		return cli_usage("files have no past: leave --files or --on out");
	if (target_parse(q->proto, q->port, q->address, &q->target, why, sizeof why))
		return cli_usage("%s", why);
	return moment_parse(q->on, NULL, time_now(), &q->moment);
}

/* The same person by the same line of the same set is listed once. */
static json_t *row_before(
	const json_t *rows, const struct person *p, const char *class, const struct rule_ref *rule, const json_t *origin)
{
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		if (!strcmp(cli_text(row, "user"), p->user) && !strcmp(cli_text(row, "class"), class) &&
			!strcmp(cli_text(row, "file"), rule->file) &&
			json_integer_value(json_object_get(row, "line")) == (json_int_t)rule->line &&
			json_equal(json_object_get(row, "generation"), json_object_get(origin, "generation")))
			return row;
	}
	return NULL;
}

static json_t *devices_of(const struct person *p, enum device_class class)
{
	json_t *list = json_array();
	const json_t *device;
	size_t i;

	json_array_foreach(p->devices, i, device)
	{
		if (!strcmp(cli_text(device, "class"), device_class_name(class)))
			(void)json_array_append_new(list, json_string(cli_text(device, "id")));
	}
	return list;
}

static void judge(struct query *q, const struct window *w, const struct person *p, enum device_class class)
{
	const char *room[GROUPS_MAX];
	const struct subject s = people_subject(p->user, p->groups, class, room);
	struct policy_terms terms;
	struct rule_ref rule;
	size_t count;

	if (!people_has_class(p, class) || !policy_decide(w->set->policy, &s, &q->target, w->from, &rule, 1, &count))
		return;
	policy_terms(w->set->policy, &s, w->from, &terms);
	if (terms.bar != BAR_NONE && terms.opens >= w->to)
		return; /* the period of use is over, or nothing opened in this time */
	if (row_before(q->rows, p, device_class_name(class), &rule, w->set->origin))
		return;
	json_t *const row = json_pack("{s:s, s:b, s:s, s:o, s:s, s:i, s:s, s:o, s:o}", "user", p->user, "groups_known",
		p->groups != NULL, "class", device_class_name(class), "devices", devices_of(p, class), "file", rule.file, "line",
		(int)rule.line, "text", rule.text, "until", acl_json_instant(rule.until), "session",
		acl_json_session(w->set->policy, &s, w->from));
	json_object_set(row, "generation", json_object_get(w->set->origin, "generation"));
	(void)json_array_append_new(q->rows, row);
}

static bool listed(const json_t *names, const char *name)
{
	const json_t *item;
	size_t i;

	json_array_foreach(names, i, item)
	{
		if (!strcmp(json_string_value(item), name))
			return true;
	}
	return false;
}

/* Judges everybody there was at one instant; `at` 0: now. */
static int judge_all(struct query *q, const struct window *w, int64_t at)
{
	struct people people;
	const int code = people_ask(at, &people);

	if (code)
		return code;
	for (size_t i = 0; i < people.count; i++) {
		const struct person *const p = &people.list[i];
		if (!p->groups && !listed(q->unknown, p->user))
			(void)json_array_append_new(q->unknown, json_string(p->user));
		for (unsigned class = 0; class < DEVICE_CLASSES; class ++)
			judge(q, w, p, (enum device_class) class);
	}
	const json_t *group;
	size_t i;
	json_array_foreach(people.partly, i, group)
	{
		if (!listed(q->partly, json_string_value(group)))
			(void)json_array_append_new(q->partly, json_string(json_string_value(group)));
	}
	people_free(&people);
	return CLI_OK;
}

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Everybody who was there at the beginning of a window or at its end, by the set of that time. */
static int judge_row(struct query *q, const json_t *row, int64_t from, int64_t to)
{
	struct aclset set;
	int code = aclset_of_generation(row, &set);

	if (code)
		return code;
	const struct window w = {.set = &set, .from = from, .to = to};
	code = judge_all(q, &w, from);
	if (!code && to - from > 1)
		code = judge_all(q, &w, to - 1);
	aclset_close(&set);
	return code;
}

/* Every set that was in force at some time of the moment that was asked about. */
static int judge_past(struct query *q)
{
	json_t *rows, *row;
	int64_t end = q->moment.to;
	size_t i;

	int code = history_ask(&rows);
	if (code)
		return code;
	if (!history_at(rows, q->moment.to - 1))
		code = CLI_FAILED;
	json_array_foreach(rows, i, row)
	{
		const int64_t applied = history_applied(row);
		if (code || end <= q->moment.from || applied >= end)
			continue;
		code = judge_row(q, row, later(applied, q->moment.from), earlier(end, q->moment.to));
		end = applied;
	}
	json_decref(rows);
	return code;
}

static int judge_present(struct query *q)
{
	struct aclset set;
	int code = aclset_choose(&q->choice, &set);

	if (code)
		return code;
	const struct window w = {.set = &set, .from = q->moment.at, .to = INT64_MAX};
	code = judge_all(q, &w, 0);
	aclset_close(&set);
	return code;
}

/* "" while a session may exist, else when it may. */
static const char *when_cell(const json_t *row, char text[static ACL_PLACE])
{
	const json_t *const session = json_object_get(row, "session");
	char when[CLI_WHEN];

	if (json_is_string(json_object_get(session, "bar")))
		snprintf(text, ACL_PLACE, "from %s", cli_when(cli_text(session, "opens"), time_now(), when));
	else
		text[0] = '\0';
	return text;
}

static void print_names(const char *what, json_t *names)
{
	char list[4096], safe[8192];
	json_t *const holder = json_pack("{s:O}", "names", names);

	if (json_array_size(names))
		printf("\n%s: %s\n", what, text_safe(cli_join(holder, "names", list, sizeof list), safe, sizeof safe));
	json_decref(holder);
}

static int print(const struct query *q)
{
	static const struct table_column columns[] = {{"USER", TABLE_LEFT, TABLE_CUT}, {"CLASS", TABLE_LEFT, TABLE_WHOLE},
		{"DEVICES", TABLE_LEFT, TABLE_CUT}, {"FILE:LINE", TABLE_LEFT, TABLE_WHOLE}, {"RULE", TABLE_LEFT, TABLE_CUT},
		{"SET", TABLE_LEFT, TABLE_WHOLE}, {"POSSIBLE", TABLE_LEFT, TABLE_CUT}};
	struct table *t = table_new(columns, sizeof columns / sizeof *columns);
	char place[ACL_PLACE], devices[512], set[24];
	const json_t *row;
	size_t i;
	int code = CLI_OK;

	json_array_foreach(q->rows, i, row)
	{
		const json_t *const generation = json_object_get(row, "generation");
		snprintf(set, sizeof set, "%" JSON_INTEGER_FORMAT, json_integer_value(generation));
		table_cell(t, cli_text(row, "user"));
		table_cell(t, cli_text(row, "class"));
		table_cell(t, cli_join(row, "devices", devices, sizeof devices));
		table_cell(t, acl_print_place(row, place));
		table_cell(t, cli_text(row, "text"));
		table_cell(t, generation ? set : "files");
		table_cell(t, when_cell(row, place));
	}
	if (i) {
		code = table_show(t);
	} else {
		table_free(t);
		printf("Nobody %s reach %s %s%s%s.\n", q->on ? "could" : "can", q->proto, q->port, *q->port ? " " : "",
			q->address);
	}
	print_names(q->on ? "Groups unknown at that time, judged by their own files alone"
			  : "Groups unknown, judged by their own files alone",
		q->unknown);
	print_names("Of these groups only members who had logged in are known", q->partly);
	return code;
}

int acl_verb_who(int argc, char **argv)
{
	struct query q = {.rows = json_array(), .unknown = json_array(), .partly = json_array()};

	aclset_local_time();
	int code = query_parse(argc, argv, &q);
	if (!code)
		code = q.on ? judge_past(&q) : judge_present(&q);
	if (!code && cli_json)
		code = cli_print_json(json_pack("{s:o, s:o, s:O, s:O, s:O}", "from", acl_json_instant(q.moment.from), "to",
			acl_json_instant(q.on ? q.moment.to : INT64_MAX), "people", q.rows, "unknown", q.unknown, "partly",
			q.partly));
	else if (!code)
		code = print(&q);
	json_decref(q.rows);
	json_decref(q.unknown);
	json_decref(q.partly);
	return code;
}

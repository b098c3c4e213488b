/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `sekisho acl show`: everything that a user may reach, and every line that has a part in it. */
#include <stdio.h>
#include <string.h>

#include "common/text.h"
#include "config/policy_diff.h"
#include "gateway/acl_json.h"
#include "gateway/cli/acl_print.h"
#include "gateway/cli/aclset.h"
#include "gateway/cli/cli.h"
#include "gateway/cli/command.h"
#include "gateway/cli/table.h"
#include "gateway/cli/whose.h"

struct request {
	struct whose_words words;
	struct option_words groups;
	const char *on;
	struct aclset_choice choice;
	struct moment moment;
	struct whose whose;
};

static int request_parse(int argc, char **argv, struct request *q)
{
	struct option_words rest = {0};
	const struct option_spec specs[] = {
		{.name = "class", .value = &q->words.class},
		{.name = "device", .value = &q->words.device},
		{.name = "group", .list = &q->groups},
		{.name = "on", .value = &q->on},
		{.name = "files", .flag = &q->choice.files, .value = &q->choice.dir},
	};

	int code = option_parse(argc, argv, specs, sizeof specs / sizeof *specs, &rest);
	if (!code)
		code = option_count(&rest, 1, 1, "USER");
	if (code)
		return code;
	q->words.user = rest.items[0];
	q->words.groups = &q->groups;
	if (q->choice.files && q->on)
		return cli_usage("files have no past: leave --files or --on out");
	code = moment_parse(q->on, NULL, time_now(), &q->moment);
	q->choice.on = q->on ? q->moment.at : 0;
	return code;
}

static bool add_rule(const struct rule_ref *rule, void *list)
{
	return json_array_append_new(list, acl_json_rule(rule)) == 0;
}

/* Who answers for the files of a subject. */
struct owners {
	const struct subject *subject;
	json_t *list;
};

static bool concerns(const struct subject *s, const struct policy_file *f)
{
	bool in_group = false;

	for (size_t i = 0; f->kind == FILE_GROUP && i < s->group_count; i++)
		in_group = in_group || !strcmp(s->groups[i], f->name);
	return in_group || (f->kind == FILE_USER && !strcmp(f->name, s->user)) ||
	       (f->kind == FILE_DEVICE && !strcmp(f->name, device_class_name(s->device_class)));
}

static bool add_owner(const struct policy_file *f, void *arg)
{
	const struct owners *const o = arg;

	if (concerns(o->subject, f))
		(void)json_array_append_new(o->list, json_pack("{s:s, s:s?}", "file", f->path, "owner", f->owner));
	return true;
}

static json_t *reach_json(const struct policy *p, const struct subject *s, int64_t at)
{
	struct policy_changes reach;
	json_t *list;

	if (policy_reach(p, s, at, &reach) < 0)
		return NULL;
	list = json_array();
	for (size_t i = 0; i < reach.count; i++)
		(void)json_array_append_new(list, json_string(reach.change[i].text));
	policy_changes_free(&reach);
	return list;
}

static int describe(struct request *q, json_t **out)
{
	const char *room[GROUPS_MAX];
	struct aclset set;
	const int code = aclset_choose(&q->choice, &set);

	if (code)
		return code;
	const struct subject s = whose_subject(&q->whose, room);
	struct owners owners = {.subject = &s, .list = json_array()};
	json_t *const rules = json_array();
	policy_rules(set.policy, &s, q->moment.at, add_rule, rules);
	policy_files(set.policy, add_owner, &owners);
	*out = json_pack("{s:s, s:O, s:b, s:s, s:O, s:o, s:o, s:o, s:o, s:o, s:o}", "user", q->whose.user, "groups",
		q->whose.groups, "groups_known", !q->whose.groups_unknown, "class", device_class_name(q->whose.class), "set",
		set.origin, "at", acl_json_instant(q->moment.at), "reaches", reach_json(set.policy, &s, q->moment.at), "rules",
		rules, "session", acl_json_session(set.policy, &s, q->moment.at), "statements",
		acl_json_statements(set.policy, &s), "files", owners.list);
	aclset_close(&set);
	return *out ? CLI_OK : cli_fail(CLI_FAILED, "free some memory and try again", "out of memory");
}

static int print_owners(const json_t *files)
{
	static const struct table_column columns[] = {{"FILE", TABLE_LEFT, TABLE_WHOLE}, {"OWNER", TABLE_LEFT, TABLE_WHOLE}};
	struct table *t = table_new(columns, sizeof columns / sizeof *columns);
	const json_t *file;
	size_t i;

	json_array_foreach(files, i, file)
	{
		const char *const owner = cli_text(file, "owner");
		table_cell(t, cli_text(file, "file"));
		table_cell(t, *owner ? owner : "-");
	}
	putchar('\n');
	return table_show(t);
}

static int print(const struct request *q, const json_t *answer)
{
	const json_t *const reaches = json_object_get(answer, "reaches"), *const rules = json_object_get(answer, "rules"), *item;
	const json_t *const files = json_object_get(answer, "files");
	char safe[4096];
	size_t i;
	int code = CLI_OK;

	printf("%s (", q->whose.user);
	whose_print(&q->whose);
	puts(json_array_size(reaches) ? ") reaches:" : ") reaches nothing.");
	json_array_foreach(reaches, i, item)
	{
		printf("  %s\n", text_safe(json_string_value(item), safe, sizeof safe));
	}
	acl_print_session(json_object_get(answer, "session"), q->moment.at);
	if (json_array_size(rules)) {
		putchar('\n');
		code = acl_print_rules(rules);
	}
	if (!code)
		code = acl_print_statements(json_object_get(answer, "statements"));
	return code || !json_array_size(files) ? code : print_owners(files);
}

int acl_verb_show(int argc, char **argv)
{
	struct request q = {0};
	json_t *answer = NULL;

	aclset_local_time();
	int code = request_parse(argc, argv, &q);
	if (!code)
		code = whose_find(&q.words, q.moment.at, q.on != NULL, &q.whose);
	if (!code)
		code = describe(&q, &answer);
	if (!code && cli_json)
		code = cli_print_json(json_incref(answer));
	else if (!code)
		code = print(&q, answer);
	json_decref(answer);
	whose_clear(&q.whose);
	return code;
}

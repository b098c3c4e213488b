/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `sekisho acl explain`: may this user reach that address, and which rules say so? */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "common/diag.h"
#include "common/message.h"
#include "common/paths.h"
#include "config/policy.h"
#include "gateway/cli/aclset.h"
#include "gateway/cli/cli.h"
#include "gateway/cli/client.h"
#include "gateway/cli/command.h"
#include "gateway/cli/option.h"
#include "gateway/cli/table.h"

enum { RULES_MAX = 64 };

struct question {
	const char *user, *proto, *port, *address;
	enum device_class class;
	json_t *groups; /* array of names */
};

/* The groups that this machine's directory gives a user, as a login would find them. */
static int groups_of(const char *user, json_t *names)
{
	const struct passwd *pw = getpwnam(user);
	if (!pw)
		return cli_fail(CLI_FAILED, "name the groups yourself: --group G...",
			"no user '%s' in the directory of this machine", user);
	gid_t ids[GROUPS_MAX];
	int count = GROUPS_MAX;
	if (getgrouplist(user, pw->pw_gid, ids, &count) < 0)
		return cli_fail(
			CLI_FAILED, "name those that matter: --group G...", "'%s' is in more than %d groups", user, GROUPS_MAX);
	for (int i = 0; i < count; i++) {
		const struct group *group = getgrgid(ids[i]);
		/* A group whose name no ACL file can bear has no rules. */
		if (group && text_name_valid(group->gr_name) && json_array_append_new(names, json_string(group->gr_name)))
			return cli_fail(CLI_FAILED, "free some memory and try again", "out of memory");
	}
	return CLI_OK;
}

static int question_parse(int argc, char **argv, struct question *q, bool *files, const char **dir)
{
	const char *class = device_class_name(CLASS_MINISTRY);
	struct option_words rest = {0}, groups = {0};
	const char *class_option = NULL;
	const struct option_spec specs[] = {
		{.name = "class", .value = &class_option},
		{.name = "group", .list = &groups},
		{.name = "files", .flag = files, .value = dir},
	};
	int code = option_parse(argc, argv, specs, sizeof specs / sizeof *specs, &rest);
	if (!code)
		code = option_count(&rest, 3, 4, "USER, PROTO or ADDRESS");
	if (code)
		return code;
	if (class_option)
		class = class_option;
	q->user = rest.items[0];
	q->proto = rest.items[1];
	q->port = rest.count == 4 ? rest.items[2] : "";
	q->address = rest.items[rest.count - 1];
	if (!text_name_valid(q->user))
		return cli_usage("'%s' is no user's name", q->user);
	if (device_class_parse(class, &q->class))
		return cli_usage("'%s' is no class of device: ministry, private or shared", class);
	for (size_t i = 0; i < groups.count; i++)
		if (!text_name_valid(groups.items[i]))
			return cli_usage("'%s' is no group's name", groups.items[i]);
		else if (json_array_append_new(q->groups, json_string(groups.items[i])))
			return cli_fail(CLI_FAILED, "free some memory and try again", "out of memory");
	return groups.count ? CLI_OK : groups_of(q->user, q->groups);
}

/* The answer of the files on disk, in the form of the gateway's. */
static int ask_policy(const struct policy *p, const struct question *q, const struct target *target, json_t **end)
{
	const char *groups[GROUPS_MAX];
	struct subject s = {.user = q->user, .groups = groups, .device_class = q->class};
	size_t i, count;
	const json_t *name;
	json_array_foreach(q->groups, i, name) {
		groups[s.group_count++] = json_string_value(name);
	}
	struct rule_ref rules[RULES_MAX];
	bool allowed = policy_decide(p, &s, target, time_now(), rules, RULES_MAX, &count);
	json_t *list = json_array();
	for (i = 0; i < count && i < RULES_MAX; i++)
		json_array_append_new(
			list, json_pack("{s:s, s:s, s:i, s:s}", "action", rules[i].action == RULE_ALLOW ? "allow" : "deny",
				      "file", rules[i].file, "line", (int)rules[i].line, "text", rules[i].text));
	*end = json_pack("{s:b, s:n, s:o}", "allowed", allowed, "generation", "rules", list);
	return *end ? CLI_OK : cli_fail(CLI_FAILED, "free some memory and try again", "out of memory");
}

static int ask_files(const char *dir, const struct question *q, const struct target *target, json_t **end)
{
	struct diag d = diag_new();
	struct policy *p = NULL;
	int code, error = aclset_load(dir, &p, &d);
	if (error) {
		char *text = diag_render(&d);
		cli_lines(stderr, text ? text : "");
		free(text);
		code = cli_fail(CLI_FAILED, error == -EACCES ? "use sudo" : "sekisho acl check",
			"the files in %s cannot be used: %s", dir, error == -EINVAL ? "they have mistakes" : strerror(-error));
	} else {
		code = ask_policy(p, q, target, end);
	}
	policy_unref(p);
	diag_free(&d);
	return code;
}

static int ask_gateway(const struct question *q, json_t **end)
{
	return client_ask(
		json_pack("{s:s, s:s, s:O, s:s, s:s, s:s, s:s}", "verb", "acl-explain", "user", q->user, "groups", q->groups,
			"class", device_class_name(q->class), "proto", q->proto, "port", q->port, "address", q->address),
		NULL, end);
}

static int answer_print(const struct question *q, const json_t *end)
{
	static const struct table_column columns[] = {
		{"ACTION", TABLE_LEFT, TABLE_WHOLE}, {"FILE:LINE", TABLE_LEFT, TABLE_WHOLE}, {"RULE", TABLE_LEFT, TABLE_WHOLE}};
	const json_t *rules = json_object_get(end, "rules"), *rule;
	bool allowed = json_is_true(json_object_get(end, "allowed"));
	size_t i;
	printf("%s: %s, %s %s%s%s", allowed ? "allowed" : "denied", q->user, q->proto, q->port, *q->port ? " " : "", q->address);
	printf(" (class %s, groups:", device_class_name(q->class));
	json_array_foreach(q->groups, i, rule) {
		printf(" %s", json_string_value(rule));
	}
	puts(json_array_size(q->groups) ? ")" : " none)");
	if (!json_array_size(rules)) {
		puts("No rule covers it, and what no rule allows is denied.");
		return CLI_OK;
	}
	struct table *t = table_new(columns, sizeof columns / sizeof *columns);
	json_array_foreach(rules, i, rule) {
		char where[512];
		snprintf(where, sizeof where, "%.400s:%" JSON_INTEGER_FORMAT, cli_text(rule, "file"),
			json_integer_value(json_object_get(rule, "line")));
		table_cell(t, cli_text(rule, "action"));
		table_cell(t, where);
		table_cell(t, cli_text(rule, "text"));
	}
	return table_show(t);
}

int explain_verb(int argc, char **argv)
{
	struct question q = {.groups = json_array()};
	bool files = false;
	const char *dir = NULL;
	char why[256];
	struct target target;
	json_t *end = NULL;
	int code = question_parse(argc, argv, &q, &files, &dir);
	if (!code && target_parse(q.proto, q.port, q.address, &target, why, sizeof why))
		code = cli_usage("%s", why);
	if (!code)
		code = files ? ask_files(dir ? dir : PATH_ACL_DIR, &q, &target, &end) : ask_gateway(&q, &end);
	if (!code && cli_json)
		code = cli_print_json(json_incref(end));
	else if (!code)
		code = answer_print(&q, end);
	json_decref(end);
	json_decref(q.groups);
	return code;
}

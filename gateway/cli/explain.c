/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `sekisho acl explain`: may this user reach that address, and which lines say so? */
#include <stdio.h>
#include <string.h>

#include "common/text.h"
#include "gateway/acl_json.h"
#include "gateway/cli/acl_print.h"
#include "gateway/cli/aclset.h"
#include "gateway/cli/cli.h"
#include "gateway/cli/client.h"
#include "gateway/cli/command.h"
#include "gateway/cli/whose.h"

struct question {
	struct whose_words words;
	struct option_words groups;
	const char *proto, *port, *address, *on, *at;
	struct target target;
	struct aclset_choice choice;
	struct moment moment;
	struct whose whose;
};

static int question_parse(int argc, char **argv, struct question *q)
{
	struct option_words rest = {0};
	const struct option_spec specs[] = {
		{.name = "class", .value = &q->words.class},
		{.name = "device", .value = &q->words.device},
		{.name = "group", .list = &q->groups},
		{.name = "at", .value = &q->at},
		{.name = "on", .value = &q->on},
		{.name = "files", .flag = &q->choice.files, .value = &q->choice.dir},
	};
	char why[256];

	int code = option_parse(argc, argv, specs, sizeof specs / sizeof *specs, &rest);
	if (!code)
		code = option_count(&rest, 3, 4, "USER, PROTO or ADDRESS");
	if (code)
		return code;
	q->words.user = rest.items[0];
	q->words.groups = &q->groups;
	q->proto = rest.items[1];
	q->port = rest.count == 4 ? rest.items[2] : "";
	q->address = rest.items[rest.count - 1];
	if (q->choice.files && q->on)
		return cli_usage("files have no past: leave --files or --on out");
	if (target_parse(q->proto, q->port, q->address, &q->target, why, sizeof why))
		return cli_usage("%s", why);
	code = moment_parse(q->on, q->at, time_now(), &q->moment);
	q->choice.on = q->on ? q->moment.at : 0;
	return code;
}

/* By a set that the command reads itself, in the form of the gateway's answer. */
static int ask_set(struct question *q, json_t **end)
{
	const char *room[GROUPS_MAX];
	struct aclset set = {0};
	const int code = aclset_choose(&q->choice, &set);

	if (code)
		return code;
	const struct subject s = whose_subject(&q->whose, room);
	json_t *const answer = acl_json_explain(set.policy, &s, &q->target, q->moment.at);
	json_object_set(answer, "generation", json_object_get(set.origin, "generation"));
	if (!json_object_get(answer, "generation"))
		json_object_set_new(answer, "generation", json_null());
	json_object_set(answer, "device", q->whose.device ? q->whose.device : json_null());
	aclset_close(&set);
	*end = answer;
	return answer ? CLI_OK : cli_fail(CLI_FAILED, "free some memory and try again", "out of memory");
}

static int ask_gateway(struct question *q, json_t **end)
{
	const char *const class = q->words.device ? NULL : device_class_name(q->whose.class);

	return client_ask(json_pack("{s:s, s:s, s:O, s:s*, s:s*, s:s, s:s, s:s, s:I}", "verb", "acl-explain", "user",
				  q->whose.user, "groups", q->whose.groups, "class", class, "device", q->words.device, "proto",
				  q->proto, "port", q->port, "address", q->address, "at", (json_int_t)q->moment.at),
		NULL, end);
}

static int answer_print(const struct question *q, const json_t *end)
{
	const json_t *const rules = json_object_get(end, "rules");
	int code = CLI_OK;

	printf("%s: %s, %s %s%s%s (", json_is_true(json_object_get(end, "allowed")) ? "allowed" : "denied", q->whose.user,
		q->proto, q->port, *q->port ? " " : "", q->address);
	whose_print(&q->whose);
	puts(")");
	if (json_array_size(rules))
		code = acl_print_rules(rules);
	else
		puts("No rule covers it, and what no rule allows is denied.");
	acl_print_session(json_object_get(end, "session"), q->moment.at);
	return code ? code : acl_print_statements(json_object_get(end, "statements"));
}

int explain_verb(int argc, char **argv)
{
	struct question q = {0};
	json_t *end = NULL;

	aclset_local_time();
	int code = question_parse(argc, argv, &q);
	if (!code)
		code = whose_find(&q.words, q.moment.at, q.on != NULL, &q.whose);
	if (!code)
		code = q.choice.files || q.on ? ask_set(&q, &end) : ask_gateway(&q, &end);
	if (!code && cli_json)
		code = cli_print_json(json_incref(end));
	else if (!code)
		code = answer_print(&q, end);
	json_decref(end);
	whose_clear(&q.whose);
	return code;
}

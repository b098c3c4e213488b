/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/cli/acl_print.h"

#include <stdio.h>
#include <string.h>

#include "common/text.h"
#include "gateway/cli/cli.h"
#include "gateway/cli/table.h"

enum { TEXT_MAX = 1024 };

const char *acl_print_place(const json_t *object, char text[static ACL_PLACE])
{
	snprintf(text, ACL_PLACE, "%.400s:%" JSON_INTEGER_FORMAT, cli_text(object, "file"),
		json_integer_value(json_object_get(object, "line")));
	return text;
}

int acl_print_rules(const json_t *rules)
{
	static const struct table_column columns[] = {
		{"ACTION", TABLE_LEFT, TABLE_WHOLE}, {"FILE:LINE", TABLE_LEFT, TABLE_WHOLE}, {"RULE", TABLE_LEFT, TABLE_WHOLE}};
	struct table *t = table_new(columns, sizeof columns / sizeof *columns);
	char place[ACL_PLACE];
	const json_t *rule;
	size_t i;

	json_array_foreach(rules, i, rule)
	{
		table_cell(t, cli_text(rule, "action"));
		table_cell(t, acl_print_place(rule, place));
		table_cell(t, cli_text(rule, "text"));
	}
	return table_show(t);
}

void acl_print_session(const json_t *session, int64_t at)
{
	const bool barred = json_is_string(json_object_get(session, "bar"));
	const char *const turns = cli_text(session, barred ? "opens" : "ends");
	char place[ACL_PLACE], line[ACL_PLACE + TEXT_MAX], safe[2 * (ACL_PLACE + TEXT_MAX)], when[CLI_WHEN], then[TIME_TEXT];

	if (!*cli_text(session, "file"))
		return;
	snprintf(line, sizeof line, "%.*s (%s)", TEXT_MAX - 8, cli_text(session, "text"), acl_print_place(session, place));
	(void)text_safe(line, safe, sizeof safe);
	printf("\n%s", cli_when(time_format(at, then), time_now(), when));
	(void)cli_when(turns, time_now(), when);
	if (!barred)
		printf(": a session may exist, until %s at the latest: %s\n", when, safe);
	else if (*turns)
		printf(": no session: %s; possible from %s\n", safe, when);
	else
		printf(": no session, and never again: %s\n", safe);
}

int acl_print_statements(const json_t *statements)
{
	static const struct table_column columns[] = {
		{"FILE:LINE", TABLE_LEFT, TABLE_WHOLE}, {"WHEN, WHERE, HOW LONG", TABLE_LEFT, TABLE_WHOLE}};
	struct table *t;
	char place[ACL_PLACE];
	const json_t *line;
	size_t i;

	if (!json_array_size(statements))
		return CLI_OK;
	putchar('\n');
	t = table_new(columns, sizeof columns / sizeof *columns);
	json_array_foreach(statements, i, line)
	{
		table_cell(t, acl_print_place(line, place));
		table_cell(t, cli_text(line, "text"));
	}
	return table_show(t);
}

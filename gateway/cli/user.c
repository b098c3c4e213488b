/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `sekisho user`: who may not log in for a while. */
#include "common/text.h"
#include "gateway/cli/cli.h"
#include "gateway/cli/client.h"
#include "gateway/cli/command.h"
#include "gateway/cli/details.h"
#include "gateway/cli/option.h"
#include "gateway/cli/table.h"

int user_verb_suspend(int argc, char **argv)
{
	const char *until = NULL, *note = NULL;
	struct option_words rest = {0};
	const struct option_spec specs[] = {{.name = "until", .value = &until}, {.name = "note", .value = &note}};
	int64_t at = 0;
	json_t *end = NULL;
	int code = option_parse(argc, argv, specs, 2, &rest);
	if (!code)
		code = option_count(&rest, 1, 1, "the user's NAME");
	/* The user may come back on that day: unlike a period of use, it is the first one that is free again. */
	if (!code && until && details_day(until, false, &at))
		code = cli_usage("--until %s is no date: YYYY-MM-DD or YYYY-MM-DDTHH:MM is expected", until);
	if (!code)
		code = client_ask(json_pack("{s:s, s:s, s:I, s:s*}", "verb", "user-suspend", "user", rest.items[0], "until",
					  (json_int_t)at, "note", note),
			NULL, &end);
	if (code)
		return code;
	if (cli_json)
		return cli_print_json(end);
	char user[CLI_WHEN];
	const json_int_t ended = json_integer_value(json_object_get(end, "sessions_ended"));
	printf("%s may not log in until %s. %" JSON_INTEGER_FORMAT " session%s ended.\n",
		text_safe(cli_text(end, "user"), user, sizeof user), until ? until : "`sekisho user resume`", ended,
		ended == 1 ? "" : "s");
	json_decref(end);
	return CLI_OK;
}

int user_verb_resume(int argc, char **argv)
{
	const char *note = NULL;
	struct option_words rest = {0};
	const struct option_spec specs[] = {{.name = "note", .value = &note}};
	json_t *end = NULL;
	int code = option_parse(argc, argv, specs, 1, &rest);
	if (!code)
		code = option_count(&rest, 1, 1, "the user's NAME");
	if (!code)
		code = client_ask(
			json_pack("{s:s, s:s, s:s*}", "verb", "user-resume", "user", rest.items[0], "note", note), NULL, &end);
	if (code)
		return code;
	if (cli_json)
		return cli_print_json(end);
	char user[CLI_WHEN];
	printf("%s may log in again.\n", text_safe(cli_text(end, "user"), user, sizeof user));
	json_decref(end);
	return CLI_OK;
}

int user_verb_list(int argc, char **argv)
{
	static const struct table_column columns[] = {
		{"USER", TABLE_LEFT, TABLE_WHOLE},
		{"SINCE", TABLE_LEFT, TABLE_CUT},
		{"UNTIL", TABLE_LEFT, TABLE_CUT},
		{"BY", TABLE_LEFT, TABLE_CUT},
		{"NOTE", TABLE_LEFT, TABLE_CUT},
	};
	json_t *rows = NULL, *row;
	size_t i;
	int code = option_only(argc, argv, NULL, NULL);
	if (!code)
		code = client_rows(json_pack("{s:s}", "verb", "user-list"), &rows);
	if (code)
		return code;
	if (cli_json)
		return cli_print_json(rows);
	struct table *t = table_new(columns, sizeof columns / sizeof *columns);
	const int64_t now = time_now();
	json_array_foreach(rows, i, row)
	{
		char when[CLI_WHEN];
		table_cell(t, cli_text(row, "user"));
		table_cell(t, cli_when(cli_text(row, "since"), now, when));
		table_cell(t, cli_when(cli_text(row, "until"), now, when));
		table_cell(t, cli_text(row, "who"));
		table_cell(t, cli_text(row, "note"));
	}
	json_decref(rows);
	return table_show(t);
}
